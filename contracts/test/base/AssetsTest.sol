// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AccessToken} from "../../src/AccessToken.sol";
import {Assets} from "../../src/Assets.sol";
import {IAssets} from "../../src/interfaces/IAssets.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// The seller's data set and a token of access to it; the buyer has money.
abstract contract AssetsTest is EscrowTest {
    bytes32 internal constant CONTENT = keccak256("a data set");
    uint96 internal constant PRICE = 3e6 + 1;

    Assets internal assets;
    AccessToken internal access;
    uint256 internal assetId = uint256(CONTENT);

    function setUp() public virtual override {
        super.setUp();
        assets = new Assets(rules);
        vm.prank(seller);
        assets.mint(CONTENT, IAssets.Kind.Dataset, "ipfs://description");
        vm.prank(seller);
        access = AccessToken(assets.offer(assetId, address(dollar), PRICE));
        vm.prank(buyer);
        dollar.approve(address(access), type(uint256).max);
    }
}
