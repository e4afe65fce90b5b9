// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract ReleaseTest is EscrowTest {
    function testFuzz_PaysTheSellerWhenDelivered(uint256 time) public {
        _openAndDeliver();
        vm.warp(_bound(time, START, START + 10_000 days));
        _expectSettled(a.price, 0);
        _release();
        _assertDeal(IServiceEscrow.Status.Settled, START, RESULT);
        _assertPaid(a.price, 0);
    }

    function testFuzz_PaysTheSellerWhenDisputed(uint256 time) public {
        _openAndDispute();
        vm.warp(_bound(time, START, START + 10_000 days));
        _expectSettled(a.price, 0);
        _release();
        _assertStatus(IServiceEscrow.Status.Settled);
        _assertPaid(a.price, 0);
    }

    function testFuzz_RevertWhen_CallerIsNotTheBuyer(address caller) public {
        caller = _other(caller, buyer);
        _openAndDeliver();
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.release(a);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        _release();
    }

    function test_RevertWhen_NotDelivered() public {
        _open();
        _refuseStatus(IServiceEscrow.Status.Funded);
        _release();
    }

    function test_RevertWhen_AlreadyReleased() public {
        _openAndDeliver();
        _release();
        _refuseStatus(IServiceEscrow.Status.Settled);
        _release();
    }

    function test_RevertWhen_AlreadyRefunded() public {
        _openAndDeliver();
        vm.prank(seller);
        escrow.refund(a);
        _refuseStatus(IServiceEscrow.Status.Refunded);
        _release();
    }
}
