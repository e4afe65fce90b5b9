// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract DisputeTest is EscrowTest {
    function testFuzz_Disputes(bytes32 reason, uint256 time) public {
        bytes32 id = _open();
        _deliver();
        time = _bound(time, START, START + a.reviewSeconds);
        vm.warp(time);
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Disputed(id, reason);
        vm.prank(buyer);
        escrow.dispute(a, reason, 0, 0, 0, 0);
        _assertDeal(IServiceEscrow.Status.Disputed, time, RESULT);
        vm.assertEq(dollar.balanceOf(address(escrow)), a.price, "the money stays");
    }

    function test_DisputesInTheLastSecond() public {
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds);
        _dispute();
        _assertDeal(IServiceEscrow.Status.Disputed, START + a.reviewSeconds, RESULT);
    }

    function testFuzz_RevertWhen_TheWindowIsOver(uint256 time) public {
        _openAndDeliver();
        vm.warp(_bound(time, START + a.reviewSeconds + 1, START + 10_000 days));
        _refuse(IServiceEscrow.Escrow_TooLate.selector, START + a.reviewSeconds);
        _dispute();
    }

    function testFuzz_RevertWhen_CallerIsNotTheBuyer(address caller) public {
        caller = _other(caller, buyer);
        _openAndDeliver();
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.dispute(a, REASON, 0, 0, 0, 0);
    }

    function test_TakesTheBondByAPermit() public {
        a.bond = 5e6;
        _openAndDeliver();
        vm.prank(buyer);
        dollar.approve(address(escrow), 0);
        (uint8 v, bytes32 r, bytes32 s) = _permit(BUYER_KEY, a.bond, START + 60);
        vm.prank(buyer);
        escrow.dispute(a, REASON, START + 60, v, r, s);
        vm.assertEq(dollar.balanceOf(address(escrow)), uint256(a.price) + a.bond, "price and bond");
        vm.assertEq(dollar.allowance(buyer, address(escrow)), 0, "exactly the bond");
    }

    function test_RevertWhen_TheBondIsNotPaid() public {
        a.bond = 5e6;
        _openAndDeliver();
        vm.prank(buyer);
        dollar.approve(address(escrow), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientAllowance.selector, address(escrow), 0, a.bond)
        );
        _dispute();
        _assertStatus(IServiceEscrow.Status.Delivered);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        _dispute();
    }

    function test_RevertWhen_NotDelivered() public {
        _open();
        _refuseStatus(IServiceEscrow.Status.Funded);
        _dispute();
    }

    function test_RevertWhen_AlreadyDisputed() public {
        _openAndDispute();
        _refuseStatus(IServiceEscrow.Status.Disputed);
        _dispute();
    }

    function test_RevertWhen_Over() public {
        _openAndDeliver();
        _release();
        _refuseStatus(IServiceEscrow.Status.Settled);
        _dispute();
    }
}
