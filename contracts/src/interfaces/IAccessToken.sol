// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Access to one asset at one price: an ERC-20 token of whole units, with permit (EIP-2612)
/// @notice A unit is bought at the price and redeemed for one use of the asset: what a use is, is the seller's word. Asset,
/// currency and price are part of the token's code and never change.
interface IAccessToken {
    /// @notice Units were sold; of what was paid, the fee went to the market and the rest to the owner of the asset.
    event Bought(address indexed buyer, address indexed to, uint256 units, uint256 paid, uint256 fee);

    /// @notice Units were used up, for the request with this hash.
    event Redeemed(address indexed holder, uint256 units, bytes32 request);

    /// @notice At least one unit.
    error Access_NoUnits();

    /// @notice This is the code that tokens share, and no token.
    error Access_NotForSale();

    /// @notice Buys units for an account with the caller's money.
    /// @dev Reverts: NoUnits, and whatever rules and token say.
    function buy(uint256 units, address to) external returns (uint256 paid);

    /// @notice The same, by an EIP-2612 permit of exactly the price of the units; one that fails is ignored.
    function buyWithPermit(uint256 units, address to, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 paid);

    /// @notice Burns the caller's units; the seller serves the request.
    /// @dev Reverts: NoUnits, ERC20InsufficientBalance.
    function redeem(uint256 units, bytes32 request) external;

    /// @notice The asset.
    function asset() external view returns (uint256);

    /// @notice The ERC-20 of the price.
    function payToken() external view returns (address);

    /// @notice Base units of it per unit.
    function price() external view returns (uint256);
}
