// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC8004Reputation} from "./IERC8004Reputation.sol";
import {IServiceEscrow} from "./IServiceEscrow.sol";

/// @title What clients say about agents, by ERC-8004, after deals that settled
/// @notice The standard's functions, with one condition: who gives feedback has a right to. A right comes from a receipt:
/// the escrow's record of a deal, delivered and over, between this client and an account that the agent answers for. Each
/// receipt gives one right, once; each feedback uses one. So feedback costs a deal, with its fee; it does not cost a lie
/// that an agent tells of itself through a second account (facts about clients are the reader's to judge: filter by them).
///
/// A deal counts whether the seller or the buyer was paid in the end: who delivers badly and gives the money back is
/// spoken of, too. A deal that was never delivered does not count.
///
/// The standard bars an agent's owner and operators from giving feedback. They get no rights here, so they cannot. Who had
/// one before, as a client, keeps it: it could have used it at once, and approval as an operator, which needs no consent,
/// would otherwise silence a client.
///
/// Sums. `sumOf` reads count and sum under a first tag in constant time, whoever said it. The standard's own readers walk
/// through what they are asked for, up to `MAX_READ` entries; they are for calls that are not transactions.
interface IReputation is IERC8004Reputation {
    /// @notice A client has shown a receipt and may give feedback once more.
    event ReceiptConsumed(bytes32 indexed id, uint256 indexed agentId, address indexed client);

    /// @notice A tag was used for the first time.
    event TagAdded(uint32 indexed tag, string text);

    /// @notice The deal was not delivered, or is not over.
    error Reputation_WrongStatus(IServiceEscrow.Status status);

    /// @notice Only the buyer of the deal may show it.
    error Reputation_NotTheBuyer(address caller);

    /// @notice The agent does not answer for the seller of the deal.
    error Reputation_NotItsDeal(uint256 agentId, address seller);

    /// @notice The receipt was used.
    error Reputation_ReceiptUsed(bytes32 id);

    /// @notice An agent's own people do not speak about it.
    error Reputation_OwnAgent(address caller);

    /// @notice The caller has shown no receipt for this feedback.
    error Reputation_NoReceipt(address caller);

    /// @notice A value has 0 to 18 decimals, and is at most 10^20 in size.
    error Reputation_BadValue(int128 value, uint8 valueDecimals);

    /// @notice A tag has at most 31 bytes.
    error Reputation_TagTooLong(uint256 length);

    /// @notice There is no such feedback, or it was taken back.
    error Reputation_NoFeedback(uint64 feedbackIndex);

    /// @notice An answer needs a place where it can be read.
    error Reputation_NoResponse();

    /// @notice Clients must be named.
    error Reputation_NoClients();

    /// @notice More than `limit` entries: name fewer clients.
    error Reputation_TooMany(uint256 limit);

    /// @notice The buyer of a deal shows its receipt: one feedback about the agent may follow.
    /// @dev Reverts: NotTheBuyer, WrongStatus, ReceiptUsed, NotItsDeal, OwnAgent.
    function useReceipt(IServiceEscrow.Agreement calldata a, uint256 agentId) external returns (bytes32 id);

    /// @notice How many feedbacks a client may give about an agent.
    function rights(uint256 agentId, address client) external view returns (uint64);

    /// @notice Whether the receipt of this deal was used.
    function used(bytes32 id) external view returns (bool);

    /// @notice Count and sum, in 18 decimals, of all that was said about an agent under a first tag and not taken back.
    function sumOf(uint256 agentId, string calldata tag1) external view returns (uint64 count, int256 sum);

    /// @notice The escrow of the receipts.
    function escrow() external view returns (IServiceEscrow);

    /// @notice How many entries a reader walks through: 1000.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_READ() external view returns (uint256);
}
