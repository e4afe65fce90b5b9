// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketRules} from "./IMarketRules.sol";

/// @title An escrow for services: the buyer's money waits here until the work is delivered, accepted or ruled upon
/// @notice A deal goes through these statuses; each step into Settled or Refunded pays out all that it holds.
///
///     in status   who            calls            and the deal becomes
///     None        the buyer *    open             Funded with the seller's signature, Offered without
///                                                 (* or anyone, by openWithAuthorization)
///     Offered     the seller *   accept           Funded         until acceptBy (* or anyone, with its signature)
///     Offered     the seller     refund           Refunded
///     Offered     anyone         refund           Refunded       after acceptBy
///     Funded      the seller     deliver          Delivered      until deliverBy
///     Funded      the seller     refund           Refunded
///     Funded      anyone         refund           Refunded       after deliverBy
///     Delivered   the buyer      release          Settled
///     Delivered   the seller     refund           Refunded
///     Delivered   the buyer      dispute          Disputed       within reviewSeconds of the delivery, with the bond
///     Delivered   anyone         claim            Settled        later
///     Disputed    the buyer      release          Settled
///     Disputed    the seller     refund           Refunded
///     Disputed    the arbiter    rule             Settled, or Refunded if the seller gets nothing;
///                                                                within rulingSeconds of the dispute
///     Disputed    anyone         settleUnruled    the same, half each; later
///     Funded, Delivered or Disputed: either party calls settle with the other's signature, and they divide as they like
///
/// Bundles. Agreements with the same `bundle` word are legs of one purchase: data, a model, computing time, a validation.
/// `openBundle` funds them all. Until every leg is accepted, none can be delivered or settled. When a seller gives its
/// leg back, or `acceptBy` passes first, the bundle is broken for good and anyone may refund every leg of it.
///
/// Milestones. An agreement that names another as its `previous` can be delivered once that one is Settled, and be
/// refunded by anyone once that one is Refunded. A job in three steps is a bundle of three legs in a row.
///
/// Bonds. Who disputes puts `bond` in. However the dispute ends, price and bond are divided in the same proportion: a
/// buyer gets back as much of its bond as it is given of the price, and the seller, who was kept waiting, gets the rest.
///
/// Fees. The market's fee of the moment when a deal is opened is taken from what the seller is paid of the price.
///
/// @dev The id of a deal is the EIP-712 hash of its agreement, which the seller signs and the buyer opens. The escrow
/// keeps one storage slot per deal, so each call passes the whole agreement, from which the id is computed again: an
/// agreement that differs in any bit has another id, with status None.
///
/// There is no owner and no upgrade, and no pause but that of new deals by the rules. Where nobody acts, time decides:
/// an offer that is not accepted can be refunded after `acceptBy`, an undelivered deal after `deliverBy`; a delivered
/// one can be claimed after the review window, a disputed one halved after the ruling window. No agreement is opened
/// whose windows together reach further than `MAX_SECONDS` into the future.
///
/// Tokens. All deals of one token share the escrow's balance. The rules say which tokens are taken; they should be ERC-20
/// tokens that move exactly the amount asked for, with or without a return value. A token that delivers less on deposit
/// is refused. Never to be allowed: tokens whose balances change by themselves, and tokens that charge the sender more
/// than the amount (both could pay one deal with another's money; only deals in that token are touched).
/// A token may refuse to pay a party, for example one on its block list. What it refuses is `owed` to that party, who
/// can `withdraw` it to any account; the other party is paid all the same.
///
/// The escrow leaves it to the token to tell, in `openWithAuthorization`, whether the buyer agreed. An event means
/// something only to a reader who knows the agreement behind the id and accepts its token.
interface IServiceEscrow {
    /// @notice None: never opened. Funded: the price is here. Delivered: the review window runs from `since`. Disputed:
    /// the ruling window runs from `since`. Settled: over, the seller got something. Refunded: over, the buyer got all.
    /// Offered: the price is here, and the seller has not agreed yet.
    enum Status {
        None,
        Funded,
        Delivered,
        Settled,
        Refunded,
        Disputed,
        Offered
    }

    /// @notice Why an agreement cannot be opened. ZeroPrice: nothing to hold. SameParty: the buyer is the seller.
    /// BadArbiter: it is zero, the buyer or the seller. TooLong: its windows end later than `MAX_SECONDS` from now.
    /// BadBundle: a leg by itself, or legs that do not belong together, or not 2 to `MAX_LEGS` of them.
    /// AcceptAfterDelivery: the seller may accept later than it must deliver.
    enum Flaw {
        ZeroPrice,
        SameParty,
        BadArbiter,
        TooLong,
        BadBundle,
        AcceptAfterDelivery
    }

