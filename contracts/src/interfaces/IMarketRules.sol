// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a market decides for all its deals: fees, the audit rate, the tokens, and a brake
/// @notice The owner (a timelock, in a market that is governed) sets fee, recipient, audit rate, tokens and guardian.
/// The guardian may stop new deposits, and the owner or the guardian lets them in again. Neither can touch a deposit
/// that was made: contracts ask here when money comes in, never when it goes out, and remember the fee of that moment.
interface IMarketRules {
    /// @notice The share of what sellers are paid that goes to the market, in basis points, for deposits from now on.
    event FeeSet(uint256 basisPoints);

    /// @notice Who is paid the fees.
    event FeeRecipientSet(address indexed recipient);

    /// @notice The share of deliveries that buyers are asked to have audited, in basis points.
    event AuditRateSet(uint256 basisPoints);

    /// @notice Deposits in this token are taken, or are not.
    event TokenAllowed(address indexed token, bool allowed);

    /// @notice The account that may stop deposits.
    event GuardianSet(address indexed guardian);

    /// @notice No deposits are taken, or they are again.
    event DepositsPaused(bool paused);

    /// @notice A fee above `MAX_FEE`, or an audit rate above 10000.
    error Rules_TooHigh(uint256 basisPoints, uint256 maximum);

    /// @notice The zero address cannot be paid.
    error Rules_NoRecipient();

    /// @notice The market takes no deposits in this token.
    error Rules_TokenNotAllowed(address token);

    /// @notice The market takes no deposits for now.
    error Rules_DepositsPaused();

    /// @notice Only the guardian, or the owner, may do this.
    error Rules_NotGuardian(address caller);

    /// @notice What a contract asks when a deposit comes in.
    /// @dev Reverts: DepositsPaused, TokenNotAllowed.
    /// @return feeBasisPoints the fee that this deposit will pay.
    function checkDeposit(address token) external view returns (uint16 feeBasisPoints);

    /// @notice Whether deposits in this token are taken, unless all are paused.
    function allowed(address token) external view returns (bool);

    /// @notice The fee of new deposits, in basis points.
    function feeBasisPoints() external view returns (uint16);

    /// @notice The audit rate, in basis points. Advice that agents follow; no contract enforces it.
    function auditBasisPoints() external view returns (uint16);

    /// @notice Whether all new deposits are stopped.
    function depositsPaused() external view returns (bool);

    /// @notice Who is paid the fees.
    function feeRecipient() external view returns (address);

    /// @notice Who may stop deposits.
    function guardian() external view returns (address);

    /// @notice The highest fee that any owner can set: 500, five percent.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_FEE() external view returns (uint256);

    /// @notice Owner: sets the fee of deposits from now on. Reverts: TooHigh.
    function setFee(uint256 basisPoints) external;

    /// @notice Owner: sets who is paid the fees. Reverts: NoRecipient.
    function setFeeRecipient(address recipient) external;

    /// @notice Owner: sets the audit rate. Reverts: TooHigh.
    function setAuditRate(uint256 basisPoints) external;

    /// @notice Owner: takes deposits in a token, or no longer.
    function allowToken(address token, bool yes) external;

    /// @notice Owner: sets the guardian; zero for none.
    function setGuardian(address account) external;

    /// @notice Guardian or owner: stops all new deposits, or lets them in again. Reverts: NotGuardian.
    function pauseDeposits(bool yes) external;
}
