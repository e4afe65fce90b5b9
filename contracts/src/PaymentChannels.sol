// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IERC3009} from "./interfaces/IERC3009.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";
import {IPaymentChannels} from "./interfaces/IPaymentChannels.sol";

/// @title The channels described in IPaymentChannels
contract PaymentChannels is IPaymentChannels, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// All that a claim reads and writes of a channel is in the first slot; `withdrawing` is in the second.
    struct Channel {
        uint96 balance;
        uint96 totalClaimed;
        uint40 initiatedAt;
        bool contested;
        uint96 withdrawing;
    }

    struct Account {
        uint128 totalClaimed;
        uint128 totalSettled;
    }

    bytes32 private constant CONFIG_TYPEHASH = keccak256(
        "ChannelConfig(address payer,address payerAuthorizer,address receiver,address receiverAuthorizer,address token,uint40 withdrawDelay,bytes32 salt)"
    );
    bytes32 private constant VOUCHER_TYPEHASH = keccak256("Voucher(bytes32 channelId,uint128 maxClaimableAmount)");

    /// @inheritdoc IPaymentChannels
    uint256 public constant MIN_WITHDRAW_DELAY = 15 minutes;
    /// @inheritdoc IPaymentChannels
    uint256 public constant MAX_WITHDRAW_DELAY = 30 days;
    /// @inheritdoc IPaymentChannels
    uint256 public constant WITHDRAWAL_WINDOW = 24 hours;

    /// @inheritdoc IPaymentChannels
    IMarketRules public immutable rules;

    mapping(bytes32 id => Channel) private _channels;

    /// @inheritdoc IPaymentChannels
    mapping(address receiver => mapping(address token => Account)) public receivers;

    constructor(IMarketRules market) EIP712("x402 Batch Settlement", "1") {
        rules = market;
    }

    /// @inheritdoc IPaymentChannels
    function deposit(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 permitDeadline,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        if (msg.sender != config.payer) revert Channels_WrongParty(msg.sender);
        _checkDeposit(config, amount);
        uint256 before = IERC20(config.token).balanceOf(address(this));
        if (v != 0) {
            try IERC20Permit(config.token).permit(config.payer, address(this), amount, permitDeadline, v, r, s) {}
                catch {}
        }
        IERC20(config.token).safeTransferFrom(config.payer, address(this), amount);
        _credit(config, getChannelId(config), amount, before);
    }

    /// @inheritdoc IPaymentChannels
    function depositWithAuthorization(
        ChannelConfig calldata config,
        uint128 amount,
        uint256 validAfter,
        uint256 validBefore,
        uint256 salt,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external nonReentrant {
        _checkDeposit(config, amount);
        bytes32 id = getChannelId(config);
        uint256 before = IERC20(config.token).balanceOf(address(this));
        bytes32 nonce = keccak256(abi.encode(id, salt));
        IERC3009(config.token).receiveWithAuthorization(
            config.payer, address(this), amount, validAfter, validBefore, nonce, v, r, s
        );
        _credit(config, id, amount, before);
    }

    /// @inheritdoc IPaymentChannels
    function claim(VoucherClaim[] calldata voucherClaims) external {
        for (uint256 i; i < voucherClaims.length; ++i) {
            _claim(voucherClaims[i]);
        }
    }

    /// @inheritdoc IPaymentChannels
    function settle(address receiver, address token) external {
        // No guard: it accounts before it pays, and one inside a deposit could only lessen what that deposit counts.
        Account memory account = receivers[receiver][token];
        uint128 amount = account.totalClaimed - account.totalSettled;
        if (amount == 0) revert Channels_ZeroAmount();
        receivers[receiver][token] = Account(account.totalClaimed, account.totalClaimed);
        emit Settled(receiver, token, msg.sender, amount);
        IERC20(token).safeTransfer(receiver, amount);
    }

    /// @inheritdoc IPaymentChannels
    function refund(ChannelConfig calldata config, uint128 amount) external nonReentrant {
        _checkReceiver(config);
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        uint96 given = _checkAvailable(channel, amount);
        channel.balance -= given;
        emit Refunded(id, given);
        IERC20(config.token).safeTransfer(config.payer, given);
    }

    /// @inheritdoc IPaymentChannels
    function initiateWithdraw(ChannelConfig calldata config, uint128 amount) external {
        if (msg.sender != config.payer) revert Channels_WrongParty(msg.sender);
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        channel.withdrawing = _checkAvailable(channel, amount);
        channel.initiatedAt = uint40(block.timestamp);
        emit WithdrawInitiated(id, amount, block.timestamp + config.withdrawDelay);
    }

    /// @inheritdoc IPaymentChannels
    function cancelWithdraw(ChannelConfig calldata config) external {
        if (msg.sender != config.payer) revert Channels_WrongParty(msg.sender);
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        if (!_isPending(channel.initiatedAt, config)) revert Channels_NoWithdrawal();
        channel.initiatedAt = 0;
        emit WithdrawCancelled(id);
    }

    /// @inheritdoc IPaymentChannels
    function finalizeWithdraw(ChannelConfig calldata config) external nonReentrant {
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        Channel memory c = channel;
        if (!_isPending(c.initiatedAt, config)) revert Channels_NoWithdrawal();
        uint256 readyAt = uint256(c.initiatedAt) + config.withdrawDelay;
        if (block.timestamp < readyAt) revert Channels_TooEarly(readyAt);
        uint96 left = c.balance - c.totalClaimed;
        uint96 given = c.withdrawing < left ? c.withdrawing : left;
        (channel.balance, channel.initiatedAt, channel.contested) = (c.balance - given, 0, false);
        emit Withdrawn(id, given);
        IERC20(config.token).safeTransfer(config.payer, given);
    }

    /// @inheritdoc IPaymentChannels
    function getChannelId(ChannelConfig calldata config) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(CONFIG_TYPEHASH, config)));
    }

    /// @inheritdoc IPaymentChannels
    function getVoucherDigest(bytes32 channelId, uint128 maxClaimableAmount) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(VOUCHER_TYPEHASH, channelId, maxClaimableAmount)));
    }

    /// @inheritdoc IPaymentChannels
    function channels(bytes32 channelId) external view returns (uint128 balance, uint128 totalClaimed) {
        return (_channels[channelId].balance, _channels[channelId].totalClaimed);
    }

    /// @inheritdoc IPaymentChannels
    function pendingWithdrawals(bytes32 channelId)
        external
        view
        returns (uint128 amount, uint40 initiatedAt, bool contested)
    {
        Channel storage channel = _channels[channelId];
        initiatedAt = channel.initiatedAt;
        return (initiatedAt == 0 ? 0 : channel.withdrawing, initiatedAt, channel.contested);
    }

    function _claim(VoucherClaim calldata c) private {
        ChannelConfig calldata config = c.voucher.channel;
        _checkReceiver(config);
        bytes32 id = getChannelId(config);
        Channel storage channel = _channels[id];
        uint128 total = c.totalClaimed;
        (uint96 balance, uint96 claimed, uint40 initiatedAt, bool contested) =
            (channel.balance, channel.totalClaimed, channel.initiatedAt, channel.contested);
        if (total <= claimed) return;
        if (total > c.voucher.maxClaimableAmount) {
            revert Channels_AboveVoucher(total, c.voucher.maxClaimableAmount);
        }
        if (total > balance) revert Channels_Overdrawn(total, balance);
        _checkSigned(config, getVoucherDigest(id, c.voucher.maxClaimableAmount), c.signature);
        if (!contested && _isPending(initiatedAt, config)) {
            (initiatedAt, contested) = (0, true);
            emit WithdrawCancelled(id);
        }
        // At most `balance`, which fits.
        (channel.totalClaimed, channel.initiatedAt, channel.contested) = (uint96(total), initiatedAt, contested);
        receivers[config.receiver][config.token].totalClaimed += total - claimed;
        emit Claimed(id, total);
    }

    /// Counts what arrived, up to what was asked for.
    function _credit(ChannelConfig calldata config, bytes32 id, uint256 amount, uint256 before) private {
        uint256 got = IERC20(config.token).balanceOf(address(this)) - before;
        if (got > amount) got = amount;
        if (got == 0) revert Channels_ZeroAmount();
        Channel storage channel = _channels[id];
        uint256 balance = channel.balance + got;
        if (balance > type(uint96).max) revert Channels_TooMuch(balance);
        (channel.balance, channel.initiatedAt, channel.contested) = (uint96(balance), 0, false);
        emit Deposited(id, config.payer, config.receiver, got, balance);
    }

    function _checkDeposit(ChannelConfig calldata config, uint256 amount) private view {
        if (config.receiver == address(0)) revert Channels_BadConfig(Flaw.NoReceiver);
        if (config.withdrawDelay < MIN_WITHDRAW_DELAY || config.withdrawDelay > MAX_WITHDRAW_DELAY) {
            revert Channels_BadConfig(Flaw.BadDelay);
        }
        if (amount == 0) revert Channels_ZeroAmount();
        rules.checkDeposit(config.token);
    }

    function _checkReceiver(ChannelConfig calldata config) private view {
        if (msg.sender != config.receiver && msg.sender != config.receiverAuthorizer) {
            revert Channels_WrongParty(msg.sender);
        }
    }

    /// The amount, when it is something and the payer's.
    function _checkAvailable(Channel storage channel, uint256 amount) private view returns (uint96) {
        if (amount == 0) revert Channels_ZeroAmount();
        uint256 available = channel.balance - channel.totalClaimed;
        if (amount > available) revert Channels_Overdrawn(amount, available);
        return uint96(amount);
    }

    function _checkSigned(ChannelConfig calldata config, bytes32 digest, bytes calldata signature) private view {
        bool own = config.payerAuthorizer == address(0);
        address signer = own ? config.payer : config.payerAuthorizer;
        // The key first, so that an ordinary account that delegates to code (EIP-7702) can still sign with it.
        (address found, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && found == signer) return;
        if (own && SignatureChecker.isValidERC1271SignatureNowCalldata(signer, digest, signature)) return;
        revert Channels_NotSignedBy(signer);
    }

    /// Started, not ended, and not past its window.
    function _isPending(uint256 initiatedAt, ChannelConfig calldata config) private view returns (bool) {
        return initiatedAt != 0 && block.timestamp <= initiatedAt + config.withdrawDelay + WITHDRAWAL_WINDOW;
    }
}