    /// @notice What the parties agree upon. Field order and types are those of the EIP-712 type "Agreement".
    /// @param buyer pays, and may release or dispute.
    /// @param seller delivers and is paid.
    /// @param arbiter rules when the buyer disputes: neither of the two.
    /// @param token the ERC-20 contract of the price.
    /// @param price the token's base units.
    /// @param bond what the buyer puts in when it disputes; 0 for none.
    /// @param acceptBy the last second (block time) at which `accept` is possible, for the deal and for its bundle.
    /// @param deliverBy the last second (block time) at which `deliver` is accepted.
    /// @param reviewSeconds for how long after delivery the buyer may dispute.
    /// @param rulingSeconds for how long after the dispute the arbiter may rule.
    /// @param termsHash the hash of what is sold, in the form the parties agreed upon; the escrow does not look inside.
    /// @param salt makes agreements differ that are otherwise equal.
    /// @param bundle the word that the legs of a bundle share; 0 for a deal by itself.
    /// @param previous the id of the deal that must be settled before this one can be delivered; 0 for none.
    struct Agreement {
        address buyer;
        address seller;
        address arbiter;
        address token;
        uint96 price;
        uint96 bond;
        uint64 acceptBy;
        uint64 deliverBy;
        uint64 reviewSeconds;
        uint64 rulingSeconds;
        bytes32 termsHash;
        bytes32 salt;
        bytes32 bundle;
        bytes32 previous;
    }

    /// @notice The deal is open and the price is in the escrow.
    event Opened(bytes32 indexed id, address indexed buyer, address indexed seller, uint256 price);

    /// @notice A bundle of so many legs is open, and the sum of their prices is in the escrow.
    event BundleOpened(bytes32 indexed key, address indexed buyer, uint256 legs, uint256 total);

    /// @notice The seller has agreed.
    event Accepted(bytes32 indexed id);

    /// @notice The seller has committed to a result.
    event Delivered(bytes32 indexed id, bytes32 resultHash);

    /// @notice The buyer disputes the result.
    event Disputed(bytes32 indexed id, bytes32 reason);

    /// @notice The deal is over; `toSeller + toBuyer + fee` is its price, and its bond after a dispute. Emitted exactly
    /// once per deal.
    event Settled(bytes32 indexed id, uint256 toSeller, uint256 toBuyer, uint256 fee);

    /// @notice The token refused to pay an account; it can withdraw the amount.
    event Owed(address indexed token, address indexed account, uint256 amount);

    /// @notice An account has withdrawn what was owed to it.
    event Withdrawn(address indexed token, address indexed account, address to, uint256 amount);

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

    /// @notice Not all legs of the bundle are accepted.
    error Escrow_BundleIncomplete(uint256 accepted, uint256 legs);

    /// @notice A leg of the bundle was given back: all of them will be refunded.
    error Escrow_BundleBroken();

    /// @notice The previous deal is not settled.
    error Escrow_PreviousOpen(bytes32 previous);

    /// @notice The escrow owes this account nothing.
    error Escrow_NothingOwed(address account);

    /// @notice A ruling or settlement gives the seller 0 to 10000 basis points.
    error Escrow_BadRuling(uint256 basisPoints);

    /// @notice The token moved `got` instead of `expected` into the escrow.
    error Escrow_ShortTransfer(uint256 expected, uint256 got);

    /// @notice Opens a deal with the caller's money, which the token must allow the escrow to take.
    /// @dev Reverts: WrongParty unless the buyer calls, BadAgreement, TooLate after `deliverBy` (or, for an offer,
    /// `acceptBy`), AlreadyOpen, NotSignedBy, ShortTransfer, and whatever the rules or the token say.
    /// @param sellerSignature of the id: 65 bytes (r, s, v), or what the seller accepts if it is a contract (ERC-1271).
    /// Empty: the deal is an offer.
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

