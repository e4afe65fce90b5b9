// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IRevenueShares} from "./interfaces/IRevenueShares.sol";

/// @title The shares described in IRevenueShares
contract RevenueShares is IRevenueShares, ERC20, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// What a holder is due, in units times shares, of what came in up to `seen`.
    struct Account {
        uint256 numerator;
        uint256 seen;
    }

    /// @inheritdoc IRevenueShares
    uint256 public immutable shares;
    /// @inheritdoc IRevenueShares
    address public immutable payToken;
    /// @inheritdoc IRevenueShares
    address public immutable assets;
    /// @inheritdoc IRevenueShares
    uint256 public immutable assetId;

    /// @inheritdoc IRevenueShares
    uint256 public paid;
    /// The most that was ever found to have come in: it cannot fall, whatever a token does during a payment.
    uint256 private most;
    mapping(address holder => Account) private accounts;

    constructor(address assets_, uint256 assetId_, address token, address[] memory holders, uint256[] memory amounts)
        ERC20("Coase Revenue Shares", "SHARE")
    {
        if (holders.length != amounts.length) revert Shares_BadHolders();
        (assets, assetId, payToken) = (assets_, assetId_, token);
        uint256 sum;
        for (uint256 i; i < holders.length; ++i) {
            sum += amounts[i];
            _mint(holders[i], amounts[i]);
        }
        if (sum == 0 || sum > 1 << 64) revert Shares_BadHolders();
        shares = sum;
    }

    /// @inheritdoc IRevenueShares
    function claim(address to) external nonReentrant returns (uint256 amount) {
        _accrue(msg.sender, _sync());
        Account storage account = accounts[msg.sender];
        amount = account.numerator / shares;
        if (amount == 0) revert Shares_NothingDue(msg.sender);
        account.numerator -= amount * shares;
        emit RevenueClaimed(msg.sender, to, amount);
        IERC20(payToken).safeTransfer(to, amount);
        // After the transfer: in between, balance and payments add up to no more than before.
        paid += amount;
    }

    /// @inheritdoc IRevenueShares
    function takeAsset(address to) external nonReentrant {
        uint256 held = balanceOf(msg.sender);
        if (held != shares) revert Shares_NotAll(held, shares);
        _burn(msg.sender, held);
        emit AssetTaken(msg.sender, to);
        IERC721(assets).transferFrom(address(this), to, assetId);
    }

    /// @inheritdoc IRevenueShares
    function due(address holder) external view returns (uint256 amount) {
        Account memory account = accounts[holder];
        return (account.numerator + balanceOf(holder) * (received() - account.seen)) / shares;
    }

    /// @inheritdoc IRevenueShares
    function received() public view returns (uint256) {
        uint256 found = IERC20(payToken).balanceOf(address(this)) + paid;
        return found > most ? found : most;
    }

    /// Shares are whole.
    function decimals() public pure override returns (uint8) {
        return 0;
    }

    function _sync() private returns (uint256 total) {
        total = received();
        if (total != most) most = total;
    }

    function _accrue(address holder, uint256 total) private {
        Account storage account = accounts[holder];
        account.numerator += balanceOf(holder) * (total - account.seen);
        account.seen = total;
    }

    /// Both sides are credited with what their shares earned, before these change hands.
    function _update(address from, address to, uint256 value) internal override {
        if (to == address(this)) revert Shares_ToItself();
        uint256 total = _sync();
        if (from != address(0)) _accrue(from, total);
        if (to != address(0)) _accrue(to, total);
        super._update(from, to, value);
    }
}
