// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {MarketRules} from "../../src/MarketRules.sol";
import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Model} from "./Model.sol";

/// Makes any call as anyone at any time. The model says beforehand whether the call must succeed and what it must pay;
/// where the escrow does otherwise, the test fails.
contract Handler is Model {
    MarketRules private rules;
    ServiceEscrow public escrow;
    TestDollar public dollar;
    /// How often each function succeeded and was refused.
    mapping(bytes4 selector => uint256 count) public succeeded;
    mapping(bytes4 selector => uint256 count) public refused;
    uint256 private next;

    constructor() {
        vm.warp(START);
        address[] memory holders = new address[](PARTIES);
        uint256[] memory amounts = new uint256[](PARTIES);
        for (uint256 i; i < PARTIES; ++i) {
            (holders[i], amounts[i]) = (_party(i), FUNDS);
            expected[holders[i]] = FUNDS;
        }
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), address(this), TREASURY, FEE, 0, address(dollar));
        escrow = new ServiceEscrow(rules);
        for (uint256 i; i < PARTIES; ++i) {
            vm.prank(holders[i]);
            dollar.approve(address(escrow), type(uint256).max);
        }
    }

    // What anyone can do. Times and windows are short, so that each side of each deadline is met often.

    function open(uint256 seed, uint96 price, bool relayed) external {
        IServiceEscrow.Agreement memory a = _agreement(seed, price);
        bool signed = relayed || (seed >> 80) % 3 != 0;
        bool valid = !paused && _canBegin(a, signed) && expected[a.buyer] >= a.price;
        bytes memory call = relayed ? _relayedOpening(a) : _opening(a, signed);
        vm.assertTrue(_call(relayed ? address(0xBEEF) : a.buyer, call) == valid, "open");
        if (!valid) return;
        expected[a.buyer] -= a.price;
        _begun(a, escrow.hashAgreement(a), signed);
    }

    function openBundle(uint256 seed, uint96 price) external {
        uint256 count = 2 + (seed >> 88) % 2;
        IServiceEscrow.Agreement[] memory legs = new IServiceEscrow.Agreement[](count);
        bytes[] memory signatures = new bytes[](count);
        bytes32 word = bytes32(++next);
        bool valid = !paused;
        uint256 total;
        for (uint256 i; i < count; ++i) {
            legs[i] = _agreement(seed, price);
            legs[i].salt = bytes32(++next);
            legs[i].bundle = word;
            if (i != 0 && (seed >> (90 + i)) % 2 == 0) legs[i].previous = escrow.hashAgreement(legs[i - 1]);
            bool signed = (seed >> (100 + i)) % 2 == 0;
            if (signed) signatures[i] = _sellerSignature(legs[i]);
            valid = valid && _canBegin(legs[i], signed) && block.timestamp <= legs[i].acceptBy;
            total += legs[i].price;
        }
        if ((seed >> 110) % 16 == 0) {
            legs[1].bundle = bytes32(++next); // a leg of another bundle
            valid = false;
        }
        valid = valid && expected[legs[0].buyer] >= total;
        bytes memory call = abi.encodeCall(escrow.openBundle, (legs, signatures, 0, 0, 0, 0));
        vm.assertTrue(_call(legs[0].buyer, call) == valid, "openBundle");
        if (!valid) return;
        expected[legs[0].buyer] -= total;
        bundles[word].legs = count;
        for (uint256 i; i < count; ++i) {
            bool signed = signatures[i].length != 0;
            if (signed) ++bundles[word].accepted;
            _begun(legs[i], escrow.hashAgreement(legs[i]), signed);
        }
    }

    function accept(uint256 which, uint256 who, bool bySignature) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = bySignature ? address(0xBEEF) : _caller(who, a.seller);
        bool valid = (bySignature || caller == a.seller) && known[i].status == IServiceEscrow.Status.Offered
            && block.timestamp <= a.acceptBy && !bundles[a.bundle].broken;
        bytes memory signature = bySignature ? _sellerSignature(a) : bytes("");
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.accept, (a, signature))) == valid, "accept");
        if (!valid) return;
        known[i].status = IServiceEscrow.Status.Funded;
        if (a.bundle != 0) ++bundles[a.bundle].accepted;
    }

    function deliver(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.seller);
        bool valid = caller == a.seller && known[i].status == IServiceEscrow.Status.Funded
            && block.timestamp <= a.deliverBy && _complete(a)
            && (a.previous == 0 || _statusOf(a.previous) == IServiceEscrow.Status.Settled);
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
        if (valid) _pay(i, a, 10_000);
    }

    function claim(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.seller);
        bool valid = known[i].status == IServiceEscrow.Status.Delivered
            && block.timestamp > known[i].since + a.reviewSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.claim, (a))) == valid, "claim");
        if (valid) _pay(i, a, 10_000);
    }

    function refund(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        // Seldom the seller: it may refund at any time, and few deals would get anywhere.
        address caller = who % 2 == 0 ? address(0xBEEF) : _party(who >> 1);
        bool valid = _refundable(i, a, caller);
        bool breaks = (known[i].status == IServiceEscrow.Status.Offered
                || known[i].status == IServiceEscrow.Status.Funded) && !_complete(a);
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.refund, (a))) == valid, "refund");
        if (!valid) return;
        if (breaks) bundles[a.bundle].broken = true;
        _pay(i, a, 0);
    }

    function dispute(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.buyer);
        bool valid = caller == a.buyer && known[i].status == IServiceEscrow.Status.Delivered
            && block.timestamp <= known[i].since + a.reviewSeconds && expected[a.buyer] >= a.bond;
        bytes memory call = abi.encodeCall(escrow.dispute, (a, bytes32(who), 0, 0, 0, 0));
        vm.assertTrue(_call(caller, call) == valid, "dispute");
        if (!valid) return;
        expected[a.buyer] -= a.bond;
        _enter(i, IServiceEscrow.Status.Disputed);
    }

    function rule(uint256 which, uint256 who, uint256 basisPoints) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.arbiter);
        basisPoints = _bound(basisPoints, 0, 11_000);
        bool valid = caller == a.arbiter && known[i].status == IServiceEscrow.Status.Disputed
            && basisPoints <= 10_000 && block.timestamp <= known[i].since + a.rulingSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.rule, (a, basisPoints))) == valid, "rule");
        if (valid) _pay(i, a, basisPoints);
    }

    function settleUnruled(uint256 which, uint256 who) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, a.buyer);
        bool valid = known[i].status == IServiceEscrow.Status.Disputed
            && block.timestamp > known[i].since + a.rulingSeconds;
        vm.assertTrue(_call(caller, abi.encodeCall(escrow.settleUnruled, (a))) == valid, "settleUnruled");
        if (valid) _pay(i, a, 5_000);
    }

    function settle(uint256 which, uint256 who, uint256 basisPoints, uint256 age) external {
        if (agreements.length == 0) return;
        (uint256 i, IServiceEscrow.Agreement memory a) = _pick(which);
        address caller = _caller(who, who % 3 == 0 ? a.buyer : a.seller);
        address signer = (who >> 16) % 8 == 0 ? _party(who >> 20) : caller == a.buyer ? a.seller : a.buyer;
        basisPoints = _bound(basisPoints, 0, 10_500);
        uint256 until = block.timestamp + _bound(age, 0, 20) - 2;
        IServiceEscrow.Status status = known[i].status;
        bool valid = (caller == a.buyer && signer == a.seller) || (caller == a.seller && signer == a.buyer);
        valid = valid && basisPoints <= 10_000 && block.timestamp <= until && _complete(a)
            && (status == IServiceEscrow.Status.Funded || status == IServiceEscrow.Status.Delivered
                || status == IServiceEscrow.Status.Disputed);
        bytes memory signature = _proposal(a, basisPoints, until, signer);
        bytes memory call = abi.encodeCall(escrow.settle, (a, basisPoints, until, signature));
        vm.assertTrue(_call(caller, call) == valid, "settle");
        if (valid) _pay(i, a, basisPoints);
    }

    /// Opening once more what was opened, in whatever status it is, must fail.
    function openAgain(uint256 which) external {
        if (agreements.length == 0) return;
        (, IServiceEscrow.Agreement memory a) = _pick(which);
        vm.assertTrue(!_call(a.buyer, _opening(a, true)), "open again");
    }

    /// Money that comes by itself belongs to no deal and must not change any.
    function donate(uint256 who, uint256 amount) external {
        amount = _bound(amount, 0, expected[_party(who)] / 100);
        vm.prank(_party(who));
        dollar.transfer(address(escrow), amount);
        expected[_party(who)] -= amount;
        donated += amount;
    }

    /// The guardian's brake: nothing can be opened, everything else goes on.
    function pause(uint256 seed) external {
        paused = seed % 8 == 0;
        rules.pauseDeposits(paused);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + _bound(time, 0, 15));
    }

    // What must hold.

    /// The escrow holds the prices and bonds of the deals that are not over, and donations: not a unit less or more.
    function checkMoney() external view {
        uint256 held = _held();
        vm.assertEq(dollar.balanceOf(address(escrow)), held, "held");
        vm.assertEq(dollar.balanceOf(TREASURY), expected[TREASURY], "fees");
        uint256 sum = held + expected[TREASURY];
        for (uint256 i; i < PARTIES; ++i) {
            vm.assertEq(dollar.balanceOf(_party(i)), expected[_party(i)], "balance");
            sum += expected[_party(i)];
        }
        vm.assertEq(sum, dollar.totalSupply(), "conserved");
        vm.assertEq(sum, PARTIES * FUNDS, "nothing minted");
    }

    /// A deal that is over has paid exactly once, every other has not paid; the escrow's record is the model's. A leg
    /// that went beyond Funded has a complete bundle.
    function checkDeals() external view {
        for (uint256 i; i < known.length; ++i) {
            IServiceEscrow.Status status = known[i].status;
            vm.assertEq(known[i].paid, _over(status) ? 1 : 0, "paid once");
            (IServiceEscrow.Status got, uint40 since,,) = escrow.deals(escrow.hashAgreement(agreements[i]));
            vm.assertEq(uint256(got), uint256(status), "status");
            vm.assertEq(since, known[i].since, "since");
            bool moved = status == IServiceEscrow.Status.Delivered || status == IServiceEscrow.Status.Disputed
                || status == IServiceEscrow.Status.Settled;
            bytes32 word = agreements[i].bundle;
            if (word == 0) continue;
            (uint16 legs, uint16 accepted, bool broken) = escrow.bundles(escrow.bundleKey(agreements[i].buyer, word));
            vm.assertTrue(!moved || (legs == accepted && !broken), "a bundle is atomic");
        }
    }

    // Calls.

    /// Mostly three parties; sometimes one of them twice, which must be refused.
    function _agreement(uint256 seed, uint96 price) private returns (IServiceEscrow.Agreement memory a) {
        uint256 turn = 1 + (seed >> 8) % 2;
        (a.buyer, a.seller) = (_party(seed % PARTIES), _party(seed % PARTIES + turn));
        a.arbiter = (seed >> 16) % 8 == 0 ? _party(seed >> 20) : _party(seed % PARTIES + 2 * turn);
        if ((seed >> 16) % 8 == 1) a.seller = a.buyer;
        a.token = address(dollar);
        a.price = uint96(_bound(price, 0, FUNDS / 5));
        a.bond = uint96((seed >> 120) % 3 == 0 ? 0 : _bound(seed >> 124, 0, 100));
        a.deliverBy = uint64(block.timestamp + _bound(seed >> 24, 0, 200) - _bound(seed >> 32, 0, 10));
        a.acceptBy = uint64(a.deliverBy - _bound(seed >> 112, 0, 60) + ((seed >> 118) % 8 == 0 ? 60 : 0));
        a.reviewSeconds = uint64(_bound(seed >> 40, 0, 15));
        a.rulingSeconds = uint64(_bound(seed >> 48, 0, 40));
        a.salt = bytes32(++next);
    }

    function _sellerSignature(IServiceEscrow.Agreement memory a) private view returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(a.seller)), escrow.hashAgreement(a));
        return _pack(v, r, s);
    }

    function _proposal(IServiceEscrow.Agreement memory a, uint256 basisPoints, uint256 until, address signer)
        private
        view
        returns (bytes memory)
    {
        bytes32 digest = escrow.hashSettlement(escrow.hashAgreement(a), basisPoints, until);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(signer)), digest);
        return _pack(v, r, s);
    }

    function _opening(IServiceEscrow.Agreement memory a, bool signed) private view returns (bytes memory) {
        bytes memory signature = signed ? _sellerSignature(a) : bytes("");
        return abi.encodeCall(escrow.open, (a, signature, 0, 0, 0, 0));
    }

    function _relayedOpening(IServiceEscrow.Agreement memory a) private view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                dollar.RECEIVE_WITH_AUTHORIZATION_TYPEHASH(),
                a.buyer,
                address(escrow),
                uint256(a.price),
                0,
                type(uint256).max,
                escrow.hashAgreement(a)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked(hex"1901", dollar.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(_key(_indexOf(a.buyer)), digest);
        bytes memory signature = _sellerSignature(a);
        return abi.encodeCall(escrow.openWithAuthorization, (a, signature, 0, type(uint256).max, v, r, s));
    }

    function _call(address caller, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = address(escrow).call(call);
        if (ok) ++succeeded[bytes4(call)];
        else ++refused[bytes4(call)];
    }
}
