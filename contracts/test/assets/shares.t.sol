// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {RevenueShares} from "../../src/RevenueShares.sol";
import {IRevenueShares} from "../../src/interfaces/IRevenueShares.sol";
import {AssetsTest} from "../base/AssetsTest.sol";
import {CallbackToken} from "../tokens/CallbackToken.sol";

/// Moves its shares on in the middle of its own payment, and asks again.
contract Greedy {
    RevenueShares private shares;
    address private friend;

    function claim(RevenueShares shares_, address friend_) external {
        (shares, friend) = (shares_, friend_);
        shares_.claim(address(this));
    }

    function tokensReceived() external {
        (bool ok,) = address(shares).call(abi.encodeCall(shares.claim, (address(this))));
        ok;
        uint256 half = shares.balanceOf(address(this)) / 2;
        (ok,) = address(shares).call(abi.encodeCall(shares.transfer, (friend, half)));
    }
}

contract SharesTest is AssetsTest {
    address[4] private holders = [address(0x401), address(0x402), address(0x403), address(0x404)];
    RevenueShares private shares;
    IERC20 private money;

    function setUp() public override {
        super.setUp();
        money = IERC20(address(dollar));
        _build([uint256(50), 30, 17, 0]);
        vm.prank(seller);
        assets.transferFrom(seller, address(shares), assetId);
    }

    function test_RevertWhen_TheHoldersAreBad() public {
        _refuse(IRevenueShares.Shares_BadHolders.selector);
        new RevenueShares(address(assets), assetId, address(dollar), new address[](2), new uint256[](1));
        _refuse(IRevenueShares.Shares_BadHolders.selector);
        new RevenueShares(address(assets), assetId, address(dollar), new address[](0), new uint256[](0));
        _refuse(IRevenueShares.Shares_BadHolders.selector);
        _build([uint256(1) << 64, 1, 0, 0]);
    }

    function testFuzz_PaidAndDueAddUpToReceived(uint256 random, uint64[3] memory weights) public {
        _build([uint256(weights[0]) / 4 + 1, uint256(weights[1]) / 4, uint256(weights[2]) / 4, 0]);
        uint256 sent;
        uint256 paidOut;
        for (uint256 i; i < 30; ++i) {
            random = uint256(keccak256(abi.encode(random)));
            address holder = holders[(random >> 8) % 4];
            if (random % 3 == 0) {
                uint256 amount = (random >> 16) % 1_000;
                _earn(amount);
                sent += amount;
            } else if (random % 3 == 1) {
                uint256 held = shares.balanceOf(holder);
                vm.prank(holder);
                shares.transfer(holders[(random >> 10) % 4], held == 0 ? 0 : (random >> 16) % (held + 1));
            } else {
                paidOut += _claim(holder);
            }
        }
        for (uint256 i; i < 4; ++i) {
            paidOut += _claim(holders[i]);
            vm.assertEq(shares.due(holders[i]), 0, "all whole units");
        }
        vm.assertEq(shares.received(), sent, "received");
        vm.assertEq(shares.paid(), paidOut, "paid");
        vm.assertEq(money.balanceOf(address(shares)), sent - paidOut, "held");
        vm.assertLe(sent - paidOut, 3, "less than a unit a holder is left");
    }

    function testFuzz_AllIsPaidWhereItDivides(uint256 random) public {
        uint256 sent;
        uint256 paidOut;
        for (uint256 i; i < 10; ++i) {
            random = uint256(keccak256(abi.encode(random)));
            uint256 amount = random % 1_000;
            _earn(amount);
            sent += amount;
            paidOut += _claim(holders[(random >> 16) % 4]);
        }
        uint256 rest = 97 - sent % 97;
        _earn(rest);
        for (uint256 i; i < 4; ++i) {
            paidOut += _claim(holders[i]);
        }
        vm.assertEq(paidOut, sent + rest, "paid is received, to the unit");
        vm.assertEq(money.balanceOf(address(shares)), 0, "nothing is left");
        vm.assertEq(money.balanceOf(holders[2]), (sent + rest) / 97 * 17, "by the shares, whatever came when");
    }

    function test_EarnsFromSales() public {
        rules.setFee(100);
        vm.prank(buyer);
        access.buy(1_000, buyer);
        uint256 revenue = 1_000 * uint256(PRICE) - 1_000 * uint256(PRICE) / 100;
        vm.assertEq(shares.received(), revenue, "received");
        vm.assertEq(shares.due(holders[0]), revenue * 50 / 97, "due");
    }

    function test_RevenueStaysWithWhoHeld() public {
        _earn(97);
        vm.prank(holders[0]);
        shares.transfer(holders[3], 50);
        _earn(97);
        vm.assertEq(_claim(holders[0]), 50, "before");
        vm.assertEq(_claim(holders[3]), 50, "after");
    }

    function test_RevertWhen_NothingIsDue() public {
        _earn(1);
        _refuse(IRevenueShares.Shares_NothingDue.selector, holders[0]);
        vm.prank(holders[0]);
        shares.claim(holders[0]);
    }

    function test_ACallbackGainsNothing() public {
        for (uint256 kind; kind < 2; ++kind) {
            CallbackToken token = new CallbackToken(buyer, FUNDS, kind == 0);
            money = IERC20(address(token));
            Greedy greedy = new Greedy();
            holders[0] = address(greedy);
            _build([uint256(50), 30, 17, 0]);
            _earn(970);
            greedy.claim(shares, holders[3]);
            vm.assertEq(money.balanceOf(address(greedy)), 500, "once");
            _earn(970);
            uint256 sum = _claim(holders[0]) + _claim(holders[1]) + _claim(holders[2]) + _claim(holders[3]);
            vm.assertEq(sum, 2 * 970 - 500, "the others get theirs");
        }
    }

    function test_RevertWhen_SentToTheirContract() public {
        _refuse(IRevenueShares.Shares_ToItself.selector);
        vm.prank(holders[0]);
        shares.transfer(address(shares), 1);
    }

    function test_WhoHoldsAllTakesTheAsset() public {
        _earn(97);
        for (uint256 i = 1; i < 3; ++i) {
            uint256 held = shares.balanceOf(holders[i]);
            vm.prank(holders[i]);
            shares.transfer(holders[0], held);
        }
        vm.prank(holders[0]);
        shares.takeAsset(buyer);
        vm.assertEq(assets.ownerOf(assetId), buyer, "out");
        vm.assertEq(shares.totalSupply(), 0, "ended");
        vm.assertEq(_claim(holders[0]) + _claim(holders[1]) + _claim(holders[2]), 97, "claims stay");
    }

    function test_RevertWhen_AShareIsMissing() public {
        vm.expectRevert(abi.encodeWithSelector(IRevenueShares.Shares_NotAll.selector, 50, 97));
        vm.prank(holders[0]);
        shares.takeAsset(buyer);
    }

    function _build(uint256[4] memory amounts) private {
        address[] memory who = new address[](4);
        uint256[] memory what = new uint256[](4);
        for (uint256 i; i < 4; ++i) {
            (who[i], what[i]) = (holders[i], amounts[i]);
        }
        shares = new RevenueShares(address(assets), assetId, address(money), who, what);
    }

    function _earn(uint256 amount) private {
        vm.prank(buyer);
        money.transfer(address(shares), amount);
    }

    /// What a holder was paid; nothing when nothing is due.
    function _claim(address holder) private returns (uint256) {
        if (shares.due(holder) == 0) return 0;
        vm.prank(holder);
        return shares.claim(holder);
    }
}
