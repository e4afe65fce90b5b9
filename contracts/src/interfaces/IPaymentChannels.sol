// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketRules} from "./IMarketRules.sol";

/// @title Payment channels: one deposit, any number of payments by signature, one claim
/// @notice The payer deposits, then signs vouchers that count up: "of this channel, up to this much in all". The
/// receiver keeps the highest and claims when it likes, for many channels at once. `claim` accounts, `settle` pays out.
///
///     who                        calls               and
///     the payer *                deposit             adds to the balance, ends a pending withdrawal
///                                                    (* or anyone, by depositWithAuthorization)
///     the receiver **            claim               is owed more, up to the voucher and the balance
///     anyone                     settle              pays a receiver all that it is owed
///     the receiver **            refund              gives unclaimed money back at once
///     the payer                  initiateWithdraw    starts the delay, during which the receiver can claim
///     the payer                  cancelWithdraw      ends it
///     anyone                     finalizeWithdraw    pays the payer, from the end of the delay on and for
///                                                    `WITHDRAWAL_WINDOW` seconds
///                                                    (** or the receiver's authorizer)
///
/// @dev Structs, their field names, their EIP-712 types and the domain ("x402 Batch Settlement", version "1") are
/// those of x402 batch settlement, so that its signers can sign for these channels; this contract's address and the
/// chain id keep the signatures apart. The id of a channel is the EIP-712 hash of its config, which each call passes:
/// a config that differs in any bit is another channel, with nothing in it.
///
/// What is owed. `balance` is all that was deposited less all that was given back; `totalClaimed` counts up from 0 and
/// never exceeds it. The difference is the payer's.
///
/// Withdrawals. One that has matured does not wait: it can be finalized for `WITHDRAWAL_WINDOW` seconds and is void
/// after, so nobody keeps one in stock to get ahead of a claim. Any deposit ends it. Any claim ends it, too, but only
/// once: the payer's next withdrawal (unless it deposits in between) is diminished by claims and not ended, since a
/// receiver who claims one base unit at a time could otherwise hold the payer's money for ever. Whoever serves against
/// vouchers must refuse while a withdrawal is pending, and look more often than `withdrawDelay`.
///
/// There is no owner, no fee and no upgrade. The market's rules say which tokens may be deposited, and may stop
/// deposits; they are asked for nothing else, so no rule can stop or delay money on its way out.
///
/// Tokens. All channels of one token share the contract's balance. A deposit counts for what arrives, so a token may
/// take a fee. Not supported: tokens whose balances change by themselves, and tokens that charge the sender more than
/// the amount (both could pay one channel with another's money; only channels of that token are touched). A token may
/// refuse to pay a party: then only payouts to that party revert, and can be made once it relents.
///
/// In `depositWithAuthorization` it is left to the token to tell whether the payer agreed; a receiver should know its
/// token.
interface IPaymentChannels {
    /// @notice What makes a channel. Order and types are those of the EIP-712 type "ChannelConfig".
    /// @param payer deposits and withdraws.
    /// @param payerAuthorizer the key that signs vouchers; 0: the payer itself, which may be a contract (ERC-1271).
    /// @param receiver is paid.
    /// @param receiverAuthorizer may claim and refund for the receiver; 0: nobody.
    /// @param token the ERC-20 contract of all amounts.
    /// @param withdrawDelay seconds from the start of a withdrawal to its maturity.
    /// @param salt makes channels differ that are otherwise equal.
    struct ChannelConfig {
        address payer;
        address payerAuthorizer;
        address receiver;
        address receiverAuthorizer;
        address token;
        uint40 withdrawDelay;
        bytes32 salt;
    }

    /// @notice Up to `maxClaimableAmount` base units may be claimed of this channel in all, ever.
    struct Voucher {
        ChannelConfig channel;
        uint128 maxClaimableAmount;
    }

    /// @notice A voucher in use.
    /// @param signature of the voucher's digest: 65 bytes (r, s, v), or what a payer that is a contract accepts.
    /// @param totalClaimed how much the receiver takes of the channel in all, at most the voucher's amount.
    struct VoucherClaim {
        Voucher voucher;
        bytes signature;
        uint128 totalClaimed;
    }

    /// @notice Why nothing can be deposited into a channel. NoReceiver: nobody could claim. BadDelay: `withdrawDelay`
    /// is not from `MIN_WITHDRAW_DELAY` to `MAX_WITHDRAW_DELAY`.
    enum Flaw {
        NoReceiver,
        BadDelay
    }

    /// @notice `amount` arrived, and the channel's balance is now `balance`. A pending withdrawal is over.
    event Deposited(
        bytes32 indexed channelId, address indexed payer, address indexed receiver, uint256 amount, uint256 balance
    );

    /// @notice The receiver has claimed `totalClaimed` of the channel in all.
    event Claimed(bytes32 indexed channelId, uint256 totalClaimed);

    /// @notice A receiver was paid what it was owed.
    event Settled(address indexed receiver, address indexed token, address indexed sender, uint128 amount);

    /// @notice The receiver gave `amount` back to the payer.
    event Refunded(bytes32 indexed channelId, uint256 amount);

    /// @notice The payer wants `amount` back and can have it from `readyAt` (block time) on.
    event WithdrawInitiated(bytes32 indexed channelId, uint256 amount, uint256 readyAt);

