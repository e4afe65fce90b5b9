// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";
import {IServiceEscrow} from "./interfaces/IServiceEscrow.sol";

/// @title The escrow described in IServiceEscrow
contract ServiceEscrow is IServiceEscrow, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// One slot: a new deal writes 32 bytes and every later step rewrites them.
    struct Deal {
        Status status;
        uint40 since;
        uint16 feeBasisPoints;
        bytes24 result;
    }

    /// One slot for all legs of a bundle.
    struct Bundle {
        uint16 legs;
        uint16 accepted;
        bool broken;
    }

    bytes32 private constant AGREEMENT_TYPEHASH = keccak256(
        "Agreement(address buyer,address seller,address arbiter,address token,uint96 price,uint96 bond,uint64 acceptBy,uint64 deliverBy,uint64 reviewSeconds,uint64 rulingSeconds,bytes32 termsHash,bytes32 salt,bytes32 bundle,bytes32 previous)"
    );
    bytes32 private constant SETTLEMENT_TYPEHASH =
        keccak256("Settlement(bytes32 id,uint256 sellerBasisPoints,uint256 validUntil)");
    uint256 private constant ALL = 10_000; // basis points

    /// @inheritdoc IServiceEscrow
    uint256 public constant MAX_SECONDS = 3650 days;
    /// @inheritdoc IServiceEscrow
    uint256 public constant MAX_LEGS = 16;
    /// @inheritdoc IServiceEscrow
    IMarketRules public immutable rules;

    /// @inheritdoc IServiceEscrow
    mapping(bytes32 id => Deal) public deals;
    /// @inheritdoc IServiceEscrow
    mapping(bytes32 key => Bundle) public bundles;
    /// @inheritdoc IServiceEscrow
    mapping(address token => mapping(address account => uint256)) public owed;

    constructor(IMarketRules rules_) EIP712("Coase Escrow", "1") {
        rules = rules_;
    }

    /// @inheritdoc IServiceEscrow
    function open(
        Agreement calldata a,
        bytes calldata sellerSignature,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 id) {
        if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
        if (a.bundle != 0) revert Escrow_BadAgreement(Flaw.BadBundle);
        (id,) = _begin(a, sellerSignature, rules.checkDeposit(a.token));
        _take(IERC20(a.token), a.price, permitDeadline, v, r, s);
    }

    /// @inheritdoc IServiceEscrow
    function openWithAuthorization(
        Agreement calldata a,
        bytes calldata sellerSignature,
        uint256 validAfter,
        uint256 validBefore,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 id) {
        if (a.bundle != 0) revert Escrow_BadAgreement(Flaw.BadBundle);
        (id,) = _begin(a, sellerSignature, rules.checkDeposit(a.token));
        uint256 before = IERC20(a.token).balanceOf(address(this));
        IERC3009(a.token).receiveWithAuthorization(
            a.buyer, address(this), a.price, validAfter, validBefore, id, v, r, s
        );
        _checkReceived(IERC20(a.token), a.price, before);
    }

    /// @inheritdoc IServiceEscrow
    function openBundle(
        Agreement[] calldata legs,
        bytes[] calldata sellerSignatures,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant returns (bytes32 key) {
        uint256 count = legs.length;
        if (count < 2 || count > MAX_LEGS || sellerSignatures.length != count) {
            revert Escrow_BadAgreement(Flaw.BadBundle);
        }
        key = bundleKey(legs[0].buyer, legs[0].bundle);
        if (bundles[key].legs != 0) revert Escrow_AlreadyOpen(key);
        uint256 total;
        uint256 accepted;
        uint16 fee = rules.checkDeposit(legs[0].token);
        for (uint256 i; i < count; ++i) {
            Agreement calldata a = legs[i];
            if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
            if (a.bundle == 0 || a.bundle != legs[0].bundle || a.token != legs[0].token || a.acceptBy != legs[0].acceptBy)
            {
                revert Escrow_BadAgreement(Flaw.BadBundle);
            }
            (, bool signed) = _begin(a, sellerSignatures[i], fee);
            if (signed) ++accepted;
            total += a.price;
        }
        bundles[key] = Bundle(uint16(count), uint16(accepted), false);
        emit BundleOpened(key, legs[0].buyer, count, total);
        _take(IERC20(legs[0].token), total, permitDeadline, v, r, s);
    }

    /// @inheritdoc IServiceEscrow
    function accept(Agreement calldata a, bytes calldata sellerSignature) external {
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Offered) revert Escrow_WrongStatus(deal.status);
        if (block.timestamp > a.acceptBy) revert Escrow_TooLate(a.acceptBy);
        if (msg.sender != a.seller && !_signedBy(a.seller, id, sellerSignature)) revert Escrow_NotSignedBy(a.seller);
        deal.status = Status.Funded;
        emit Accepted(id);
        if (a.bundle != 0) {
            Bundle storage bundle = bundles[bundleKey(a.buyer, a.bundle)];
            if (bundle.broken) revert Escrow_BundleBroken();
            ++bundle.accepted;
        }
    }

    /// @inheritdoc IServiceEscrow
    function deliver(Agreement calldata a, bytes32 resultHash) external {
        if (msg.sender != a.seller) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Funded) revert Escrow_WrongStatus(deal.status);
        if (block.timestamp > a.deliverBy) revert Escrow_TooLate(a.deliverBy);
        _requireComplete(a);
        if (a.previous != 0 && deals[a.previous].status != Status.Settled) revert Escrow_PreviousOpen(a.previous);
        deals[id] = Deal(Status.Delivered, uint40(block.timestamp), deal.feeBasisPoints, bytes24(resultHash));
        emit Delivered(id, resultHash);
    }

    /// @inheritdoc IServiceEscrow
    function release(Agreement calldata a) external nonReentrant {
        if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        Status status = deal.status;
        if (status != Status.Delivered && status != Status.Disputed) revert Escrow_WrongStatus(status);
        _settle(a, id, ALL);
    }

    /// @inheritdoc IServiceEscrow
    function claim(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Delivered) revert Escrow_WrongStatus(deal.status);
        uint256 reviewEnd = uint256(deal.since) + a.reviewSeconds;
        if (block.timestamp <= reviewEnd) revert Escrow_TooEarly(reviewEnd + 1);
        _settle(a, id, ALL);
    }

    /// @inheritdoc IServiceEscrow
    function refund(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        Status status = deal.status;
        if (status == Status.Offered || status == Status.Funded) {
            uint256 end = status == Status.Offered ? a.acceptBy : a.deliverBy;
            if (a.bundle != 0) {
                Bundle storage bundle = bundles[bundleKey(a.buyer, a.bundle)];
                if (bundle.accepted != bundle.legs) {
                    end = bundle.broken ? 0 : a.acceptBy;
                    if (msg.sender == a.seller || block.timestamp > end) bundle.broken = true;
                }
            }
            if (a.previous != 0 && deals[a.previous].status == Status.Refunded) end = 0;
            if (msg.sender != a.seller && block.timestamp <= end) revert Escrow_TooEarly(end + 1);
        } else if (status == Status.Delivered || status == Status.Disputed) {
            if (msg.sender != a.seller) revert Escrow_WrongParty(msg.sender);
        } else {
            revert Escrow_WrongStatus(status);
        }
        _settle(a, id, 0);
    }

    /// @inheritdoc IServiceEscrow
    function dispute(Agreement calldata a, bytes32 reason, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Delivered) revert Escrow_WrongStatus(deal.status);
        uint256 reviewEnd = uint256(deal.since) + a.reviewSeconds;
        if (block.timestamp > reviewEnd) revert Escrow_TooLate(reviewEnd);
        (deal.status, deal.since) = (Status.Disputed, uint40(block.timestamp));
        emit Disputed(id, reason);
        if (a.bond != 0) _take(IERC20(a.token), a.bond, permitDeadline, v, r, s);
    }

    /// @inheritdoc IServiceEscrow
    function rule(Agreement calldata a, uint256 sellerBasisPoints) external nonReentrant {
        if (msg.sender != a.arbiter) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Disputed) revert Escrow_WrongStatus(deal.status);
        uint256 rulingEnd = uint256(deal.since) + a.rulingSeconds;
        if (block.timestamp > rulingEnd) revert Escrow_TooLate(rulingEnd);
        _settle(a, id, sellerBasisPoints);
    }

    /// @inheritdoc IServiceEscrow
    function settleUnruled(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Disputed) revert Escrow_WrongStatus(deal.status);
        uint256 rulingEnd = uint256(deal.since) + a.rulingSeconds;
        if (block.timestamp <= rulingEnd) revert Escrow_TooEarly(rulingEnd + 1);
        _settle(a, id, ALL / 2);
    }

    /// @inheritdoc IServiceEscrow
    function settle(Agreement calldata a, uint256 sellerBasisPoints, uint256 validUntil, bytes calldata signature)
        external
        nonReentrant
    {
        if (msg.sender != a.buyer && msg.sender != a.seller) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        Status status = deal.status;
        if (status != Status.Funded && status != Status.Delivered && status != Status.Disputed) {
            revert Escrow_WrongStatus(status);
        }
        _requireComplete(a);
        if (block.timestamp > validUntil) revert Escrow_TooLate(validUntil);
        address other = msg.sender == a.buyer ? a.seller : a.buyer;
        if (!_signedBy(other, hashSettlement(id, sellerBasisPoints, validUntil), signature)) {
            revert Escrow_NotSignedBy(other);
        }
        _settle(a, id, sellerBasisPoints);
    }

    /// @inheritdoc IServiceEscrow
    function withdraw(address token, address to) external nonReentrant returns (uint256 amount) {
        amount = owed[token][msg.sender];
        if (amount == 0) revert Escrow_NothingOwed(msg.sender);
        owed[token][msg.sender] = 0;
        emit Withdrawn(token, msg.sender, to, amount);
        IERC20(token).safeTransfer(to, amount);
    }

    /// @inheritdoc IServiceEscrow
    function hashAgreement(Agreement calldata a) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(AGREEMENT_TYPEHASH, a)));
    }

    /// @inheritdoc IServiceEscrow
    function hashSettlement(bytes32 id, uint256 sellerBasisPoints, uint256 validUntil) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(SETTLEMENT_TYPEHASH, id, sellerBasisPoints, validUntil)));
    }

    /// @inheritdoc IServiceEscrow
    function bundleKey(address buyer, bytes32 bundle) public pure returns (bytes32) {
        return keccak256(abi.encode(buyer, bundle));
    }

    /// Everything about opening but the money. The deal is open from here on: a deposit that fails reverts it all.
    function _begin(Agreement calldata a, bytes calldata sellerSignature, uint16 fee)
        private
        returns (bytes32 id, bool signed)
    {
        if (a.price == 0) revert Escrow_BadAgreement(Flaw.ZeroPrice);
        if (a.buyer == a.seller) revert Escrow_BadAgreement(Flaw.SameParty);
        if (a.arbiter == address(0) || a.arbiter == a.buyer || a.arbiter == a.seller) {
            revert Escrow_BadAgreement(Flaw.BadArbiter);
        }
        if (block.timestamp > a.deliverBy) revert Escrow_TooLate(a.deliverBy);
        if (uint256(a.deliverBy) + a.reviewSeconds + a.rulingSeconds > block.timestamp + MAX_SECONDS) {
            revert Escrow_BadAgreement(Flaw.TooLong);
        }
        Deal storage deal;
        (id, deal) = _find(a);
        if (deal.status != Status.None) revert Escrow_AlreadyOpen(id);
        signed = sellerSignature.length != 0;
        if (signed) {
            if (!_signedBy(a.seller, id, sellerSignature)) revert Escrow_NotSignedBy(a.seller);
        } else {
            if (a.acceptBy > a.deliverBy) revert Escrow_BadAgreement(Flaw.AcceptAfterDelivery);
        }
        if ((!signed || a.bundle != 0) && block.timestamp > a.acceptBy) revert Escrow_TooLate(a.acceptBy);
        (deal.status, deal.feeBasisPoints) = (signed ? Status.Funded : Status.Offered, fee);
        emit Opened(id, a.buyer, a.seller, a.price);
    }

    /// Ends the deal before any token moves, then pays all shares, which add up to the price and the bond.
    function _settle(Agreement calldata a, bytes32 id, uint256 sellerBasisPoints) private {
        if (sellerBasisPoints > ALL) revert Escrow_BadRuling(sellerBasisPoints);
        Deal storage deal = deals[id];
        uint256 held = a.price;
        uint256 toSeller = held * sellerBasisPoints / ALL;
        uint256 fee = toSeller * deal.feeBasisPoints / ALL;
        if (deal.status == Status.Disputed && a.bond != 0) {
            held += a.bond;
            toSeller += uint256(a.bond) * sellerBasisPoints / ALL;
        }
        deal.status = toSeller == 0 ? Status.Refunded : Status.Settled;
        uint256 toBuyer = held - toSeller;
        toSeller -= fee;
        emit Settled(id, toSeller, toBuyer, fee);
        if (fee != 0) _pay(a.token, rules.feeRecipient(), fee);
        _pay(a.token, a.seller, toSeller);
        _pay(a.token, a.buyer, toBuyer);
    }

    /// Pays an account or, where the token refuses, owes it: nobody's refusal holds up another's money.
    function _pay(address token, address to, uint256 amount) private {
        if (amount == 0 || IERC20(token).trySafeTransfer(to, amount)) return;
        owed[token][to] += amount;
        emit Owed(token, to, amount);
    }

    /// No leg of a bundle moves on before all of them are accepted.
    function _requireComplete(Agreement calldata a) private view {
        if (a.bundle == 0) return;
        Bundle memory bundle = bundles[bundleKey(a.buyer, a.bundle)];
        if (bundle.accepted != bundle.legs) revert Escrow_BundleIncomplete(bundle.accepted, bundle.legs);
    }

    /// Takes the caller's money, by a permit if there is one, and checks that it came.
    function _take(IERC20 token, uint256 amount, uint256 permitDeadline, uint8 v, bytes32 r, bytes32 s) private {
        uint256 before = token.balanceOf(address(this));
        if (v != 0) {
            try IERC20Permit(address(token)).permit(msg.sender, address(this), amount, permitDeadline, v, r, s) {} catch {}
        }
        token.safeTransferFrom(msg.sender, address(this), amount);
        _checkReceived(token, amount, before);
    }

    function _checkReceived(IERC20 token, uint256 amount, uint256 before) private view {
        uint256 got = token.balanceOf(address(this)) - before;
        if (got < amount) revert Escrow_ShortTransfer(amount, got);
    }

    /// The key first, so that an ordinary account that delegates to code (EIP-7702) can still sign with it.
    function _signedBy(address party, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == party) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(party, digest, signature);
    }

    function _find(Agreement calldata a) private view returns (bytes32 id, Deal storage deal) {
        id = hashAgreement(a);
        deal = deals[id];
    }
}
