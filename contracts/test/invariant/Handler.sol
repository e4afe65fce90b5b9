// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Test} from "../base/Test.sol";

/// Makes any call as anyone at any time. A model of its own, written from the interface and not from the contract, says
/// beforehand whether the call must succeed and what it must pay; where the escrow does otherwise, the test fails.
contract Handler is Test {
    uint256 private constant PARTIES = 3;
    uint256 private constant FUNDS = 10_000;

    /// What the model knows of a deal. `paid` counts its payouts.
    struct Known {
        IServiceEscrow.Status status;
        uint256 since;
        uint256 paid;
    }

    ServiceEscrow public escrow;
    TestDollar public dollar;
    uint256 public donated;
    /// How often each function succeeded and was refused.
    mapping(bytes4 selector => uint256 count) public succeeded;
    mapping(bytes4 selector => uint256 count) public refused;
    uint256 private next;
    IServiceEscrow.Agreement[] private agreements;
    Known[] private known;
    mapping(address account => uint256) private expected;

    constructor() {
        vm.warp(START);
        escrow = new ServiceEscrow();
        address[] memory holders = new address[](PARTIES);
        uint256[] memory amounts = new uint256[](PARTIES);
        for (uint256 i; i < PARTIES; ++i) {
            (holders[i], amounts[i]) = (_party(i), FUNDS);
            expected[holders[i]] = FUNDS;
        }
        dollar = new TestDollar(holders, amounts);
        for (uint256 i; i < PARTIES; ++i) {
            vm.prank(holders[i]);
            dollar.approve(address(escrow), type(uint256).max);
        }
    }

    // What anyone can do. Times and windows are short, so that each side of each deadline is met often.

    function open(uint256 seed, uint96 price, bool relayed) external {
        IServiceEscrow.Agreement memory a;
        // Mostly three parties; sometimes one of them twice, which must be refused.
        uint256 turn = 1 + (seed >> 8) % 2;
        (a.buyer, a.seller) = (_party(seed % PARTIES), _party(seed % PARTIES + turn));
        a.arbiter = (seed >> 16) % 8 == 0 ? _party(seed >> 20) : _party(seed % PARTIES + 2 * turn);
        if ((seed >> 16) % 8 == 1) a.seller = a.buyer;
        a.token = address(dollar);
        a.price = uint96(_bound(price, 0, FUNDS / 4));
        a.deliverBy = uint64(block.timestamp + _bound(seed >> 24, 0, 200) - _bound(seed >> 32, 0, 10));
        a.reviewSeconds = uint64(_bound(seed >> 40, 0, 40));
        a.rulingSeconds = uint64(_bound(seed >> 48, 0, 60));
        a.salt = bytes32(next++);
        bool valid = a.buyer != a.seller && a.arbiter != a.buyer && a.arbiter != a.seller && a.price != 0
            && block.timestamp <= a.deliverBy && expected[a.buyer] >= a.price;
        bytes memory call = relayed ? _relayedOpening(a) : _opening(a);
        vm.assertTrue(_call(relayed ? address(0xBEEF) : a.buyer, call) == valid, "open");
        if (!valid) return;
        expected[a.buyer] -= a.price;
        agreements.push(a);
        known.push(Known(IServiceEscrow.Status.Funded, 0, 0));
    }

    function deliver(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.seller);
        bool valid = caller == a.seller && known[i].status == IServiceEscrow.Status.Funded
            && block.timestamp <= a.deliverBy;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.deliver, (a, bytes32(which)))) == valid, "deliver");
        if (valid) _enter(i, IServiceEscrow.Status.Delivered);
    }

    function release(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _party(who);
        bool valid = caller == a.buyer
            && (known[i].status == IServiceEscrow.Status.Delivered
                || known[i].status == IServiceEscrow.Status.Disputed);
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.release, (a))) == valid, "release");
        if (valid) _pay(i, a, a.price);
    }

    function claim(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.seller);
        bool valid = known[i].status == IServiceEscrow.Status.Delivered
            && block.timestamp > known[i].since + a.reviewSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.claim, (a))) == valid, "claim");
        if (valid) _pay(i, a, a.price);
    }

    function refund(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        // Seldom the seller: it may refund at any time, and few deals would get anywhere.
        address caller = who % 2 == 0 ? address(0xBEEF) : _party(who >> 1);
        IServiceEscrow.Status status = known[i].status;
        bool late = status == IServiceEscrow.Status.Funded && block.timestamp > a.deliverBy;
        bool held = status != IServiceEscrow.Status.Settled && status != IServiceEscrow.Status.Refunded;
        bool valid = late || (held && caller == a.seller);
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.refund, (a))) == valid, "refund");
        if (valid) _pay(i, a, 0);
    }

    function dispute(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.buyer);
        bool valid = caller == a.buyer && known[i].status == IServiceEscrow.Status.Delivered
            && block.timestamp <= known[i].since + a.reviewSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.dispute, (a, bytes32(who)))) == valid, "dispute");
        if (valid) _enter(i, IServiceEscrow.Status.Disputed);
    }

    function rule(uint256 which, uint256 who, uint256 basisPoints) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.arbiter);
        basisPoints = _bound(basisPoints, 0, 11_000);
        bool valid = caller == a.arbiter && known[i].status == IServiceEscrow.Status.Disputed
            && basisPoints <= 10_000 && block.timestamp <= known[i].since + a.rulingSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.rule, (a, basisPoints))) == valid, "rule");
        if (valid) _pay(i, a, uint256(a.price) * basisPoints / 10_000);
    }

    function settleUnruled(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.buyer);
        bool valid = known[i].status == IServiceEscrow.Status.Disputed
            && block.timestamp > known[i].since + a.rulingSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.settleUnruled, (a))) == valid, "settleUnruled");
        if (valid) _pay(i, a, a.price / 2);
    }

    /// Opening once more what was opened, in whatever status it is, must fail.
    function openAgain(uint256 which) external {
        if (agreements.length == 0) return;
        (, IServiceEscrow.Agreement memory a) = _pick(which);
        vm.assertTrue(!_call(a.buyer, _opening(a)), "open again");
    }

    /// Money that comes by itself belongs to no deal and must not change any.
    function donate(uint256 who, uint256 amount) external {
        amount = _bound(amount, 0, expected[_party(who)] / 100);
        vm.prank(_party(who));
        dollar.transfer(address(escrow), amount);
        expected[_party(who)] -= amount;
        donated += amount;
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + _bound(time, 0, 15));
    }

    // What must hold.

    /// The escrow holds the prices of the deals that are not over, and donations: not a unit less or more.
    function checkMoney() external view {
        uint256 held = donated;
        for (uint256 i; i < known.length; ++i) {
            if (!_over(known[i].status)) held += agreements[i].price;
        }
        vm.assertEq(dollar.balanceOf(address(escrow)), held, "held");
        uint256 sum = held;
        for (uint256 i; i < PARTIES; ++i) {
            vm.assertEq(dollar.balanceOf(_party(i)), expected[_party(i)], "balance");
            sum += expected[_party(i)];
        }
        vm.assertEq(sum, dollar.totalSupply(), "conserved");
        vm.assertEq(sum, PARTIES * FUNDS, "nothing minted");
    }

    /// A deal that is over has paid exactly once, every other has not paid; the escrow's record is the model's.
    function checkDeals() external view {
        for (uint256 i; i < known.length; ++i) {
            vm.assertEq(known[i].paid, _over(known[i].status) ? 1 : 0, "paid once");
            (IServiceEscrow.Status status, uint40 since,) = escrow.deals(escrow.hashAgreement(agreements[i]));
            vm.assertEq(uint256(status), uint256(known[i].status), "status");
            vm.assertEq(since, known[i].since, "since");
        }
    }

    function _opening(IServiceEscrow.Agreement memory a) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(a.seller)), escrow.hashAgreement(a));
        return abi.encodeCall(escrow.open, (a, _pack(v, r, s), 0, 0, 0, 0));
    }

    function _relayedOpening(IServiceEscrow.Agreement memory a) private view returns (bytes memory) {
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(a.seller)), id);
        bytes memory signature = _pack(v, r, s);
        bytes32 structHash = keccak256(
            abi.encode(
                dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                a.buyer,
                address(escrow),
                uint256(a.price),
                0,
                type(uint256).max,
                id
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash));
        (v, r, s) = vm.sign(_key(_indexOf(a.buyer)), digest);
        return abi.encodeCall(escrow.openWithAuthorization, (a, signature, 0, type(uint256).max, v, r, s));
    }

    function _call(address caller, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(escrow).call(call);
        if (ok) ++succeeded[bytes4(call)];
        else ++refused[bytes4(call)];
    }

    function _enter(uint256 i, IServiceEscrow.Status status) private {
        (known[i].status, known[i].since) = (status, block.timestamp);
    }

    function _pay(uint256 i, IServiceEscrow.Agreement memory a, uint256 toSeller) private {
        known[i].status = toSeller == 0 ? IServiceEscrow.Status.Refunded : IServiceEscrow.Status.Settled;
        known[i].paid++;
        expected[a.seller] += toSeller;
        expected[a.buyer] += a.price - toSeller;
    }

    /// The right party most of the time, any otherwise.
    function _caller(uint256 who, address right) private pure returns (address) {
        return who % 4 != 0 ? right : _party(who >> 2);
    }

    /// One of the last deals, mostly one that is not over.
    function _pick(uint256 which) private view returns (uint256 i, IServiceEscrow.Agreement memory a) {
        uint256 recent = agreements.length < 8 ? agreements.length : 8;
        for (uint256 k; k < recent; ++k) {
            i = agreements.length - 1 - (which % recent + k) % recent;
            if ((which >> 8) % 5 == 0 || !_over(known[i].status)) break;
        }
        a = agreements[i];
    }

    function _over(IServiceEscrow.Status status) private pure returns (bool) {
        return status == IServiceEscrow.Status.Settled || status == IServiceEscrow.Status.Refunded;
    }

    function _key(uint256 i) private pure returns (uint256) {
        return 0x1000 + i % PARTIES;
    }

    function _party(uint256 i) private pure returns (address) {
        return vm.addr(_key(i));
    }

    function _indexOf(address party) private pure returns (uint256 i) {
        while (_party(i) != party) ++i;
    }
}
