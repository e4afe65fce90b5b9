// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";
import {BlockingToken} from "../tokens/OddToken.sol";

contract WithdrawTest is EscrowTest {
    BlockingToken private token;

    function setUp() public override {
        super.setUp();
        token = new BlockingToken(buyer, FUNDS);
        _use(address(token));
        _openAndDeliver();
        token.setBlocked(seller, true);
        _release();
    }

    function test_PaysToAnotherAccount() public {
        vm.assertEq(escrow.owed(address(token), seller), a.price, "owed");
        vm.expectEmit(address(escrow));
        emit IServiceEscrow.Withdrawn(address(token), seller, stranger, a.price);
        vm.prank(seller);
        vm.assertEq(escrow.withdraw(address(token), stranger), a.price, "returns the amount");
        vm.assertEq(token.balanceOf(stranger), a.price, "paid");
        vm.assertEq(escrow.owed(address(token), seller), 0, "not owed any more");
    }

    function test_AddsUp() public {
        a.salt = keccak256("again");
        _openAndDeliver();
        _release();
        vm.assertEq(escrow.owed(address(token), seller), 2 * uint256(a.price), "twice");
    }

    function test_RevertWhen_TheTokenRefusesAgain() public {
        _refuse(BlockingToken.Blocked.selector, seller);
        vm.prank(seller);
        escrow.withdraw(address(token), seller);
        vm.assertEq(escrow.owed(address(token), seller), a.price, "still owed");
    }

    function testFuzz_RevertWhen_NothingIsOwed(address caller) public {
        vm.assume(caller != seller);
        _refuse(IServiceEscrow.Escrow_NothingOwed.selector, caller);
        vm.prank(caller);
        escrow.withdraw(address(token), caller);
    }

    function test_RevertWhen_ItWasWithdrawn() public {
        vm.prank(seller);
        escrow.withdraw(address(token), stranger);
        _refuse(IServiceEscrow.Escrow_NothingOwed.selector, seller);
        vm.prank(seller);
        escrow.withdraw(address(token), stranger);
    }
}
