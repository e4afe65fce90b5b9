// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentRegistry} from "../../src/interfaces/IAgentRegistry.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {Test} from "../base/Test.sol";
import {PoolHandler} from "./PoolHandler.sol";

contract PoolInvariantTest is Test {
    PoolHandler private handler;

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    function setUp() public {
        handler = new PoolHandler();
    }

    /// Read by forge: the contract whose functions it calls at random, and which of them, some more often than others.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](24);
        bytes4[17] memory all = [
            handler.join.selector,
            handler.giveUp.selector,
            handler.announce.selector,
            handler.evict.selector,
            handler.withdraw.selector,
            handler.open.selector,
            handler.request.selector,
            handler.draw.selector,
            handler.finish.selector,
            handler.giveIn.selector,
            handler.stake.selector,
            handler.requestUnstake.selector,
            handler.unstake.selector,
            handler.freeze.selector,
            handler.thaw.selector,
            handler.collect.selector,
            handler.pause.selector
        ];
        for (uint256 i; i < selectors.length; ++i) {
            selectors[i] = i < all.length ? all[i] : i % 2 == 0 ? handler.vote.selector : handler.wait.selector;
        }
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    function invariant_PoolAndRegistryHoldWhatTheyOwe() public view {
        handler.checkMoney();
    }

    /// Called by forge at the end of each run of random calls.
    function afterInvariant() public {
        handler.checkExits();
    }

    /// The handler's random calls would prove nothing if they never got far.
    function test_TheHandlerGetsEverywhere() public {
        bytes4[7] memory functions = [
            IValidatorPool.commit.selector,
            IValidatorPool.reveal.selector,
            IValidatorPool.finish.selector,
            IValidatorPool.giveUp.selector,
            IAgentRegistry.freeze.selector,
            IAgentRegistry.thaw.selector,
            IAgentRegistry.unstake.selector
        ];
        uint256[7] memory succeeded;
        uint256[7] memory refused;
        uint256 slashed;
        for (uint256 run; run < 8; ++run) {
            handler = new PoolHandler();
            bytes32 random = keccak256(abi.encode("pool", run));
            for (uint256 i; i < 400; ++i) {
                random = keccak256(abi.encode(random));
                _step(uint256(random), uint256(keccak256(abi.encode(random, 1))));
                if (i % 16 == 0) handler.checkMoney();
                if (handler.registry().slashed() != 0) ++slashed;
            }
            handler.checkMoney();
            handler.checkExits();
            for (uint256 k; k < functions.length; ++k) {
                succeeded[k] += handler.succeeded(functions[k]);
                refused[k] += handler.refused(functions[k]);
            }
        }
        for (uint256 k; k < functions.length; ++k) {
            vm.assertTrue(succeeded[k] >= (k == 6 ? 1 : 3), string.concat("succeeds: ", vm.toString(k), " ", vm.toString(succeeded[k])));
            vm.assertTrue(refused[k] >= 3, string.concat("is refused: ", vm.toString(k)));
        }
        vm.assertTrue(slashed != 0, "a seller's stake was slashed");
    }

    function _step(uint256 x, uint256 y) private {
        uint256 kind = (x >> 200) % 24;
        if (kind == 0) handler.join(x, y);
        else if (kind == 1) handler.giveUp(x, y);
        else if (kind == 2) handler.announce(y);
        else if (kind == 3) handler.evict(x);
        else if (kind == 4) handler.withdraw(x);
        else if (kind == 5) handler.open(x);
        else if (kind == 6) handler.request(x);
        else if (kind == 7) handler.draw(x, bytes32(y));
        else if (kind == 8) handler.finish(x);
        else if (kind == 9) handler.giveIn(x, y % 2 == 0);
        else if (kind == 10) handler.stake(y);
        else if (kind == 11) handler.requestUnstake(y);
        else if (kind == 12) handler.unstake(x);
        else if (kind == 13) handler.freeze(x);
        else if (kind == 14) handler.thaw(x);
        else if (kind == 15) handler.pause(y);
        else if (kind == 16 && y % 8 == 0) handler.collect();
        else if (kind < 22) handler.vote(x, y, y >> 64);
        else handler.wait(y);
    }
}
