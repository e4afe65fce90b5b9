// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC3009} from "../../src/interfaces/IERC3009.sol";
import {ITestDollar} from "../../src/interfaces/ITestDollar.sol";
import {DollarTest} from "../base/DollarTest.sol";

contract CancelAuthorizationTest is DollarTest {
    function testFuzz_AnyoneMaySubmit(address caller, bytes32 nonce) public {
        (uint8 v, bytes32 r, bytes32 s) = _signCancel(HOLDER_KEY, nonce);
        vm.expectEmit(address(dollar));
        emit IERC3009.AuthorizationCanceled(holder, nonce);
        vm.prank(caller);
        dollar.cancelAuthorization(holder, nonce, v, r, s);
        vm.assertTrue(dollar.authorizationState(holder, nonce), "the nonce is spent");
    }

    function test_ACanceledAuthorizationPaysNobody() public {
        Authorization memory x = _authorization();
        (uint8 v, bytes32 r, bytes32 s) = _signCancel(HOLDER_KEY, NONCE);
        dollar.cancelAuthorization(holder, NONCE, v, r, s);
        (v, r, s) = _sign(HOLDER_KEY, "TransferWithAuthorization", x);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NonceUsed.selector, holder, NONCE));
        dollar.transferWithAuthorization(x.from, x.to, x.value, AFTER, BEFORE, NONCE, v, r, s);
    }

    function test_AnotherHoldersNonceStays() public {
        (uint8 v, bytes32 r, bytes32 s) = _signCancel(HOLDER_KEY, NONCE);
        dollar.cancelAuthorization(holder, NONCE, v, r, s);
        vm.assertTrue(!dollar.authorizationState(payee, NONCE), "nonces are per holder");
    }

    function test_RevertWhen_AnotherSigned() public {
        (uint8 v, bytes32 r, bytes32 s) = _signCancel(OTHER_KEY, NONCE);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NotSignedBy.selector, holder));
        dollar.cancelAuthorization(holder, NONCE, v, r, s);
    }

    function test_RevertWhen_TheNonceWasUsed() public {
        (uint8 v, bytes32 r, bytes32 s) = _signCancel(HOLDER_KEY, NONCE);
        dollar.cancelAuthorization(holder, NONCE, v, r, s);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NonceUsed.selector, holder, NONCE));
        dollar.cancelAuthorization(holder, NONCE, v, r, s);
    }

    function _signCancel(uint256 key, bytes32 nonce) private view returns (uint8, bytes32, bytes32) {
        bytes32 typehash = keccak256("CancelAuthorization(address authorizer,bytes32 nonce)");
        return _signStruct(key, keccak256(abi.encode(typehash, holder, nonce)));
    }
}
