// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

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
        escrow.dispute(a, reason);
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
        escrow.dispute(a, REASON);
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
