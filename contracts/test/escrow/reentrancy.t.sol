// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";
import {HookToken} from "../tokens/OddToken.sol";

/// Every function that moves tokens, called from inside a transfer of every other one.
contract ReentrancyTest is EscrowTest {
    HookToken private token;

    function setUp() public override {
        super.setUp();
        token = new HookToken(buyer, FUNDS);
        _use(address(token));
    }

    function test_GuardsWhileOpening() public {
        bytes[] memory calls = _calls();
        for (uint256 i; i < calls.length; ++i) {
            a.salt = bytes32(i + 10);
            token.prepare(address(escrow), calls[i]);
            _open();
            _assertGuarded();
        }
        vm.assertEq(token.balanceOf(address(escrow)), calls.length * a.price, "each deposit once");
    }

    function test_GuardsWhileOpeningWithAuthorization() public {
        token.prepare(address(escrow), _calls()[0]);
        escrow.openWithAuthorization(a, _sellerSignature(), 0, type(uint256).max, 27, 0, 0);
        _assertGuarded();
    }

    function test_GuardsWhilePaying() public {
        bytes[] memory calls = _calls();
        for (uint256 i; i < calls.length; ++i) {
            a.salt = bytes32(i + 10);
            _openAndDeliver();
            token.prepare(address(escrow), calls[i]);
            _release();
            _assertGuarded();
        }
        vm.assertEq(token.balanceOf(seller), calls.length * a.price, "each payout once");
    }

    function test_GuardsEveryPayout() public {
        bytes memory again = abi.encodeCall(escrow.settleUnruled, (a));
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds + 1);
        token.prepare(address(escrow), again);
        escrow.claim(a);
        _assertGuarded();
        vm.warp(START);

        a.salt = bytes32(uint256(2));
        _open();
        token.prepare(address(escrow), again);
        vm.prank(seller);
        escrow.refund(a);
        _assertGuarded();

        a.salt = bytes32(uint256(3));
        _openAndDispute();
        token.prepare(address(escrow), again);
        vm.prank(arbiter);
        escrow.rule(a, 5_000);
        _assertGuarded();

        a.salt = bytes32(uint256(4));
        _openAndDispute();
        vm.warp(START + a.rulingSeconds + 1);
        token.prepare(address(escrow), again);
        escrow.settleUnruled(a);
        _assertGuarded();
    }

    // `deliver` and `accept` move no token and have no guard: called from inside a deposit that then fails, they leave no
    // trace; called from inside a payout, they find the deal over.

    function test_NothingRemainsOfADeliveryInsideAFailedDeposit() public {
        a.seller = address(token);
        a.price = uint96(FUNDS + 1);
        bytes memory signature = _sellerSignature();
        token.prepare(address(escrow), abi.encodeCall(escrow.deliver, (a, RESULT)));
        vm.expectRevert(abi.encodeWithSelector(HookToken.Broke.selector, true));
        vm.prank(buyer);
        escrow.open(a, signature, 0, 0, 0, 0);
        _assertDeal(IServiceEscrow.Status.None, 0, 0);
    }

    function test_ADeliveryInsideAPayoutFindsTheDealOver() public {
        // The token itself is the seller, so that it delivers from inside its own transfers.
        a.seller = address(token);
        _open();
        token.prepare(address(escrow), abi.encodeCall(escrow.deliver, (a, RESULT)));
        vm.warp(uint256(a.deliverBy) + 1);
        escrow.refund(a);
        vm.assertTrue(!token.succeeded(), "no delivery of a deal that is over");
        bytes memory expected = abi.encodeWithSelector(
            IServiceEscrow.Escrow_WrongStatus.selector, IServiceEscrow.Status.Refunded
        );
        vm.assertEq(keccak256(token.answer()), keccak256(expected), "it is refunded");
    }

    /// Every guarded call, none of which would pass anyway: the guard comes before all other checks.
    function _calls() private view returns (bytes[] memory calls) {
        calls = new bytes[](11);
        calls[0] = abi.encodeCall(escrow.open, (a, "", 0, 0, 0, 0));
        calls[1] = abi.encodeCall(escrow.openWithAuthorization, (a, "", 0, 0, 0, 0, 0));
        calls[2] = abi.encodeCall(escrow.release, (a));
        calls[3] = abi.encodeCall(escrow.claim, (a));
        calls[4] = abi.encodeCall(escrow.refund, (a));
        calls[5] = abi.encodeCall(escrow.rule, (a, 0));
        calls[6] = abi.encodeCall(escrow.settleUnruled, (a));
        calls[7] = abi.encodeCall(escrow.dispute, (a, REASON, 0, 0, 0, 0));
        calls[8] = abi.encodeCall(escrow.settle, (a, 0, 0, ""));
        calls[9] = abi.encodeCall(escrow.withdraw, (a.token, address(this)));
        calls[10] = abi.encodeCall(escrow.openBundle, (new IServiceEscrow.Agreement[](0), new bytes[](0), 0, 0, 0, 0));
    }

    function _assertGuarded() private view {
        vm.assertEq(token.prepared().length, 0, "the prepared call was made");
        vm.assertTrue(!token.succeeded(), "and did not succeed");
        bytes memory expected = abi.encodeWithSelector(ReentrancyGuard.ReentrancyGuardReentrantCall.selector);
        vm.assertEq(keccak256(token.answer()), keccak256(expected), "because of the guard");
    }
}
