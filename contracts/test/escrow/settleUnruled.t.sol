// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract SettleUnruledTest is EscrowTest {
    function testFuzz_HalvesThePriceForAnyCaller(uint96 price, address caller, uint256 time) public {
        a.price = uint96(_bound(price, 2, FUNDS));
        _openAndDispute();
        vm.warp(_bound(time, START + a.rulingSeconds + 1, START + 10_000 days));
        _expectSettled(a.price / 2, a.price - a.price / 2);
        vm.prank(caller);
        escrow.settleUnruled(a);
        _assertDeal(IServiceEscrow.Status.Settled, START, RESULT);
        _assertPaid(a.price / 2, a.price - a.price / 2);
    }

    function test_GivesTheOddUnitToTheBuyer() public {
        _openAndDispute();
        vm.warp(START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        _assertPaid(12_500_000, 12_500_001);
    }

    function test_RefundsAPriceOfOne() public {
        a.price = 1;
        _openAndDispute();
        vm.warp(START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
        _assertStatus(IServiceEscrow.Status.Refunded);
        _assertPaid(0, 1);
    }

    function testFuzz_RevertWhen_TheWindowIsOpen(address caller, uint256 time) public {
        _openAndDispute();
        vm.warp(_bound(time, START, START + a.rulingSeconds));
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, START + a.rulingSeconds + 1);
        vm.prank(caller);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_TheLastSecondOfTheWindow() public {
        _openAndDispute();
        vm.warp(START + a.rulingSeconds);
        _refuse(IServiceEscrow.Escrow_TooEarly.selector, START + a.rulingSeconds + 1);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_NotDelivered() public {
        _open();
        vm.warp(START + 10 days);
        _refuseStatus(IServiceEscrow.Status.Funded);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_NotDisputed() public {
        _openAndDeliver();
        vm.warp(START + 10 days);
        _refuseStatus(IServiceEscrow.Status.Delivered);
        escrow.settleUnruled(a);
    }

    function test_RevertWhen_AlreadyOver() public {
        _openAndDispute();
        vm.warp(START + 10 days);
        escrow.settleUnruled(a);
        _refuseStatus(IServiceEscrow.Status.Settled);
        escrow.settleUnruled(a);
    }
}
