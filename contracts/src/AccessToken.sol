// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {IAccessToken} from "./interfaces/IAccessToken.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";

/// @title The token described in IAccessToken
/// @dev Cloned: the clone's code carries asset, currency and price, so that a new token writes no storage.
contract AccessToken is IAccessToken, ERC20, ERC20Permit {
    using SafeERC20 for IERC20;

    IERC721 private immutable assets;
    IMarketRules private immutable rules;

    constructor(IMarketRules rules_) ERC20("Coase Access", "") ERC20Permit("Coase Access") {
        (assets, rules) = (IERC721(msg.sender), rules_);
    }

    /// @inheritdoc IAccessToken
    function buy(uint256 units, address to) external returns (uint256 paid) {
        return _buy(units, to);
    }

    /// @inheritdoc IAccessToken
    function buyWithPermit(uint256 units, address to, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        returns (uint256 paid)
    {
        (, address token, uint256 each) = _sale();
        try IERC20Permit(token).permit(msg.sender, address(this), units * each, deadline, v, r, s) {} catch {}
        return _buy(units, to);
    }

    /// @inheritdoc IAccessToken
    function redeem(uint256 units, bytes32 request) external {
        if (units == 0) revert Access_NoUnits();
        _burn(msg.sender, units);
        emit Redeemed(msg.sender, units, request);
    }

    /// @inheritdoc IAccessToken
    function asset() external view returns (uint256 id) {
        (id,,) = _sale();
    }

    /// @inheritdoc IAccessToken
    function payToken() external view returns (address token) {
        (, token,) = _sale();
    }

    /// @inheritdoc IAccessToken
    function price() external view returns (uint256 each) {
        (,, each) = _sale();
    }

    /// Units are whole.
    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function name() public pure override returns (string memory) {
        return "Coase Access";
    }

    /// The beginning of the asset's hash: "ACCESS-0x1234abcd".
    function symbol() public view override returns (string memory) {
        (uint256 id,,) = _sale();
        return string.concat("ACCESS-", Strings.toHexString(id >> 224, 4));
    }

    function _buy(uint256 units, address to) private returns (uint256 paid) {
        if (units == 0) revert Access_NoUnits();
        (uint256 id, address token, uint256 each) = _sale();
        paid = units * each;
        uint256 fee = paid * rules.checkDeposit(token) / 10_000;
        address owner = assets.ownerOf(id);
        _mint(to, units);
        emit Bought(msg.sender, to, units, paid, fee);
        if (fee != 0) IERC20(token).safeTransferFrom(msg.sender, rules.feeRecipient(), fee);
        IERC20(token).safeTransferFrom(msg.sender, owner, paid - fee);
    }

    /// What the clone's code carries.
    function _sale() private view returns (uint256 id, address token, uint256 each) {
        bytes memory args = Clones.fetchCloneArgs(address(this));
        if (args.length != 64) revert Access_NotForSale();
        uint256 packed;
        (id, packed) = abi.decode(args, (uint256, uint256));
        (token, each) = (address(uint160(packed >> 96)), uint96(packed));
    }
}
