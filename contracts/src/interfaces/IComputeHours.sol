// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Computing time as ERC-6909 tokens: a provider's word, in seconds, that can be passed on
/// @notice An id stands for one provider, one hash of terms (which device, where, how reached) and one last second. Only the
/// provider can mint it. A holder redeems units by a request; the provider serves it. There is no money here and nothing
/// behind the word: sell units through the escrow, and look at the provider's stake and reputation.
interface IComputeHours {
    /// @notice So many seconds of this provider's time are out, to be redeemed until `expiresAt` (block time).
    event HoursMinted(uint256 indexed id, address indexed provider, bytes32 termsHash, uint256 expiresAt, uint256 amount);

    /// @notice Seconds were used up, for the request with this hash.
    event HoursRedeemed(uint256 indexed id, address indexed holder, uint256 amount, bytes32 request);

    /// @notice The time is over.
    error Hours_Expired(uint256 expiresAt);

    /// @notice At least one second.
    error Hours_NoAmount();

    /// @notice The caller, a provider, promises seconds to an account.
    /// @dev Reverts: NoAmount, Expired.
    function mint(bytes32 termsHash, uint64 expiresAt, address to, uint256 amount) external returns (uint256 id);

    /// @notice Burns the caller's seconds; the provider serves the request.
    /// @dev Reverts: NoAmount, Expired, ERC6909InsufficientBalance.
    function redeem(address provider, bytes32 termsHash, uint64 expiresAt, uint256 amount, bytes32 request) external;

    /// @notice The id of a provider's promise.
    function idOf(address provider, bytes32 termsHash, uint64 expiresAt) external pure returns (uint256 id);
}
