// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IERC3009} from "../../src/interfaces/IERC3009.sol";
import {ITestDollar} from "../../src/interfaces/ITestDollar.sol";
import {DollarTest} from "../base/DollarTest.sol";

contract TransferWithAuthorizationTest is DollarTest {
    string private constant NAME = "TransferWithAuthorization";

    function testFuzz_AnyoneMaySubmit(address caller) public {
        Authorization memory x = _authorization();
        (uint8 v, bytes32 r, bytes32 s) = _sign(HOLDER_KEY, NAME, x);
        vm.expectEmit(address(dollar));
        emit IERC3009.AuthorizationUsed(holder, NONCE);
        vm.prank(caller);
        dollar.transferWithAuthorization(x.from, x.to, x.value, AFTER, BEFORE, NONCE, v, r, s);
        vm.assertEq(dollar.balanceOf(payee), x.value, "to");
        vm.assertTrue(dollar.authorizationState(holder, NONCE), "the nonce is spent");
    }

    function testFuzz_Pays(uint256 value, uint256 validAfter, uint256 validBefore, bytes32 nonce) public {
        Authorization memory x = _authorization();
        x.value = _bound(value, 0, FUNDS);
        x.validAfter = _bound(validAfter, 0, START - 1);
        x.validBefore = _bound(validBefore, START + 1, type(uint256).max - 1);
        x.nonce = nonce;
        _submit(HOLDER_KEY, x);
        vm.assertEq(dollar.balanceOf(payee), x.value, "to");
        vm.assertEq(dollar.balanceOf(holder), FUNDS - x.value, "from");
    }

    function test_RevertWhen_ItIsNotYetValid() public {
        Authorization memory x = _authorization();
        x.validAfter = START;
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_TooEarly.selector, START));
        this.submit(HOLDER_KEY, x);
    }

    function test_RevertWhen_ItHasExpired() public {
        Authorization memory x = _authorization();
        x.validBefore = START;
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_TooLate.selector, START));
        this.submit(HOLDER_KEY, x);
    }

    function test_RevertWhen_TheNonceWasUsed() public {
        Authorization memory x = _authorization();
        _submit(HOLDER_KEY, x);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NonceUsed.selector, holder, NONCE));
        this.submit(HOLDER_KEY, x);
    }

    function test_RevertWhen_TheHolderLacksMoney() public {
        Authorization memory x = _authorization();
        x.value = FUNDS + 1;
        vm.expectRevert(
            abi.encodeWithSelector(IERC20Errors.ERC20InsufficientBalance.selector, holder, FUNDS, FUNDS + 1)
        );
        this.submit(HOLDER_KEY, x);
        vm.assertTrue(!dollar.authorizationState(holder, NONCE), "the nonce is not spent");
    }

    function test_RevertWhen_AnotherSigned() public {
        Authorization memory x = _authorization();
        _refuse(x, OTHER_KEY, NAME, x);
    }

    function test_RevertWhen_TheFromIsZero() public {
        Authorization memory x = _authorization();
        x.from = address(0);
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NotSignedBy.selector, address(0)));
        dollar.transferWithAuthorization(x.from, x.to, x.value, AFTER, BEFORE, NONCE, 27, 0, 0);
    }

    function test_RevertWhen_TheOtherKindWasSigned() public {
        Authorization memory x = _authorization();
        _refuse(x, HOLDER_KEY, "ReceiveWithAuthorization", x);
    }

    function testFuzz_RevertWhen_AnythingDiffersFromWhatWasSigned(Authorization memory signed, uint256 field) public {
        Authorization memory x = _authorization();
        signed.from = holder;
        field = field % 5;
        // All fields but one are what was signed.
        if (field != 0) signed.to = x.to;
        if (field != 1) signed.value = x.value;
        if (field != 2) signed.validAfter = x.validAfter;
        if (field != 3) signed.validBefore = x.validBefore;
        if (field != 4) signed.nonce = x.nonce;
        vm.assume(keccak256(abi.encode(signed)) != keccak256(abi.encode(x)));
        _refuse(x, HOLDER_KEY, NAME, signed);
    }

    function test_RevertWhen_SignedForAnotherChain() public {
        Authorization memory x = _authorization();
        (uint8 v, bytes32 r, bytes32 s) = _sign(HOLDER_KEY, NAME, x);
        vm.chainId(block.chainid + 1);
        _refuseSignature(x, v, r, s);
    }

    /// Through a call of its own, so that the signing is not what an expected revert sees.
    function submit(uint256 key, Authorization memory x) external {
        _submit(key, x);
    }

    function _submit(uint256 key, Authorization memory x) private {
        (uint8 v, bytes32 r, bytes32 s) = _sign(key, NAME, x);
        dollar.transferWithAuthorization(x.from, x.to, x.value, x.validAfter, x.validBefore, x.nonce, v, r, s);
    }

    function _refuse(Authorization memory x, uint256 key, string memory name, Authorization memory signed) private {
        (uint8 v, bytes32 r, bytes32 s) = _sign(key, name, signed);
        _refuseSignature(x, v, r, s);
    }

    function _refuseSignature(Authorization memory x, uint8 v, bytes32 r, bytes32 s) private {
        vm.expectRevert(abi.encodeWithSelector(ITestDollar.TestDollar_NotSignedBy.selector, x.from));
        dollar.transferWithAuthorization(x.from, x.to, x.value, x.validAfter, x.validBefore, x.nonce, v, r, s);
    }
}
