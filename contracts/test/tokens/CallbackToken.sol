// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

/// Calls back whom it pays, in the middle of the transfer: after the sender has paid, or before.
contract CallbackToken is ERC20 {
    bool private immutable early;

    constructor(address holder, uint256 amount, bool early_) ERC20("Callback", "CALL") {
        early = early_;
        _mint(holder, amount);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (early) _tell(to);
        super._update(from, to, value);
        if (!early) _tell(to);
    }

    function _tell(address to) private {
        if (to.code.length == 0) return;
        (bool ok,) = to.call(abi.encodeWithSignature("tokensReceived()"));
        ok;
    }
}