    /// @notice Opens all legs of a bundle with the caller's money.
    /// @dev Reverts as `open` does; also AlreadyOpen when the word was used before.
    /// @param legs 2 to `MAX_LEGS` agreements with equal buyer, token, acceptBy and bundle word.
    /// @param sellerSignatures one a leg, each as for `open`.
    /// @param permitDeadline with `v`, `r` and `s`: a permit of exactly the sum of the prices, as for `open`.
    /// @return key of the bundle: see `bundleKey`.
    function openBundle(
        Agreement[] calldata legs,
        bytes[] calldata sellerSignatures,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external returns (bytes32 key);

    /// @notice The seller agrees to an offer, until `acceptBy`. Anyone may call with the seller's signature.
    /// @dev Reverts: WrongStatus unless Offered, TooLate, NotSignedBy, BundleBroken.
    /// @param sellerSignature of the id, as for `open`; not looked at when the seller calls.
    function accept(Agreement calldata a, bytes calldata sellerSignature) external;

    /// @notice The seller commits to its result, until `deliverBy`. The review window starts.
    /// @dev Reverts: WrongParty, WrongStatus unless Funded, TooLate, BundleIncomplete, PreviousOpen.
    /// @param resultHash the hash of the result; the event carries all of it, the deal its first 24 bytes.
    function deliver(Agreement calldata a, bytes32 resultHash) external;

    /// @notice The buyer pays the seller: it accepts the result, or gives in during a dispute.
    /// @dev Reverts: WrongParty, WrongStatus unless Delivered or Disputed.
    function release(Agreement calldata a) external;

    /// @notice Pays the seller when the buyer let the review window pass. Anyone may call.
    /// @dev Reverts: WrongStatus unless Delivered, TooEarly until the window is over.
    function claim(Agreement calldata a) external;

    /// @notice Pays the buyer back. Anyone may call after `acceptBy` when the seller has not agreed, after `deliverBy`
    /// when nothing was delivered, when the bundle is broken or was not complete by `acceptBy`, and when the previous
    /// deal was refunded. The seller may call at any time, to give the job back or to give in.
    /// @dev Reverts: WrongStatus when None or over; for others than the seller TooEarly when Offered or Funded and not
    /// yet late, WrongParty when Delivered or Disputed.
    function refund(Agreement calldata a) external;

    /// @notice The buyer disputes the result, within the review window, and puts the bond in. The ruling window starts.
    /// @dev Reverts: WrongParty, WrongStatus unless Delivered, TooLate, ShortTransfer, and whatever the token says.
    /// @param reason the hash of the buyer's reasons.
    /// @param permitDeadline with `v`, `r` and `s`: a permit of exactly the bond, as for `open`.
    function dispute(Agreement calldata a, bytes32 reason, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s)
        external;

    /// @notice The arbiter divides the price, within the ruling window.
    /// @dev Reverts: WrongParty, WrongStatus unless Disputed, BadRuling, TooLate.
    /// @param sellerBasisPoints the seller's share, 0 to 10000; fractions of a base unit go to the buyer.
    function rule(Agreement calldata a, uint256 sellerBasisPoints) external;

    /// @notice Halves the price when the arbiter let the ruling window pass. Anyone may call. An odd unit goes to the
    /// buyer.
    /// @dev Reverts: WrongStatus unless Disputed, TooEarly until the window is over.
    function settleUnruled(Agreement calldata a) external;

    /// @notice Divides the deal as both parties agree: one calls, with the other's signature of `hashSettlement`.
    /// @dev Reverts: WrongParty, WrongStatus unless Funded, Delivered or Disputed, BundleIncomplete, TooLate after
    /// `validUntil`, NotSignedBy, BadRuling.
    /// @param sellerBasisPoints the seller's share, 0 to 10000; fractions of a base unit go to the buyer.
    /// @param validUntil the last second (block time) at which the signature serves.
    function settle(Agreement calldata a, uint256 sellerBasisPoints, uint256 validUntil, bytes calldata signature)
        external;

    /// @notice Pays the caller what the token once refused to pay it, to an account of its choice.
    /// @dev Reverts: NothingOwed, and whatever the token says.
    function withdraw(address token, address to) external returns (uint256 amount);

    /// @notice What a party signs to propose a division: the EIP-712 hash of
    /// "Settlement(bytes32 id,uint256 sellerBasisPoints,uint256 validUntil)" in the domain of `hashAgreement`.
    function hashSettlement(bytes32 id, uint256 sellerBasisPoints, uint256 validUntil) external view returns (bytes32);

    /// @notice The key of a buyer's bundle.
    function bundleKey(address buyer, bytes32 bundle) external pure returns (bytes32);

    /// @notice The state of a bundle: how many legs it has, how many are accepted, and whether one was given back.
    function bundles(bytes32 key) external view returns (uint16 legs, uint16 accepted, bool broken);

    /// @notice What the token refused to pay an account.
    function owed(address token, address account) external view returns (uint256);

    /// @notice The id of the deal: the EIP-712 hash of the agreement, for the domain with the name "Coase Escrow", the
    /// version "1", this chain and this contract.
    function hashAgreement(Agreement calldata a) external view returns (bytes32);

    /// @notice The state of a deal.
    /// @return status see Status.
    /// @return since when the deal was delivered or, later, disputed; 0 before.
    /// @return feeBasisPoints of what the seller is paid.
    /// @return result the first 24 bytes of the result's hash; 0 before delivery.
    function deals(bytes32 id)
        external
        view
        returns (Status status, uint40 since, uint16 feeBasisPoints, bytes24 result);

    /// @notice The rules that every deposit is checked against.
    function rules() external view returns (IMarketRules);

    /// @notice How many legs a bundle can have.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_LEGS() external view returns (uint256);

    /// @notice How far into the future the windows of a new deal may reach, in seconds.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_SECONDS() external view returns (uint256);
}
