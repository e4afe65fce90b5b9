// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title The votes over a market's rules: "Coase Votes", VOTE, 18 decimals
/// @notice Everything is minted at construction and nothing later. A holder votes once it has delegated, to itself or to
/// another; votes count as of a proposal's snapshot, in seconds (ERC-6372, mode timestamp). Nobody has a privilege.
contract VotesToken is ERC20, ERC20Permit, ERC20Votes {
    /// @notice The constructor got `holders` accounts and `amounts` amounts; it needs one amount for each.
    error Votes_LengthMismatch(uint256 holders, uint256 amounts);

    constructor(address[] memory holders, uint256[] memory amounts)
        ERC20("Coase Votes", "VOTE")
        ERC20Permit("Coase Votes")
    {
        if (holders.length != amounts.length) revert Votes_LengthMismatch(holders.length, amounts.length);
        for (uint256 i; i < holders.length; ++i) {
            _mint(holders[i], amounts[i]);
        }
    }

    /// @notice The block time: snapshots and delays are seconds.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice How to read the clock.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
