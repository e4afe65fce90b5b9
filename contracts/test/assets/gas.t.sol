// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ComputeHours} from "../../src/ComputeHours.sol";
import {RevenueShares} from "../../src/RevenueShares.sol";
import {IAssets} from "../../src/interfaces/IAssets.sol";
import {AssetsTest} from "../base/AssetsTest.sol";
import {GasReport} from "../base/GasReport.sol";

/// What a transaction costs: see test/escrow/gas.t.sol. An account's first asset and first hours.
/// forge-config: default.isolate = true
contract AssetsGasTest is AssetsTest, GasReport {
    function test_WithinTargets() public {
        vm.prank(buyer);
        assets.mint(keccak256("a model"), IAssets.Kind.Model, "");
        _report("asset_mint", 80_708);
        vm.prank(seller);
        assets.offer(assetId, address(dollar), 5e6);
        _report("token_clone", 150_254);
        ComputeHours hours_ = new ComputeHours();
        hours_.mint(keccak256("terms"), uint64(START + 30 days), buyer, 3_600);
        _report("hours_mint", 51_426);
    }

    function test_OtherCalls() public {
        vm.prank(buyer);
        dollar.transfer(seller, 1);
        vm.prank(buyer);
        access.buy(1, buyer);
        _report("access_buy", 130_000);
        vm.prank(buyer);
        access.redeem(1, keccak256("a request"));
        _report("access_redeem", 60_000);
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (seller, 100);
        RevenueShares shares = new RevenueShares(address(assets), assetId, address(dollar), holders, amounts);
        vm.prank(buyer);
        dollar.transfer(address(shares), 1_000);
        vm.prank(seller);
        shares.claim(seller);
        _report("revenue_claim", 130_000);
    }
}
