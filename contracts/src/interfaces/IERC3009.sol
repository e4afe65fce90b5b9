// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Transfers by signature (EIP-3009)
/// @notice The holder signs typed data (EIP-712) off the chain and another submits it, so the holder needs no ether.
/// An authorization is usable strictly after `validAfter` and strictly before `validBefore` (seconds), once, in any
/// order.
interface IERC3009 {
    /// @notice `nonce` of `authorizer` has been used for a transfer.
    event AuthorizationUsed(address indexed authorizer, bytes32 indexed nonce);

    /// @notice `nonce` of `authorizer` has been canceled and cannot be used any more.
    event AuthorizationCanceled(address indexed authorizer, bytes32 indexed nonce);

    /// @notice keccak256 of "TransferWithAuthorization(address from,address to,uint256 value,uint256 validAfter,
    /// uint256 validBefore,bytes32 nonce)", without the line break.
    // solhint-disable-next-line func-name-mixedcase
    function TRANSFER_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256 of "ReceiveWithAuthorization(address from,address to,uint256 value,uint256 validAfter,
    /// uint256 validBefore,bytes32 nonce)", without the line break.
    // solhint-disable-next-line func-name-mixedcase
    function RECEIVE_WITH_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice keccak256 of "CancelAuthorization(address authorizer,bytes32 nonce)".
    // solhint-disable-next-line func-name-mixedcase
    function CANCEL_AUTHORIZATION_TYPEHASH() external view returns (bytes32);

    /// @notice Whether `nonce` of `authorizer` has been used or canceled. Nonces are 32 bytes of the signer's choice.
    function authorizationState(address authorizer, bytes32 nonce) external view returns (bool);

    /// @notice Moves `value` from `from` to `to` by a TransferWithAuthorization that `from` signed. Anyone may call.
    /// A contract should ask for `receiveWithAuthorization` instead: whoever sees this one may submit it alone, without
    /// the call that it was meant for.
    function transferWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Moves `value` from `from` to `to` by a ReceiveWithAuthorization that `from` signed. Only `to` may call.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 value,
        uint256 validAfter,
        uint256 validBefore,
        bytes32 nonce,
        uint8 v,
        bytes32 r,
        bytes32 s
    ) external;

    /// @notice Makes `nonce` unusable by a CancelAuthorization that `authorizer` signed. Anyone may call.
    function cancelAuthorization(address authorizer, bytes32 nonce, uint8 v, bytes32 r, bytes32 s) external;
}
