// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Test} from "./Test.sol";

/// Prints what the last call cost as a transaction of its own, in the line that gas.py reads, and keeps the target.
abstract contract GasReport is Test {
    function _report(string memory name, uint256 target) internal view {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        _print(string.concat("gas ", name, " ", vm.toString(used), " target ", vm.toString(target)));
        vm.assertLe(used, target, name);
    }
}
