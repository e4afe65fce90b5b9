// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {AccessToken} from "./AccessToken.sol";
import {IAssets} from "./interfaces/IAssets.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";

/// @title The assets described in IAssets
contract Assets is IAssets, ERC721 {
    /// @inheritdoc IAssets
    IMarketRules public immutable rules;
    /// @inheritdoc IAssets
    address public immutable implementation;

    constructor(IMarketRules rules_) ERC721("Coase Assets", "ASSET") {
        (rules, implementation) = (rules_, address(new AccessToken(rules_)));
    }

    /// @inheritdoc IAssets
    function mint(bytes32 contentHash, Kind kind, string calldata uri) external returns (uint256 assetId) {
        if (contentHash == 0) revert Assets_NoContent();
        assetId = uint256(contentHash);
        _mint(msg.sender, assetId);
        emit AssetMinted(assetId, msg.sender, kind, uri);
    }

    /// @inheritdoc IAssets
    function offer(uint256 assetId, address payToken, uint96 price) external returns (address token) {
        if (_ownerOf(assetId) != msg.sender) revert Assets_NotOwner(msg.sender, assetId);
        if (price == 0) revert Assets_NoPrice();
        token = Clones.cloneDeterministicWithImmutableArgs(implementation, _args(assetId, payToken, price), 0);
        emit AccessOffered(assetId, token, payToken, price);
    }

    /// @inheritdoc IAssets
    function accessToken(uint256 assetId, address payToken, uint96 price) external view returns (address token) {
        return Clones.predictDeterministicAddressWithImmutableArgs(implementation, _args(assetId, payToken, price), 0);
    }

    /// A name of the content, not a place: "urn:coase:asset:0x...".
    function tokenURI(uint256 assetId) public view override returns (string memory) {
        _requireOwned(assetId);
        return string.concat("urn:coase:asset:", Strings.toHexString(assetId, 32));
    }

    function _args(uint256 assetId, address payToken, uint96 price) private pure returns (bytes memory) {
        return abi.encodePacked(assetId, payToken, price);
    }
}
