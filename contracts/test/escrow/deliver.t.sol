// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {BundleTest} from "../base/BundleTest.sol";

contract DeliverTest is BundleTest {
    function testFuzz_Delivers(bytes32 result, uint256 time) public {
        bytes32 id = _open();
        time = _bound(time, START, a.deliverBy);
        vm.warp(time);
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Delivered(id, result);
        vm.prank(seller);
        escrow.deliver(a, result);
        _assertDeal(IServiceEscrow.Status.Delivered, time, result);
        vm.assertEq(dollar.balanceOf(address(escrow)), a.price, "the money stays");
    }

    function test_DeliversInTheLastSecond() public {
        _open();
        vm.warp(a.deliverBy);
        _deliver();
        _assertDeal(IServiceEscrow.Status.Delivered, a.deliverBy, RESULT);
    }

    function test_TakesOneSlot() public {
        bytes32 id = _open();
        _deliver();
        uint256 slot = uint256(vm.load(address(escrow), keccak256(abi.encode(id, uint256(2)))));
        vm.assertEq(uint8(slot), uint8(IServiceEscrow.Status.Delivered), "status in the lowest byte");
        vm.assertEq(uint40(slot >> 8), START, "then the time");
        vm.assertEq(uint16(slot >> 48), 0, "then the fee");
        vm.assertEq(slot >> 64, uint192(bytes24(RESULT)), "then the result");
    }

    function test_RevertWhen_TheBundleIsIncomplete() public {
        _openBundle(2);
        vm.expectRevert(abi.encodeWithSelector(IServiceEscrow.Escrow_BundleIncomplete.selector, 2, 3));
        _deliverLeg(0);
    }

    function test_MilestonesComeInTheirOrder() public {
        legs[1].previous = escrow.hashAgreement(legs[0]);
        _openBundle(3);
        _refuse(IServiceEscrow.Escrow_PreviousOpen.selector, uint256(legs[1].previous));
        _deliverLeg(1);
        _deliverLeg(0);
        _refuse(IServiceEscrow.Escrow_PreviousOpen.selector, uint256(legs[1].previous));
        _deliverLeg(1);
        vm.prank(buyer);
        escrow.release(legs[0]);
        _deliverLeg(1);
        _assertLeg(1, IServiceEscrow.Status.Delivered);
    }

    function testFuzz_RevertWhen_CallerIsNotTheSeller(address caller) public {
        caller = _other(caller, seller);
        _open();
        _refuse(IServiceEscrow.Escrow_WrongParty.selector, caller);
        vm.prank(caller);
        escrow.deliver(a, RESULT);
    }

    function testFuzz_RevertWhen_DeliverByHasPassed(uint256 time) public {
        _open();
        vm.warp(_bound(time, uint256(a.deliverBy) + 1, START + 10_000 days));
        _refuse(IServiceEscrow.Escrow_TooLate.selector, a.deliverBy);
        _deliver();
    }

    function test_RevertWhen_NeverOpened() public {
        _refuseStatus(IServiceEscrow.Status.None);
        _deliver();
    }

    function testFuzz_RevertWhen_TheAgreementDiffers(uint64 deliverBy) public {
        _open();
        vm.assume(deliverBy != a.deliverBy);
        a.deliverBy = deliverBy;
        _refuseStatus(IServiceEscrow.Status.None);
        _deliver();
    }

    function test_RevertWhen_AlreadyDelivered() public {
        _openAndDeliver();
        _refuseStatus(IServiceEscrow.Status.Delivered);
        _deliver();
    }

    function test_RevertWhen_Disputed() public {
        _openAndDispute();
        _refuseStatus(IServiceEscrow.Status.Disputed);
        _deliver();
    }

    function test_RevertWhen_Over() public {
        _openAndDeliver();
        _release();
        _refuseStatus(IServiceEscrow.Status.Settled);
        _deliver();
    }
}
