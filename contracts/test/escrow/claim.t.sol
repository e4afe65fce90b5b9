// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract ClaimTest is EscrowTest {
    function testFuzz_PaysTheSellerForAnyCaller(address caller, uint256 time) public {
        _openAndDeliver();
        vm.warp(_bound(time, START + a.reviewSeconds + 1, START + 10_000 days));
        _expectSettled(a.price, 0);
        vm.prank(caller);
        escrow.claim(a);
        _assertDeal(IServiceEscrow.Status.Settled, START, RESULT);
        _assertPaid(a.price, 0);
    }

    function test_PaysInTheFirstSecondAfterTheWindow() public {
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds + 1);
        escrow.claim(a);
        _assertPaid(a.price, 0);
    }

    function testFuzz_RevertWhen_TheWindowIsOpen(address caller, uint256 time) public {
        _openAndDeliver();
        vm.warp(_bound(time, START, START + a.reviewSeconds));
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, START + a.reviewSeconds + 1);
        vm.prank(caller);
        escrow.claim(a);
    }

    function test_RevertWhen_TheLastSecondOfTheWindow() public {
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, START + a.reviewSeconds + 1);
        escrow.claim(a);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        escrow.claim(a);
    }

    function test_RevertWhen_NotDelivered() public {
        _open();
        vm.warp(START + 10 days);
        _refuseStatus(IServiceEscrow.Status.Funded);
        escrow.claim(a);
    }

    function test_RevertWhen_Disputed() public {
        _openAndDispute();
        vm.warp(START + 10 days);
        _refuseStatus(IServiceEscrow.Status.Disputed);
        escrow.claim(a);
    }

    function test_RevertWhen_AlreadyClaimed() public {
        _openAndDeliver();
        vm.warp(START + 10 days);
        escrow.claim(a);
        _refuseStatus(IServiceEscrow.Status.Settled);
        escrow.claim(a);
    }
}
