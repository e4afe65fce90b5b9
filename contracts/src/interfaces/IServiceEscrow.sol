// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title An escrow for services: the buyer's money waits here until the work is delivered, accepted or ruled upon
/// @notice A deal goes through these statuses; each step into Settled or Refunded pays out the whole price.
///
///     in status   who            calls            and the deal becomes
///     None        the buyer *    open             Funded         (* or anyone, by openWithAuthorization)
///     Funded      the seller     deliver          Delivered      until deliverBy
///     Funded      the seller     refund           Refunded
///     Funded      anyone         refund           Refunded       after deliverBy
///     Delivered   the buyer      release          Settled
///     Delivered   the seller     refund           Refunded
///     Delivered   the buyer      dispute          Disputed       within reviewSeconds of the delivery
///     Delivered   anyone         claim            Settled        later
///     Disputed    the buyer      release          Settled
///     Disputed    the seller     refund           Refunded
///     Disputed    the arbiter    rule             Settled, or Refunded if the seller gets nothing;
///                                                                within rulingSeconds of the dispute
///     Disputed    anyone         settleUnruled    the same, half each; later
///
/// @dev The id of a deal is the EIP-712 hash of its agreement, which the seller signs and the buyer opens. The escrow
/// keeps one storage slot per deal, so each call passes the whole agreement, from which the id is computed again: an
/// agreement that differs in any bit has another id, with status None.
///
/// There is no owner, no fee, no upgrade and no pause. Where nobody acts, time decides: an undelivered deal can be
/// refunded after `deliverBy`, a delivered one claimed after the review window, a disputed one halved after the ruling
/// window. No agreement is opened whose windows together reach further than `MAX_SECONDS` into the future.
///
/// Tokens. All deals of one token share the escrow's balance. Supported are ERC-20 tokens that move exactly the amount
/// asked for, with or without a return value. A token that delivers less on deposit is refused. Not supported: tokens
/// whose balances change by themselves, and tokens that charge the sender more than the amount (both could pay one deal
/// with another's money; only deals in that token are touched).
/// A token may refuse to pay a party, for example one on its block list. Payouts are pushed, so calls that pay that
/// party revert, and the deal stays as it is, until the token relents. What remains open meanwhile: if the seller is
/// blocked, it can `refund` the buyer and the arbiter can rule 0; if the buyer is blocked, it can `release` and the
/// arbiter can rule 10000; before delivery a blocked buyer can only wait. Choose a token whose issuer both parties
/// trust with this.
///
/// The escrow vouches for no token and, in `openWithAuthorization`, leaves it to the token to tell whether the buyer
/// agreed. Whoever deploys a token of its own can therefore produce events that name any buyer. An event means
/// something only to a reader who knows the agreement behind the id and accepts its token.
interface IServiceEscrow {
    /// @notice None: never opened. Funded: the price is here. Delivered: the review window runs from `since`. Disputed:
    /// the ruling window runs from `since`. Settled: over, the seller got something. Refunded: over, the buyer got all.
    enum Status {
        None,
        Funded,
        Delivered,
        Settled,
        Refunded,
        Disputed
    }

    /// @notice Why an agreement cannot be opened. ZeroPrice: nothing to hold. SameParty: the buyer is the seller.
    /// BadArbiter: it is zero, the buyer or the seller. TooLong: its windows end later than `MAX_SECONDS` from now.
    enum Flaw {
        ZeroPrice,
        SameParty,
        BadArbiter,
        TooLong
    }

    /// @notice What the parties agree upon. Field order and types are those of the EIP-712 type "Agreement".
    /// @param buyer pays, and may release or dispute.
    /// @param seller delivers and is paid.
    /// @param arbiter rules when the buyer disputes: neither of the two.
    /// @param token the ERC-20 contract of the price.
    /// @param price the token's base units.
    /// @param deliverBy the last second (block time) at which `deliver` is accepted.
    /// @param reviewSeconds for how long after delivery the buyer may dispute.
    /// @param rulingSeconds for how long after the dispute the arbiter may rule.
    /// @param termsHash the hash of what is sold, in the form the parties agreed upon; the escrow does not look inside.
    /// @param salt makes agreements differ that are otherwise equal.
    struct Agreement {
        address buyer;
        address seller;
        address arbiter;
        address token;
        uint96 price;
        uint64 deliverBy;
        uint64 reviewSeconds;
        uint64 rulingSeconds;
        bytes32 termsHash;
        bytes32 salt;
    }

    /// @notice The deal is open and the price is in the escrow.
    event Opened(bytes32 indexed id, address indexed buyer, address indexed seller, uint256 price);

    /// @notice The seller has committed to a result.
    event Delivered(bytes32 indexed id, bytes32 resultHash);

    /// @notice The buyer disputes the result.
    event Disputed(bytes32 indexed id, bytes32 reason);

    /// @notice The deal is over; `toSeller + toBuyer` is its price. Emitted exactly once per deal.
    event Settled(bytes32 indexed id, uint256 toSeller, uint256 toBuyer);

