// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Metadata} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Metadata.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {IERC3009} from "./IERC3009.sol";

/// @title A test currency: "Test Dollar", TUSD, six decimals
/// @notice Everything is minted at construction and nothing is ever minted or burned later, so the sum of all balances
/// never changes. Nobody has a privilege. Approvals by signature are EIP-2612, transfers by signature EIP-3009; both
/// use the EIP-712 domain with name "Test Dollar" and version "1".
interface ITestDollar is IERC20Metadata, IERC20Permit, IERC3009 {
    /// @notice The constructor got `holders` accounts and `amounts` amounts; it needs one amount for each.
    error TestDollar_LengthMismatch(uint256 holders, uint256 amounts);

    /// @notice The authorization is usable only after `validAfter`.
    error TestDollar_TooEarly(uint256 validAfter);

    /// @notice The authorization was usable only before `validBefore`.
    error TestDollar_TooLate(uint256 validBefore);

    /// @notice This nonce has been used or canceled.
    error TestDollar_NonceUsed(address authorizer, bytes32 nonce);

    /// @notice The signature is not one of `party` over this authorization.
    error TestDollar_NotSignedBy(address party);

    /// @notice Only the payee may submit this authorization, and `caller` is not the payee.
    error TestDollar_WrongParty(address caller);
}