    /// @notice The pending withdrawal was ended, by the payer or by a claim.
    event WithdrawCancelled(bytes32 indexed channelId);

    /// @notice The payer has got `amount` back.
    event Withdrawn(bytes32 indexed channelId, uint256 amount);

    /// @notice The channel cannot be used by anyone.
    error Channels_BadConfig(Flaw flaw);

    /// @notice The call is for another party of the channel.
    error Channels_WrongParty(address caller);

    /// @notice Nothing was to be moved, or nothing arrived.
    error Channels_ZeroAmount();

    /// @notice A channel holds at most 2^96 - 1 base units.
    error Channels_TooMuch(uint256 balance);

    /// @notice There are only `available` base units.
    error Channels_Overdrawn(uint256 amount, uint256 available);

    /// @notice The voucher is for less than is claimed.
    error Channels_AboveVoucher(uint256 totalClaimed, uint256 maxClaimableAmount);

    /// @notice The signature is not one of `signer` over the voucher's digest.
    error Channels_NotSignedBy(address signer);

    /// @notice No withdrawal is pending: none was started, it was ended, or its window is over.
    error Channels_NoWithdrawal();

    /// @notice The call is allowed from `readyAt` (block time) on.
    error Channels_TooEarly(uint256 readyAt);

    /// @notice Adds the caller's money to its channel, which is open from then on.
    /// @dev Reverts: WrongParty unless the payer calls, BadConfig, ZeroAmount, TooMuch, and whatever the
    /// rules and the token say.
    /// @param amount base units to take; a permit must be for exactly that.
    /// @param permitDeadline with `v`, `r` and `s`: an EIP-2612 permit. `v` 0 means that there is none. A permit that
    /// fails is ignored, since anyone may have submitted it before; the transfer then decides.
    function deposit(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Adds the payer's money by an EIP-3009 ReceiveWithAuthorization. Anyone may call.
    /// @dev The payer signs: from the payer, to this contract, the amount, and keccak256(abi.encode(channelId, salt))
    /// as the nonce; so the authorization serves this channel only. Reverts as `deposit` does, except for WrongParty.
    function depositWithAuthorization(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 validAfter,
        uint256 validBefore,
        uint256 salt,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Accounts to receivers what vouchers allow. A claim of no more than was claimed before changes nothing.
    /// @dev Reverts as a whole: WrongParty unless the receiver or its authorizer calls, AboveVoucher, Overdrawn,
    /// NotSignedBy.
    function claim(VoucherClaim[] calldata voucherClaims) external;

    /// @notice Pays a receiver everything in `token` that it is owed. Anyone may call.
    /// @dev Reverts: ZeroAmount when nothing is owed, and whatever the token says.
    function settle(address receiver, address token) external;

    /// @notice The receiver gives unclaimed money back to the payer, without any delay.
    /// @dev Reverts: WrongParty unless the receiver or its authorizer calls, ZeroAmount, Overdrawn.
    function refund(ChannelConfig calldata config, uint128 amount) external;

    /// @notice The payer asks for unclaimed money. The delay starts, anew if it was running.
    /// @dev Reverts: WrongParty, ZeroAmount, Overdrawn.
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external;

    /// @notice The payer leaves its money in the channel after all.
    /// @dev Reverts: WrongParty, NoWithdrawal.
    function cancelWithdraw(ChannelConfig calldata config) external;

    /// @notice Pays the payer what it asked for, or what claims have left of it. Anyone may call.
    /// @dev Reverts: NoWithdrawal, TooEarly, and whatever the token says.
    function finalizeWithdraw(ChannelConfig calldata config) external;

    /// @notice The id of a channel: the EIP-712 hash of its config.
    function getChannelId(ChannelConfig calldata config) external view returns (bytes32);

    /// @notice What a payer signs: the EIP-712 hash of "Voucher(bytes32 channelId,uint128 maxClaimableAmount)".
    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) external view returns (bytes32);

    /// @notice The money of a channel.
    /// @return balance deposited and not given back.
    /// @return totalClaimed of that, what is or was the receiver's.
    function channels(bytes32 channelId) external view returns (uint128 balance, uint128 totalClaimed);

    /// @notice The withdrawal that was started last and not ended; it may be past its window.
    /// @return amount what the payer asked for.
    /// @return initiatedAt when (block time); 0: there is none.
    /// @return contested a claim has ended one before: no claim will end this one, or the next.
    function pendingWithdrawals(bytes32 channelId)
        external
        view
        returns (uint128 amount, uint40 initiatedAt, bool contested);

    /// @notice What a receiver has claimed and been paid in a token, over all its channels.
    function receivers(address receiver, address token)
        external
        view
        returns (uint128 totalClaimed, uint128 totalSettled);

    /// @notice What is asked when a deposit comes in: its tokens and its brake. Its fee is not taken here.
    function rules() external view returns (IMarketRules);

    /// @notice The shortest `withdrawDelay`, in seconds.
    // solhint-disable-next-line func-name-mixedcase
    function MIN_WITHDRAW_DELAY() external view returns (uint256);

    /// @notice The longest `withdrawDelay`, in seconds.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_WITHDRAW_DELAY() external view returns (uint256);

    /// @notice For how many seconds a matured withdrawal can be finalized.
    // solhint-disable-next-line func-name-mixedcase
    function WITHDRAWAL_WINDOW() external view returns (uint256);
}
