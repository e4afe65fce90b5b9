// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketRules} from "../../src/MarketRules.sol";
import {PaymentChannels} from "../../src/PaymentChannels.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IPaymentChannels} from "../../src/interfaces/IPaymentChannels.sol";
import {Test} from "../base/Test.sol";

/// Makes any call on any channel as anyone at any time. A model of its own, written from the interface and not from the
/// contract, says beforehand whether the call must succeed and what it must do.
contract ChannelHandler is Test {
    uint256 private constant PARTIES = 3;
    uint256 private constant CHANNELS = 6;
    uint256 private constant FUNDS = 100_000;
    uint256 private constant WINDOW = 24 hours;
    uint256 private constant SIGNER_KEY = 0x9000;

    struct Known {
        uint256 balance;
        uint256 claimed;
        uint256 asked;
        uint256 since;
        bool contested;
    }

    MarketRules private rules;
    PaymentChannels public channels;
    TestDollar public dollar;
    uint256 public donated;
    /// How often each function succeeded and was refused.
    mapping(bytes4 selector => uint256 count) public succeeded;
    mapping(bytes4 selector => uint256 count) public refused;
    /// How often a claim ended a withdrawal, and a withdrawal was diminished by one.
    uint256 public ended;
    uint256 public diminished;
    bool private paused;
    uint256 private salts;
    IPaymentChannels.ChannelConfig[] private configs;
    bytes32[] private ids;
    address[PARTIES] private parties;
    address private signer = vm.addr(SIGNER_KEY);
    Known[] private known;
    mapping(address account => uint256) private expected;
    mapping(address receiver => uint256) private owed;

    constructor() {
        vm.warp(START);
        address[] memory holders = new address[](PARTIES);
        uint256[] memory amounts = new uint256[](PARTIES);
        for (uint256 i; i < PARTIES; ++i) {
            parties[i] = vm.addr(_key(i));
            (holders[i], amounts[i]) = (parties[i], FUNDS);
            expected[holders[i]] = FUNDS;
        }
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), address(this), address(this), 0, 0, address(dollar));
        channels = new PaymentChannels(rules);
        for (uint256 i; i < PARTIES; ++i) {
            vm.prank(holders[i]);
            dollar.approve(address(channels), type(uint256).max);
        }
        for (uint256 i; i < CHANNELS; ++i) {
            // Some sign with a key of their own; some share payer and receiver with another channel.
            configs.push(
                IPaymentChannels.ChannelConfig(
                    _party(i % PARTIES),
                    i % 2 == 0 ? address(0) : signer,
                    _party(i % PARTIES + 1 + i % 2),
                    i % 3 == 0 ? address(0) : _party(i % PARTIES),
                    address(dollar),
                    uint40(15 minutes + i % 2 * 1 hours),
                    bytes32(i)
                )
            );
            known.push();
            ids.push(channels.getChannelId(configs[i]));
        }
    }

    // What anyone can do.

    function deposit(uint256 which, uint256 who, uint256 amount, bool relayed) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        address caller = relayed ? address(0xBEEF) : _caller(who, c.payer);
        amount = amount % 16 == 0 ? 0 : _bound(amount, 1, FUNDS / 50);
        bool valid = !paused && (relayed || caller == c.payer) && amount != 0 && amount <= expected[c.payer];
        bytes memory call = relayed
            ? _relayed(c, uint128(amount))
            : abi.encodeCall(channels.deposit, (c, uint128(amount), 0, 0, 0, 0));
        vm.assertTrue(_call(caller, call) == valid, "deposit");
        if (!valid) return;
        expected[c.payer] -= amount;
        (known[i].balance, known[i].since, known[i].contested) = (known[i].balance + amount, 0, false);
    }

    function claim(uint256 which, uint256 who, uint256 total, uint256 most, bool forged) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        address caller = _caller(who, c.receiver);
        total = _bound(total, 0, known[i].balance + 2);
        if (most % 2 == 0 && total > known[i].claimed) total = known[i].claimed + 1 + (total - known[i].claimed) / 8;
        most = total + _bound(most >> 1, 0, 20) - (total > 0 && most % 8 == 7 ? 1 : 0);
        forged = forged && which % 4 == 0;
        bool allowed = caller == c.receiver || caller == c.receiverAuthorizer;
        bool more = total > known[i].claimed;
        bool good = total <= most && total <= known[i].balance && !forged;
        IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
        claims[0] = _voucher(c, uint128(total), uint128(most), forged);
        vm.assertTrue(
            _call(caller, abi.encodeCall(channels.claim, (claims))) == (allowed && (good || !more)), "claim"
        );
        if (!allowed || !good || !more) return;
        owed[c.receiver] += total - known[i].claimed;
        known[i].claimed = total;
        if (_pending(i) && !known[i].contested) {
            (known[i].since, known[i].contested) = (0, true);
            ++ended;
        }
    }

    function settle(uint256 who) external {
        address receiver = _party(who);
        bool valid = owed[receiver] != 0;
        bytes memory call = abi.encodeCall(channels.settle, (receiver, address(dollar)));
        vm.assertTrue(_call(_party(who >> 8), call) == valid, "settle");
        expected[receiver] += owed[receiver];
        owed[receiver] = 0;
    }

    function refund(uint256 which, uint256 who, uint256 amount) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        address caller = _caller(who, c.receiver);
        uint256 left = known[i].balance - known[i].claimed;
        amount = _bound(amount, 0, left / 4 + 1);
        bool valid =
            (caller == c.receiver || caller == c.receiverAuthorizer) && amount != 0 && amount <= left;
        vm.assertTrue(_call(caller, abi.encodeCall(channels.refund, (c, uint128(amount)))) == valid, "refund");
        if (!valid) return;
        known[i].balance -= amount;
        expected[c.payer] += amount;
    }

    function initiateWithdraw(uint256 which, uint256 who, uint256 amount) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        address caller = _caller(who, c.payer);
        uint256 left = known[i].balance - known[i].claimed;
        amount = amount % 2 == 0 ? left : _bound(amount, 0, left + 1);
        bool valid = caller == c.payer && amount != 0 && amount <= left;
        bytes memory call = abi.encodeCall(channels.initiateWithdraw, (c, uint128(amount)));
        vm.assertTrue(_call(caller, call) == valid, "initiate");
        if (valid) (known[i].asked, known[i].since) = (amount, block.timestamp);
    }

    function cancelWithdraw(uint256 which, uint256 who) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        // Seldom the payer: few withdrawals would get anywhere.
        address caller = who % 6 == 0 ? c.payer : _party(who >> 4);
        bool valid = caller == c.payer && _pending(i);
        vm.assertTrue(_call(caller, abi.encodeCall(channels.cancelWithdraw, (c))) == valid, "cancel");
        if (valid) known[i].since = 0;
    }

    function finalizeWithdraw(uint256 which, uint256 who) external {
        (uint256 i, IPaymentChannels.ChannelConfig memory c) = _pick(which);
        bool valid = _pending(i) && block.timestamp >= known[i].since + c.withdrawDelay;
        vm.assertTrue(_call(_party(who), abi.encodeCall(channels.finalizeWithdraw, (c))) == valid, "finalize");
        if (!valid) return;
        uint256 left = known[i].balance - known[i].claimed;
        if (left < known[i].asked) ++diminished;
        uint256 given = left < known[i].asked ? left : known[i].asked;
        known[i].balance -= given;
        expected[c.payer] += given;
        (known[i].since, known[i].contested) = (0, false);
    }

    /// Money that comes by itself belongs to no channel and must not change any.
    function donate(uint256 who, uint256 amount) external {
        amount = _bound(amount, 0, expected[_party(who)] / 1_000);
        vm.prank(_party(who));
        dollar.transfer(address(channels), amount);
        expected[_party(who)] -= amount;
        donated += amount;
    }

    /// The market's brake: it stops deposits, and nothing else that the model knows of.
    function pause(uint256 x) external {
        paused = x % 4 == 0;
        rules.pauseDeposits(paused);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + _bound(time, 0, time % 16 == 0 ? 30 hours : 20 minutes));
    }

    // What must hold.

    /// The contract holds what the channels hold, what receivers are owed, and donations: not a unit less or more.
    function checkMoney() external view {
        uint256 held = donated;
        uint256 sum;
        for (uint256 i; i < CHANNELS; ++i) {
            held += known[i].balance - known[i].claimed;
        }
        for (uint256 i; i < PARTIES; ++i) {
            held += owed[_party(i)];
            vm.assertEq(dollar.balanceOf(_party(i)), expected[_party(i)], "balance");
            sum += expected[_party(i)];
        }
        vm.assertEq(dollar.balanceOf(address(channels)), held, "held");
        vm.assertEq(sum + held, PARTIES * FUNDS, "conserved");
    }

    /// The contract's record is the model's, and no claim exceeds its deposit.
    function checkChannels() external view {
        for (uint256 i; i < CHANNELS; ++i) {
            bytes32 id = ids[i];
            (uint128 balance, uint128 claimed) = channels.channels(id);
            vm.assertLe(claimed, balance, "no claim above its deposit");
            vm.assertEq(balance, known[i].balance, "balance");
            vm.assertEq(claimed, known[i].claimed, "claimed");
            (uint128 asked, uint40 since, bool contested) = channels.pendingWithdrawals(id);
            vm.assertEq(since, known[i].since, "since");
            vm.assertEq(asked, since == 0 ? 0 : known[i].asked, "asked");
            vm.assertTrue(contested == known[i].contested, "contested");
        }
    }

    /// No exit is blocked: from here, whatever the receivers do, every payer gets its money within two delays, every
    /// receiver what it is owed at once; then only donations are left.
    function checkExits() external {
        for (uint256 i; i < CHANNELS; ++i) {
            _exit(i);
        }
        for (uint256 i; i < PARTIES; ++i) {
            (uint128 claimed, uint128 settled) = channels.receivers(_party(i), address(dollar));
            if (claimed != settled) channels.settle(_party(i), address(dollar));
        }
        vm.assertEq(dollar.balanceOf(address(channels)), donated, "all is out");
    }

    /// The receiver claims one unit whenever that could end a withdrawal.
    function _exit(uint256 i) private {
        IPaymentChannels.ChannelConfig memory c = configs[i];
        bytes32 id = channels.getChannelId(c);
        for (uint256 attempt; attempt < 2; ++attempt) {
            (uint128 balance, uint128 claimed) = channels.channels(id);
            if (balance == claimed) return;
            vm.prank(c.payer);
            channels.initiateWithdraw(c, balance - claimed);
            IPaymentChannels.VoucherClaim[] memory claims = new IPaymentChannels.VoucherClaim[](1);
            claims[0] = _voucher(c, claimed + 1, claimed + 1, false);
            vm.prank(c.receiver);
            channels.claim(claims);
            vm.warp(block.timestamp + c.withdrawDelay);
            (, uint40 since,) = channels.pendingWithdrawals(id);
            if (since != 0) channels.finalizeWithdraw(c);
        }
        (uint128 left, uint128 taken) = channels.channels(id);
        vm.assertEq(left, taken, "the payer is out");
    }

    function _voucher(IPaymentChannels.ChannelConfig memory c, uint128 total, uint128 most, bool forged)
        private
        view
        returns (IPaymentChannels.VoucherClaim memory)
    {
        uint256 key = c.payerAuthorizer == address(0) ? _key(_indexOf(c.payer)) : SIGNER_KEY;
        if (forged) key += 0x77;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, channels.getVoucherDigest(channels.getChannelId(c), most));
        return IPaymentChannels.VoucherClaim(IPaymentChannels.Voucher(c, most), _pack(v, r, s), total);
    }

    function _relayed(IPaymentChannels.ChannelConfig memory c, uint128 amount) private returns (bytes memory) {
        bytes32 nonce = keccak256(abi.encode(channels.getChannelId(c), ++salts));
        bytes32 structHash = keccak256(
            abi.encode(
                dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                c.payer,
                address(channels),
                uint256(amount),
                0,
                type(uint256).max,
                nonce
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(c.payer)), digest);
        return abi.encodeCall(
            channels.depositWithAuthorization, (c, amount, 0, type(uint256).max, salts, v, r, s)
        );
    }

    function _call(address caller, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(channels).call(call);
        if (ok) ++succeeded[bytes4(call)];
        else ++refused[bytes4(call)];
    }

    function _pending(uint256 i) private view returns (bool) {
        return known[i].since != 0 && block.timestamp <= known[i].since + configs[i].withdrawDelay + WINDOW;
    }

    /// The right party most of the time, any otherwise.
    function _caller(uint256 who, address right) private view returns (address) {
        return who % 4 != 0 ? right : _party(who >> 2);
    }

    function _pick(uint256 which) private view returns (uint256 i, IPaymentChannels.ChannelConfig memory c) {
        i = (which >> 8) % CHANNELS;
        c = configs[i];
    }

    function _key(uint256 i) private pure returns (uint256) {
        return 0x1000 + i % PARTIES;
    }

    function _party(uint256 i) private view returns (address) {
        return parties[i % PARTIES];
    }

    function _indexOf(address party) private view returns (uint256 i) {
        while (_party(i) != party) ++i;
    }
}
