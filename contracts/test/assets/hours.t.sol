// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC6909} from "@openzeppelin/contracts/interfaces/IERC6909.sol";
import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";
import {ComputeHours} from "../../src/ComputeHours.sol";
import {IComputeHours} from "../../src/interfaces/IComputeHours.sol";
import {Test} from "../base/Test.sol";

contract HoursTest is Test {
    address private constant PROVIDER = address(0x9807);
    address private constant HOLDER = address(0x401D);
    bytes32 private constant TERMS = keccak256("one H100, over ssh");
    uint64 private constant END = uint64(START + 30 days);
    ComputeHours private hours_;

    function setUp() public {
        vm.warp(START);
        hours_ = new ComputeHours();
    }

    function testFuzz_PromisesTime(uint256 amount, uint64 end) public {
        amount = _bound(amount, 1, type(uint256).max - 1);
        end = uint64(_bound(end, START, type(uint64).max));
        uint256 id = hours_.idOf(PROVIDER, TERMS, end);
        vm.expectEmit(address(hours_));
        emit IERC6909.Transfer(PROVIDER, address(0), HOLDER, id, amount);
        vm.expectEmit(address(hours_));
        emit IComputeHours.HoursMinted(id, PROVIDER, TERMS, end, amount);
        vm.prank(PROVIDER);
        vm.assertEq(hours_.mint(TERMS, end, HOLDER, amount), id, "id");
        vm.assertEq(hours_.balanceOf(HOLDER, id), amount, "seconds");
    }

    function test_EachPromiseIsAToken() public view {
        uint256 id = hours_.idOf(PROVIDER, TERMS, END);
        vm.assertTrue(id != hours_.idOf(HOLDER, TERMS, END), "provider");
        vm.assertTrue(id != hours_.idOf(PROVIDER, "other", END), "terms");
        vm.assertTrue(id != hours_.idOf(PROVIDER, TERMS, END + 1), "end");
    }

    function test_RevertWhen_NothingIsPromised() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeHours.Hours_NoAmount.selector));
        hours_.mint(TERMS, END, HOLDER, 0);
    }

    function test_RevertWhen_TheEndHasPassed() public {
        vm.expectRevert(abi.encodeWithSelector(IComputeHours.Hours_Expired.selector, START - 1));
        hours_.mint(TERMS, uint64(START - 1), HOLDER, 1);
    }

    function test_BurnsWhatIsRedeemed() public {
        uint256 id = _mint(7_200);
        vm.warp(END);
        vm.expectEmit(address(hours_));
        emit IComputeHours.HoursRedeemed(id, HOLDER, 3_600, "request");
        vm.prank(HOLDER);
        hours_.redeem(PROVIDER, TERMS, END, 3_600, "request");
        vm.assertEq(hours_.balanceOf(HOLDER, id), 3_600, "left");
    }

    function test_RevertWhen_RedeemedTooLate() public {
        _mint(7_200);
        vm.warp(END + 1);
        vm.expectRevert(abi.encodeWithSelector(IComputeHours.Hours_Expired.selector, END));
        vm.prank(HOLDER);
        hours_.redeem(PROVIDER, TERMS, END, 1, "request");
    }

    function test_RevertWhen_TooManyAreRedeemed() public {
        uint256 id = _mint(5);
        vm.expectRevert(abi.encodeWithSelector(ERC6909.ERC6909InsufficientBalance.selector, HOLDER, 5, 6, id));
        vm.prank(HOLDER);
        hours_.redeem(PROVIDER, TERMS, END, 6, "request");
    }

    function _mint(uint256 amount) private returns (uint256) {
        vm.prank(PROVIDER);
        return hours_.mint(TERMS, END, HOLDER, amount);
    }
}