    /// @notice This very agreement was opened before. A new salt makes a new deal.
    error Escrow_AlreadyOpen(bytes32 id);

    /// @notice The agreement cannot be opened by anyone.
    error Escrow_BadAgreement(Flaw flaw);

    /// @notice The signature is not one of `party` over the id.
    error Escrow_NotSignedBy(address party);

    /// @notice The deal is in this status, in which the call is not allowed. None: the agreement was never opened.
    error Escrow_WrongStatus(Status status);

    /// @notice The call is for another party of the deal.
    error Escrow_WrongParty(address caller);

    /// @notice The call is allowed from `readyAt` (block time) on.
    error Escrow_TooEarly(uint256 readyAt);

    /// @notice The call was allowed until `deadline` (block time), that second included.
    error Escrow_TooLate(uint256 deadline);

    /// @notice A ruling gives the seller 0 to 10000 basis points.
    error Escrow_BadRuling(uint256 basisPoints);

    /// @notice The token moved `got` instead of `expected` into the escrow.
    error Escrow_ShortTransfer(uint256 expected, uint256 got);

    /// @notice Opens a deal with the caller's money, which the token must allow the escrow to take.
    /// @dev Reverts: WrongParty unless the buyer calls, BadAgreement, TooLate after `deliverBy`, AlreadyOpen,
    /// NotSignedBy, ShortTransfer, and whatever the token says.
    /// @param sellerSignature of the id: 65 bytes (r, s, v), or what the seller accepts if it is a contract (ERC-1271).
    /// @param permitDeadline with `v`, `r` and `s`: an EIP-2612 permit of exactly the price. `v` 0 means that there is
    /// none. A permit that fails is ignored, since anyone may have submitted it before; the transfer then decides.
    /// @return id the EIP-712 hash of the agreement.
    function open(
        Agreement calldata a,
        bytes calldata sellerSignature,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 id);

    /// @notice Opens a deal with the buyer's money by an EIP-3009 ReceiveWithAuthorization. Anyone may call.
    /// @dev The buyer signs: from the buyer, to this escrow, the price, and the id as the nonce; so the authorization
    /// serves this agreement only. Reverts as `open` does, except for WrongParty.
    function openWithAuthorization(
        Agreement calldata a,
        bytes calldata sellerSignature,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 id);

    /// @notice The seller commits to its result, until `deliverBy`. The review window starts.
    /// @dev Reverts: WrongParty, WrongStatus unless Funded, TooLate.
    /// @param resultHash the hash of the result; the event carries all of it, the deal its first 26 bytes.
    function deliver(Agreement calldata a, bytes32 resultHash) external;

    /// @notice The buyer pays the seller: it accepts the result, or gives in during a dispute.
    /// @dev Reverts: WrongParty, WrongStatus unless Delivered or Disputed.
    function release(Agreement calldata a) external;

    /// @notice Pays the seller when the buyer let the review window pass. Anyone may call.
    /// @dev Reverts: WrongStatus unless Delivered, TooEarly until the window is over.
    function claim(Agreement calldata a) external;

    /// @notice Pays the buyer back. Anyone may call after `deliverBy` when nothing was delivered; the seller may call
    /// at any time, to give the job back or to give in.
    /// @dev Reverts: WrongStatus unless Funded, Delivered or Disputed; for others than the seller TooEarly when Funded
    /// and not yet late, WrongParty when Delivered or Disputed.
    function refund(Agreement calldata a) external;

    /// @notice The buyer disputes the result, within the review window. The ruling window starts.
    /// @dev Reverts: WrongParty, WrongStatus unless Delivered, TooLate.
    /// @param reason the hash of the buyer's reasons.
    function dispute(Agreement calldata a, bytes32 reason) external;

    /// @notice The arbiter divides the price, within the ruling window.
    /// @dev Reverts: WrongParty, WrongStatus unless Disputed, BadRuling, TooLate.
    /// @param sellerBasisPoints the seller's share, 0 to 10000; fractions of a base unit go to the buyer.
    function rule(Agreement calldata a, uint256 sellerBasisPoints) external;

    /// @notice Halves the price when the arbiter let the ruling window pass. Anyone may call. An odd unit goes to the
    /// buyer.
    /// @dev Reverts: WrongStatus unless Disputed, TooEarly until the window is over.
    function settleUnruled(Agreement calldata a) external;

    /// @notice The id of the deal: the EIP-712 hash of the agreement, for the domain with the name "Coase Escrow", the
    /// version "1", this chain and this contract.
    function hashAgreement(Agreement calldata a) external view returns (bytes32);

    /// @notice The state of a deal.
    /// @return status see Status.
    /// @return since when the deal was delivered or, later, disputed; 0 before.
    /// @return result the first 26 bytes of the result's hash; 0 before delivery.
    function deals(bytes32 id) external view returns (Status status, uint40 since, bytes26 result);

    /// @notice How far into the future the windows of a new deal may reach, in seconds.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_SECONDS() external view returns (uint256);
}
