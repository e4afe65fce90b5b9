// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Keeps one unit of every transfer for itself.
contract FeeToken is ERC20 {
    constructor(address holder, uint256 amount) ERC20("Fee", "FEE") {
        _mint(holder, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0)) return super._update(from, to, value);
        super._update(from, address(this), 1);
        super._update(from, to, value - 1);
    }
}
