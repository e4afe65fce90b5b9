// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketRules} from "./IMarketRules.sol";

/// @title Data sets and models: one ERC-721 token each, and tokens of access to them
/// @notice A token's number is the hash of what it stands for, so one content has one token, and whoever holds the content
/// can check it. Who mints a hash first owns its token: let the content begin with a manifest that names its maker's
/// account, so that a stolen hash says who was robbed. The market does not judge who may sell what.
///
/// The owner of an asset may offer access at a price: an ERC-20 token by itself (IAccessToken), whose units anybody can buy
/// at that price for ever. Offers outlast the sale of an asset; they pay whoever owns it. The address of an offer follows
/// from its asset, currency and price.
interface IAssets {
    /// @notice What an asset is.
    enum Kind {
        Dataset,
        Model
    }

    /// @notice A new asset, and where its description is.
    event AssetMinted(uint256 indexed assetId, address indexed creator, Kind kind, string uri);

    /// @notice Access to an asset can be bought.
    event AccessOffered(uint256 indexed assetId, address indexed token, address payToken, uint256 price);

    /// @notice A content hash is not zero.
    error Assets_NoContent();

    /// @notice Only the owner of the asset may do this.
    error Assets_NotOwner(address caller, uint256 assetId);

    /// @notice A price is at least one unit.
    error Assets_NoPrice();

    /// @notice The caller becomes the owner of the content with this hash.
    /// @dev Reverts: NoContent; ERC721InvalidSender when somebody minted it before.
    /// @param uri where a description is; said in the event, not kept.
    function mint(bytes32 contentHash, Kind kind, string calldata uri) external returns (uint256 assetId);

    /// @notice Owner of the asset: creates the token of access at a price.
    /// @dev Reverts: NotOwner, NoPrice, FailedDeployment when there is one.
    /// @param payToken the ERC-20 of the price; the rules decide at each sale whether it is taken.
    /// @param price base units of it per unit of access.
    function offer(uint256 assetId, address payToken, uint96 price) external returns (address token);

    /// @notice Where the token of access is, or would be.
    function accessToken(uint256 assetId, address payToken, uint96 price) external view returns (address token);

    /// @notice The code that all tokens of access share.
    function implementation() external view returns (address);

    /// @notice The rules that every sale is checked against.
    function rules() external view returns (IMarketRules);
}
