// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {MarketRules} from "../../src/MarketRules.sol";
import {PaymentChannels} from "../../src/PaymentChannels.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {Test} from "./Test.sol";

/// A payer with money and an allowance, the key that signs for it, a receiver with an authorizer, and the config of one
/// channel between them that a test may change.
abstract contract ChannelTest is Test {
    uint256 internal constant PAYER_KEY = 0xBA7E4;
    uint256 internal constant SIGNER_KEY = 0x516E4;
    uint256 internal constant FUNDS = 1_000_000e6;
    uint128 internal constant DEPOSIT = 100e6;
    uint40 internal constant DELAY = 1 hours;

    address internal payer = vm.addr(PAYER_KEY);
    address internal signer = vm.addr(SIGNER_KEY);
    address internal receiver = vm.addr(0x4ECE);
    address internal authorizer = vm.addr(0xA07);
    address internal stranger = address(0x57A6E4);

    MarketRules internal rules;
    PaymentChannels internal channels;
    TestDollar internal dollar;
    IPaymentChannels.ChannelConfig internal c;

    function setUp() public virtual {
        vm.warp(START);
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (payer, FUNDS);
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), stranger, stranger, 0, 0, address(dollar));
        channels = new PaymentChannels(rules);
        vm.prank(payer);
        dollar.approve(address(channels), type(uint256).max);
        c = IPaymentChannels.ChannelConfig(
            payer, signer, receiver, authorizer, address(dollar), DELAY, keccak256("a salt")
        );
    }

    /// Another token for the channel, which the market allows.
    function _use(address token) internal {
        c.token = token;
        rules.allowToken(token, true);
    }

    // Steps. Signatures are made before a prank: it applies to the next call, whichever that is.

    function _deposit(uint128 amount) internal {
        vm.prank(c.payer);
        channels.deposit(c, amount, 0, 0, 0, 0);
    }

    function _claim(uint128 total) internal {
        _claimWith(total, total, SIGNER_KEY);
    }

    function _claimWith(uint128 total, uint128 most, uint256 key) internal {
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(total, most, key);
        vm.prank(c.receiver);
        channels.claim(claims);
    }

    function _initiate(uint128 amount) internal {
        vm.prank(c.payer);
        channels.initiateWithdraw(c, amount);
    }

    function _cancel() internal {
        vm.prank(c.payer);
        channels.cancelWithdraw(c);
    }

    function _voucher(uint128 total, uint128 most, uint256 key)
        internal
        view
        returns (IPaymentChannels.VoucherClaim memory)
    {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, channels.getVoucherDigest(channels.getChannelId(c), most));
        return IPaymentChannels.VoucherClaim(IPaymentChannels.Voucher(c, most), _pack(v, r, s), total);
    }

    function _permit(uint256 value, uint256 deadline) internal view returns (uint8, bytes32, bytes32) {
        bytes32 typehash =
            keccak256("Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)");
        return _signForToken(
            keccak256(abi.encode(typehash, c.payer, address(channels), value, dollar.nonces(c.payer), deadline))
        );
    }

    function _authorization(uint256 value, uint256 salt) internal view returns (uint8, bytes32, bytes32) {
        bytes32 nonce = keccak256(abi.encode(channels.getChannelId(c), salt));
        bytes32 typehash = dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH();
        return _signForToken(
            keccak256(abi.encode(typehash, c.payer, address(channels), value, START - 1, START + 60, nonce))
        );
    }

    function _signForToken(bytes32 structHash) internal view returns (uint8, bytes32, bytes32) {
        return vm.sign(PAYER_KEY, keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash)));
    }

    // Expectations.

    function _refuse(bytes4 selector) internal {
        vm.expectRevert(abi.encodeWithSelector(selector));
    }

    function _refuse(bytes4 selector, uint256 argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function _refuse(bytes4 selector, uint256 first, uint256 second) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, first, second));
    }

    function _refuse(bytes4 selector, address argument) internal {
        vm.expectRevert(abi.encodeWithSelector(selector, argument));
    }

    function _refuseFlaw(IPaymentChannels.Flaw flaw) internal {
        vm.expectRevert(abi.encodeWithSelector(IPaymentChannels.Channels_BadConfig.selector, flaw));
    }

    function _assertChannel(uint256 balance, uint256 claimed) internal view {
        (uint128 gotBalance, uint128 gotClaimed) = channels.channels(channels.getChannelId(c));
        vm.assertEq(gotBalance, balance, "balance");
        vm.assertEq(gotClaimed, claimed, "claimed");
    }

    function _assertPending(uint256 amount, uint256 initiatedAt, bool contested) internal view {
        (uint128 gotAmount, uint40 gotAt, bool gotContested) =
            channels.pendingWithdrawals(channels.getChannelId(c));
        vm.assertEq(gotAmount, amount, "withdrawing");
        vm.assertEq(gotAt, initiatedAt, "initiated at");
        vm.assertTrue(gotContested == contested, "contested");
    }

    function _assertNoPending() internal view {
        _assertPending(0, 0, false);
    }

    function _assertOwed(uint256 claimed, uint256 settled) internal view {
        (uint128 gotClaimed, uint128 gotSettled) = channels.receivers(c.receiver, c.token);
        vm.assertEq(gotClaimed, claimed, "claimed by the receiver");
        vm.assertEq(gotSettled, settled, "settled to the receiver");
    }

    function _balance(address holder) internal view returns (uint256) {
        return IERC20(c.token).balanceOf(holder);
    }
}
