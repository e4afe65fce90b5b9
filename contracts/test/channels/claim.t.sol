// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {ChannelTest} from "../base/ChannelTest.sol";
import {ContractSeller} from "../base/ContractSeller.sol";

contract ClaimTest is ChannelTest {
    function setUp() public override {
        super.setUp();
        _deposit(DEPOSIT);
    }

    function testFuzz_AccountsWhatTheVoucherAllows(uint128 total, uint128 most) public {
        most = uint128(_bound(most, 1, type(uint128).max));
        total = uint128(_bound(total, 1, most < DEPOSIT ? most : DEPOSIT));
        bytes32 id = channels.getChannelId(c);
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(total, most, SIGNER_KEY);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.Claimed(id, total);
        vm.prank(receiver);
        channels.claim(claims);
        _assertChannel(DEPOSIT, total);
        _assertOwed(total, 0);
        vm.assertEq(_balance(address(channels)), DEPOSIT, "nothing moves");
    }

    function testFuzz_CountsUp(uint128 first, uint128 second) public {
        first = uint128(_bound(first, 1, DEPOSIT - 1));
        second = uint128(_bound(second, first + 1, DEPOSIT));
        _claim(first);
        _claim(second);
        _assertChannel(DEPOSIT, second);
        _assertOwed(second, 0);
    }

    function test_ClaimsOneVoucherBitByBit() public {
        _claimWith(10, 100, SIGNER_KEY);
        _claimWith(100, 100, SIGNER_KEY);
        _assertChannel(DEPOSIT, 100);
        _assertOwed(100, 0);
    }

    function test_ClaimsForManyChannels() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](3);
        for (uint256 i; i < 3; ++i) {
            c.salt = bytes32(i);
            _deposit(DEPOSIT);
            claims[i] = _voucher(uint128(i + 1), 10, SIGNER_KEY);
        }
        vm.prank(receiver);
        channels.claim(claims);
        _assertChannel(DEPOSIT, 3);
        _assertOwed(6, 0);
    }

    function test_TheReceiversAuthorizerClaims() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        vm.prank(authorizer);
        channels.claim(claims);
        _assertOwed(5, 0);
    }

    function test_ThePayersOwnKeyWhenThereIsNoAuthorizer() public {
        c.payerAuthorizer = address(0);
        _deposit(DEPOSIT);
        _claimWith(5, 5, PAYER_KEY);
        _assertChannel(DEPOSIT, 5);
    }

    function test_APayerThatIsAContract() public {
        c.payer = address(new ContractSeller(signer));
        c.payerAuthorizer = address(0);
        vm.prank(payer);
        dollar.transfer(c.payer, DEPOSIT);
        vm.prank(c.payer);
        dollar.approve(address(channels), DEPOSIT);
        _deposit(DEPOSIT);
        _claim(5);
        _assertChannel(DEPOSIT, 5);
    }

    function testFuzz_NoMoreThanBeforeChangesNothing(uint128 total) public {
        _claim(100);
        _initiate(1);
        _claimWith(uint128(_bound(total, 0, 100)), 100, SIGNER_KEY);
        _assertChannel(DEPOSIT, 100);
        _assertOwed(100, 0);
        _assertPending(1, START, false);
    }

    function test_EndsAWithdrawal() public {
        _initiate(DEPOSIT);
        bytes32 id = channels.getChannelId(c);
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        vm.warp(START + DELAY + 24 hours);
        vm.expectEmit(address(channels));
        emit IPaymentChannels.WithdrawCancelled(id);
        vm.prank(receiver);
        channels.claim(claims);
        _assertPending(0, 0, true);
    }

    function test_EndsOnlyOneWithdrawal() public {
        _initiate(DEPOSIT);
        _claim(5);
        _initiate(DEPOSIT - 5);
        _claim(6);
        _assertPending(DEPOSIT - 5, START, true);
        _assertChannel(DEPOSIT, 6);
    }

    function test_AVoidWithdrawalDoesNotCount() public {
        _initiate(DEPOSIT);
        vm.warp(START + DELAY + 24 hours + 1);
        _claim(5);
        _assertPending(DEPOSIT, START, false);
    }

    function test_RevertWhen_MoreThanTheVoucher() public {
        _refuse(IPaymentChannels.Channels_AboveVoucher.selector, 11, 10);
        this.claimWith(11, 10, SIGNER_KEY);
    }

    function test_RevertWhen_MoreThanTheBalance() public {
        _refuse(IPaymentChannels.Channels_Overdrawn.selector, DEPOSIT + 1, DEPOSIT);
        this.claimWith(DEPOSIT + 1, DEPOSIT + 1, SIGNER_KEY);
        this.claimWith(DEPOSIT, DEPOSIT + 1, SIGNER_KEY);
        _assertChannel(DEPOSIT, DEPOSIT);
    }

    function test_RevertWhen_SignedByThePayerInsteadOfItsAuthorizer() public {
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, signer);
        this.claimWith(5, 5, PAYER_KEY);
    }

    function test_RevertWhen_AnAuthorizerIsAContract() public {
        c.payerAuthorizer = address(new ContractSeller(signer));
        _deposit(DEPOSIT);
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, c.payerAuthorizer);
        this.claimWith(5, 5, SIGNER_KEY);
    }

    function test_RevertWhen_TheVoucherIsOfAnotherChannel() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        claims[0].voucher.channel.salt = 0;
        c.salt = 0;
        _deposit(DEPOSIT);
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, signer);
        vm.prank(receiver);
        channels.claim(claims);
    }

    function test_RevertWhen_TheVoucherIsOfAnotherChain() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        bytes32 id = channels.getChannelId(c);
        vm.chainId(99);
        vm.assertTrue(channels.getChannelId(c) != id, "another chain, another channel");
        _deposit(DEPOSIT);
        vm.chainId(31337);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        vm.chainId(99);
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, signer);
        vm.prank(receiver);
        channels.claim(claims);
    }

    function test_RevertWhen_TheSignatureIsMalleated() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        bytes memory signature = claims[0].signature;
        (bytes32 r, uint256 s, uint8 v) = (_word(signature, 32), uint256(_word(signature, 64)), uint8(signature[64]));
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        claims[0].signature = _pack(v == 27 ? 28 : 27, r, bytes32(order - s));
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, signer);
        vm.prank(receiver);
        channels.claim(claims);
    }

    function testFuzz_RevertWhen_CallerIsNotTheReceiver(uint256 who) public {
        address[3] memory others = [signer, payer, stranger];
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        _refuse(IPaymentChannels.Channels_WrongParty.selector, others[who % 3]);
        vm.prank(others[who % 3]);
        channels.claim(claims);
    }

    function test_RevertWhen_OneOfManyIsBad() public {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](2);
        claims[0] = _voucher(5, 5, SIGNER_KEY);
        claims[1] = _voucher(6, 6, PAYER_KEY);
        _refuse(IPaymentChannels.Channels_NotSignedBy.selector, signer);
        vm.prank(receiver);
        channels.claim(claims);
        _assertChannel(DEPOSIT, 0);
    }

    /// External, so that an expected revert is that of the claim and not of a view before it.
    function claimWith(uint128 total, uint128 most, uint256 key) external {
        _claimWith(total, most, key);
    }

    function _word(bytes memory data, uint256 at) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(data, at))
        }
    }
}
