// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Ownable2Step} from "@openzeppelin/contracts/access/Ownable2Step.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";

/// @title The rules described in IMarketRules
contract MarketRules is IMarketRules, Ownable2Step {
    /// @inheritdoc IMarketRules
    uint256 public constant MAX_FEE = 500;

    /// @inheritdoc IMarketRules
    mapping(address token => bool) public allowed;

    // One slot for what every deposit reads, one for the fees.

    /// @inheritdoc IMarketRules
    address public guardian;
    /// @inheritdoc IMarketRules
    uint16 public feeBasisPoints;
    /// @inheritdoc IMarketRules
    uint16 public auditBasisPoints;
    /// @inheritdoc IMarketRules
    bool public depositsPaused;

    /// @inheritdoc IMarketRules
    address public feeRecipient;

    constructor(address owner, address guardian_, address recipient, uint256 fee, uint256 auditRate, address token)
        Ownable(owner)
    {
        _setFee(fee);
        _setFeeRecipient(recipient);
        _setAuditRate(auditRate);
        _setGuardian(guardian_);
        _allowToken(token, true);
    }

    /// @inheritdoc IMarketRules
    function setFee(uint256 basisPoints) external onlyOwner {
        _setFee(basisPoints);
    }

    /// @inheritdoc IMarketRules
    function setFeeRecipient(address recipient) external onlyOwner {
        _setFeeRecipient(recipient);
    }

    /// @inheritdoc IMarketRules
    function setAuditRate(uint256 basisPoints) external onlyOwner {
        _setAuditRate(basisPoints);
    }

    /// @inheritdoc IMarketRules
    function allowToken(address token, bool yes) external onlyOwner {
        _allowToken(token, yes);
    }

    /// @inheritdoc IMarketRules
    function setGuardian(address account) external onlyOwner {
        _setGuardian(account);
    }

    /// @inheritdoc IMarketRules
    function pauseDeposits(bool yes) external {
        if (msg.sender != guardian && msg.sender != owner()) revert Rules_NotGuardian(msg.sender);
        depositsPaused = yes;
        emit DepositsPaused(yes);
    }

    /// @inheritdoc IMarketRules
    function checkDeposit(address token) external view returns (uint16) {
        if (depositsPaused) revert Rules_DepositsPaused();
        if (!allowed[token]) revert Rules_TokenNotAllowed(token);
        return feeBasisPoints;
    }

    function _setFee(uint256 basisPoints) private {
        if (basisPoints > MAX_FEE) revert Rules_TooHigh(basisPoints, MAX_FEE);
        feeBasisPoints = uint16(basisPoints);
        emit FeeSet(basisPoints);
    }

    function _setFeeRecipient(address recipient) private {
        if (recipient == address(0)) revert Rules_NoRecipient();
        feeRecipient = recipient;
        emit FeeRecipientSet(recipient);
    }

    function _setAuditRate(uint256 basisPoints) private {
        if (basisPoints > 10_000) revert Rules_TooHigh(basisPoints, 10_000);
        auditBasisPoints = uint16(basisPoints);
        emit AuditRateSet(basisPoints);
    }

    function _allowToken(address token, bool yes) private {
        allowed[token] = yes;
        emit TokenAllowed(token, yes);
    }

    function _setGuardian(address account) private {
        guardian = account;
        emit GuardianSet(account);
    }
}
