// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Shares of one asset: whoever holds them is paid what the asset earns
/// @notice An ERC-20 of a fixed number of whole shares. The contract owns the asset (its owner transfers it here), so sales
/// of access pay this contract; anything else that is sent here in the currency is revenue, too. A share earns from the
/// moment at which its holder got it. Holders claim; nobody is paid unasked, so nobody's refusal holds up another.
///
/// Exact. A holder's claim is counted in fractions of a base unit, with the number of shares as the denominator, and never
/// rounded: what cannot be paid today, less than one unit a holder, is paid with later revenue. Nothing is lost and nothing
/// is made: what holders were paid and are due adds up to what came in.
///
/// Who holds all shares may take the asset out and end them. What comes in later is nobody's.
interface IRevenueShares {
    /// @notice A holder was paid.
    event RevenueClaimed(address indexed holder, address indexed to, uint256 amount);

    /// @notice The asset is out, and there are no shares any more.
    event AssetTaken(address indexed by, address indexed to);

    /// @notice One amount for each holder, and from 1 to 2^64 shares in all.
    error Shares_BadHolders();

    /// @notice Shares are not sent to their own contract.
    error Shares_ToItself();

    /// @notice There is nothing to pay, to the unit.
    error Shares_NothingDue(address holder);

    /// @notice The caller does not hold all shares.
    error Shares_NotAll(uint256 held, uint256 all);

    /// @notice Pays the caller all whole units that it is due.
    /// @dev Reverts: NothingDue, and whatever the token says.
    function claim(address to) external returns (uint256 amount);

    /// @notice Who holds all shares ends them and takes the asset. What it is due can be claimed after.
    /// @dev Reverts: NotAll, and whatever the asset's contract says.
    function takeAsset(address to) external;

    /// @notice What a holder could claim now.
    function due(address holder) external view returns (uint256 amount);

    /// @notice All that ever came in.
    function received() external view returns (uint256);

    /// @notice All that was ever paid.
    function paid() external view returns (uint256);

    /// @notice How many shares there were at the beginning: the denominator.
    function shares() external view returns (uint256);

    /// @notice The currency.
    function payToken() external view returns (address);

    /// @notice The contract of the asset.
    function assets() external view returns (address);

    /// @notice The asset.
    function assetId() external view returns (uint256);
}
