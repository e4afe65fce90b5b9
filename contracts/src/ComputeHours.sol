// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ERC6909} from "@openzeppelin/contracts/token/ERC6909/ERC6909.sol";
import {IComputeHours} from "./interfaces/IComputeHours.sol";

/// @title The tokens described in IComputeHours
contract ComputeHours is IComputeHours, ERC6909 {
    /// @inheritdoc IComputeHours
    function mint(bytes32 termsHash, uint64 expiresAt, address to, uint256 amount) external returns (uint256 id) {
        _check(expiresAt, amount);
        id = idOf(msg.sender, termsHash, expiresAt);
        _mint(to, id, amount);
        emit HoursMinted(id, msg.sender, termsHash, expiresAt, amount);
    }

    /// @inheritdoc IComputeHours
    function redeem(address provider, bytes32 termsHash, uint64 expiresAt, uint256 amount, bytes32 request) external {
        _check(expiresAt, amount);
        uint256 id = idOf(provider, termsHash, expiresAt);
        _burn(msg.sender, id, amount);
        emit HoursRedeemed(id, msg.sender, amount, request);
    }

    /// @inheritdoc IComputeHours
    function idOf(address provider, bytes32 termsHash, uint64 expiresAt) public pure returns (uint256 id) {
        return uint256(keccak256(abi.encode(provider, termsHash, expiresAt)));
    }

    function _check(uint64 expiresAt, uint256 amount) private view {
        if (amount == 0) revert Hours_NoAmount();
        if (block.timestamp > expiresAt) revert Hours_Expired(expiresAt);
    }
}
