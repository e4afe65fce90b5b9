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
import {IServiceEscrow} from "./interfaces/IServiceEscrow.sol";

/// @title The escrow described in IServiceEscrow
contract ServiceEscrow is IServiceEscrow, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// One slot: a new deal writes 32 bytes and every later step rewrites them.
    struct Deal {
        Status status;
        uint40 since;
        bytes26 result;
    }

    bytes32 private constant AGREEMENT_TYPEHASH = keccak256(
        "Agreement(address buyer,address seller,address arbiter,address token,uint96 price,uint64 deliverBy,uint64 reviewSeconds,uint64 rulingSeconds,bytes32 termsHash,bytes32 salt)"
    );

    /// @inheritdoc IServiceEscrow
    uint256 public constant MAX_SECONDS = 3650 days;

    /// @inheritdoc IServiceEscrow
    mapping(bytes32 id => Deal) public deals;

    constructor() EIP712("Coase Escrow", "1") {}

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
        id = _begin(a, sellerSignature);
        uint256 before = IERC20(a.token).balanceOf(address(this));
        if (v != 0) {
            try IERC20Permit(a.token).permit(a.buyer, address(this), a.price, permitDeadline, v, r, s) {} catch {}
        }
        IERC20(a.token).safeTransferFrom(a.buyer, address(this), a.price);
        _checkReceived(a, before);
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
        id = _begin(a, sellerSignature);
        uint256 before = IERC20(a.token).balanceOf(address(this));
        IERC3009(a.token).receiveWithAuthorization(
            a.buyer, address(this), a.price, validAfter, validBefore, id, v, r, s
        );
        _checkReceived(a, before);
    }

    /// @inheritdoc IServiceEscrow
    function deliver(Agreement calldata a, bytes32 resultHash) external {
        if (msg.sender != a.seller) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Funded) revert Escrow_WrongStatus(deal.status);
        if (block.timestamp > a.deliverBy) revert Escrow_TooLate(a.deliverBy);
        deals[id] = Deal(Status.Delivered, uint40(block.timestamp), bytes26(resultHash));
        emit Delivered(id, resultHash);
    }

    /// @inheritdoc IServiceEscrow
    function release(Agreement calldata a) external nonReentrant {
        if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        Status status = deal.status;
        if (status != Status.Delivered && status != Status.Disputed) revert Escrow_WrongStatus(status);
        _settle(a, id, a.price);
    }

    /// @inheritdoc IServiceEscrow
    function claim(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Delivered) revert Escrow_WrongStatus(deal.status);
        uint256 reviewEnd = uint256(deal.since) + a.reviewSeconds;
        if (block.timestamp <= reviewEnd) revert Escrow_TooEarly(reviewEnd + 1);
        _settle(a, id, a.price);
    }

    /// @inheritdoc IServiceEscrow
    function refund(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        Status status = deal.status;
        if (status == Status.Funded) {
            if (msg.sender != a.seller && block.timestamp <= a.deliverBy) {
                revert Escrow_TooEarly(uint256(a.deliverBy) + 1);
            }
        } else if (status == Status.Delivered || status == Status.Disputed) {
            if (msg.sender != a.seller) revert Escrow_WrongParty(msg.sender);
        } else {
            revert Escrow_WrongStatus(status);
        }
        _settle(a, id, 0);
    }

    /// @inheritdoc IServiceEscrow
    function dispute(Agreement calldata a, bytes32 reason) external {
        if (msg.sender != a.buyer) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Delivered) revert Escrow_WrongStatus(deal.status);
        uint256 reviewEnd = uint256(deal.since) + a.reviewSeconds;
        if (block.timestamp > reviewEnd) revert Escrow_TooLate(reviewEnd);
        (deal.status, deal.since) = (Status.Disputed, uint40(block.timestamp));
        emit Disputed(id, reason);
    }

    /// @inheritdoc IServiceEscrow
    function rule(Agreement calldata a, uint256 sellerBasisPoints) external nonReentrant {
        if (msg.sender != a.arbiter) revert Escrow_WrongParty(msg.sender);
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Disputed) revert Escrow_WrongStatus(deal.status);
        if (sellerBasisPoints > 10_000) revert Escrow_BadRuling(sellerBasisPoints);
        uint256 rulingEnd = uint256(deal.since) + a.rulingSeconds;
        if (block.timestamp > rulingEnd) revert Escrow_TooLate(rulingEnd);
        _settle(a, id, uint256(a.price) * sellerBasisPoints / 10_000);
    }

    /// @inheritdoc IServiceEscrow
    function settleUnruled(Agreement calldata a) external nonReentrant {
        (bytes32 id, Deal storage deal) = _find(a);
        if (deal.status != Status.Disputed) revert Escrow_WrongStatus(deal.status);
        uint256 rulingEnd = uint256(deal.since) + a.rulingSeconds;
        if (block.timestamp <= rulingEnd) revert Escrow_TooEarly(rulingEnd + 1);
        _settle(a, id, a.price / 2);
    }

    /// @inheritdoc IServiceEscrow
    function hashAgreement(Agreement calldata a) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(AGREEMENT_TYPEHASH, a)));
    }

    /// Everything about opening but the money. The deal is Funded from here on: a deposit that fails reverts it all.
    function _begin(Agreement calldata a, bytes calldata sellerSignature) private returns (bytes32 id) {
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
        // The key first, so that an ordinary account that delegates to code (EIP-7702) can still sign with it.
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(id, sellerSignature);
        bool signed = failure == ECDSA.RecoverError.NoError && signer == a.seller;
        if (!signed && !SignatureChecker.isValidERC1271SignatureNowCalldata(a.seller, id, sellerSignature)) {
            revert Escrow_NotSignedBy(a.seller);
        }
        deal.status = Status.Funded;
        emit Opened(id, a.buyer, a.seller, a.price);
    }

    /// Ends the deal before any token moves, then pays both shares, which add up to the price.
    function _settle(Agreement calldata a, bytes32 id, uint256 toSeller) private {
        uint256 toBuyer = a.price - toSeller;
        deals[id].status = toSeller == 0 ? Status.Refunded : Status.Settled;
        emit Settled(id, toSeller, toBuyer);
        if (toSeller != 0) IERC20(a.token).safeTransfer(a.seller, toSeller);
        if (toBuyer != 0) IERC20(a.token).safeTransfer(a.buyer, toBuyer);
    }

    function _find(Agreement calldata a) private view returns (bytes32 id, Deal storage deal) {
        id = hashAgreement(a);
        deal = deals[id];
    }

    function _checkReceived(Agreement calldata a, uint256 before) private view {
        uint256 got = IERC20(a.token).balanceOf(address(this)) - before;
        if (got < a.price) revert Escrow_ShortTransfer(a.price, got);
    }
}
