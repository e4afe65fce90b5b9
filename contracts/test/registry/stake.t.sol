// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {AgentRegistry} from "../../src/AgentRegistry.sol";
import {IAgentRegistry} from "../../src/interfaces/IAgentRegistry.sol";
import {IMarketRules} from "../../src/interfaces/IMarketRules.sol";
import {RegistryTest} from "../base/RegistryTest.sol";
import {FeeToken} from "../tokens/FeeToken.sol";

contract StakeTest is RegistryTest {
    uint256 private constant COOLDOWN = 7 days;

    function testFuzz_StakesForAnyAgent(uint256 first, uint256 second) public {
        (first, second) = (_bound(first, 1, STAKE), _bound(second, 1, STAKE));
        _stake(first);
        vm.prank(buyer);
        dollar.approve(address(registry), second);
        vm.expectEmit(address(registry));
        emit IAgentRegistry.Staked(agent, buyer, second);
        vm.prank(buyer);
        registry.stake(agent, second);
        _assertStake(first + second, 0, 0, 0);
        vm.assertEq(dollar.balanceOf(address(registry)), first + second, "held");
    }

    function test_RevertWhen_ThereIsNoSlasher() public {
        registry = new AgentRegistry(rules, escrow, address(dollar));
        _refuse(IAgentRegistry.Registry_SlasherUnset.selector);
        _stake(1);
    }

    function test_RevertWhen_TheAmountIsBad() public {
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_BadAmount.selector, 0, type(uint96).max));
        _stake(0);
        _stake(5);
        uint256 most = type(uint96).max - 5;
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_BadAmount.selector, most + 1, most));
        _stake(most + 1);
    }

    function test_RevertWhen_NoSuchAgent() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 9));
        vm.prank(seller);
        registry.stake(9, 1);
    }

    function test_RevertWhen_DepositsArePaused() public {
        rules.pauseDeposits(true);
        _refuse(IMarketRules.Rules_DepositsPaused.selector);
        _stake(1);
    }

    function test_RevertWhen_TheTokenTakesAFee() public {
        FeeToken token = new FeeToken(seller, FUNDS);
        rules.allowToken(address(token), true);
        registry = new AgentRegistry(rules, escrow, address(token));
        registry.setSlasher(slasher);
        vm.prank(seller);
        registry.register();
        vm.prank(seller);
        token.approve(address(registry), 100);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_ShortTransfer.selector, 100, 99));
        _stake(100);
    }

    function test_ARequestReplacesTheLast() public {
        _stake(STAKE);
        _request(STAKE);
        vm.warp(START + COOLDOWN);
        vm.expectEmit(address(registry));
        emit IAgentRegistry.UnstakeRequested(agent, 3, START + 2 * COOLDOWN);
        _request(3);
        _assertStake(STAKE, 3, START + 2 * COOLDOWN, 0);
    }

    function testFuzz_RevertWhen_AStrangerRequests(address caller) public {
        _stake(STAKE);
        caller = _other(caller, seller);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_NotAuthorized.selector, caller, agent));
        vm.prank(caller);
        registry.requestUnstake(agent, 1);
    }

    function test_RevertWhen_MoreThanAllIsRequested() public {
        _stake(STAKE);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_BadAmount.selector, STAKE + 1, STAKE));
        _request(STAKE + 1);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_BadAmount.selector, 0, STAKE));
        _request(0);
    }

    function testFuzz_PaysAfterTheCooldown(uint256 amount, uint256 time) public {
        amount = _bound(amount, 1, STAKE);
        _stake(STAKE);
        _request(amount);
        vm.warp(START + COOLDOWN + _bound(time, 0, 2 days));
        uint256 before = dollar.balanceOf(seller);
        vm.assertEq(_unstake(), amount, "answer");
        vm.assertEq(dollar.balanceOf(seller), before + amount, "paid");
        _assertStake(STAKE - amount, 0, 0, 0);
    }

    function test_PaysWhilePaused() public {
        _stake(STAKE);
        rules.pauseDeposits(true);
        rules.allowToken(address(dollar), false);
        _request(STAKE);
        vm.warp(START + COOLDOWN);
        vm.assertEq(_unstake(), STAKE, "paid");
    }

    function testFuzz_RevertWhen_TooEarly(uint256 time) public {
        _stake(STAKE);
        _refuse(IAgentRegistry.Registry_NotReady.selector, 0);
        _unstake();
        _request(STAKE);
        vm.warp(START + _bound(time, 0, COOLDOWN - 1));
        _refuse(IAgentRegistry.Registry_NotReady.selector, START + COOLDOWN);
        _unstake();
    }

    function test_RevertWhen_TheRequestLapsed() public {
        _stake(STAKE);
        _request(STAKE);
        vm.warp(START + COOLDOWN + 2 days + 1);
        _refuse(IAgentRegistry.Registry_NotReady.selector, START + COOLDOWN);
        _unstake();
    }

    function test_RevertWhen_ItLeftAlready() public {
        _stake(STAKE);
        _request(1);
        vm.warp(START + COOLDOWN);
        _unstake();
        _refuse(IAgentRegistry.Registry_NotReady.selector, 0);
        _unstake();
    }

    function testFuzz_RevertWhen_AStrangerUnstakes(address caller) public {
        _stake(STAKE);
        _request(STAKE);
        vm.warp(START + COOLDOWN);
        caller = _other(caller, seller);
        vm.expectRevert(abi.encodeWithSelector(IAgentRegistry.Registry_NotAuthorized.selector, caller, agent));
        vm.prank(caller);
        registry.unstake(agent, caller);
    }

    function test_RevertWhen_TheSlasherIsNamedTwice() public {
        _refuse(IAgentRegistry.Registry_SlasherUnset.selector);
        registry.setSlasher(stranger);
        vm.assertEq(registry.slasher(), slasher, "unchanged");
    }

    function testFuzz_RevertWhen_AStrangerNamesTheSlasher(address caller) public {
        registry = new AgentRegistry(rules, escrow, address(dollar));
        vm.assume(caller != address(this));
        _refuse(IAgentRegistry.Registry_NotSlasher.selector, caller);
        vm.prank(caller);
        registry.setSlasher(caller);
        _refuse(IAgentRegistry.Registry_SlasherUnset.selector);
        registry.setSlasher(address(0));
    }
}
