// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {Test} from "../base/Test.sol";

/// What the deals must be and what everyone must own, written from the interface and not from the contract.
abstract contract Model is Test {
    uint256 internal constant PARTIES = 3;
    uint256 internal constant FUNDS = 10_000;
    uint256 internal constant FEE = 137; // basis points
    address internal constant TREASURY = address(0x74EA);

    /// What the model knows of a deal. `paid` counts its payouts.
    struct Known {
        IServiceEscrow.Status status;
        uint256 since;
        uint256 paid;
    }

    struct Legs {
        uint256 legs;
        uint256 accepted;
        bool broken;
    }

    uint256 public donated;
    bool internal paused;
    IServiceEscrow.Agreement[] internal agreements;
    Known[] internal known;
    mapping(bytes32 id => uint256 place) private places; // from 1
    mapping(bytes32 word => Legs) internal bundles;
    mapping(address account => uint256) internal expected;

    function _canBegin(IServiceEscrow.Agreement memory a, bool signed) internal view returns (bool) {
        return a.buyer != a.seller && a.arbiter != a.buyer && a.arbiter != a.seller && a.price != 0
            && block.timestamp <= a.deliverBy
            && (signed || (a.acceptBy <= a.deliverBy && block.timestamp <= a.acceptBy));
    }

    function _begun(IServiceEscrow.Agreement memory a, bytes32 id, bool signed) internal {
        agreements.push(a);
        known.push(Known(signed ? IServiceEscrow.Status.Funded : IServiceEscrow.Status.Offered, 0, 0));
        places[id] = known.length;
    }

    function _refundable(uint256 i, IServiceEscrow.Agreement memory a, address caller) internal view returns (bool) {
        IServiceEscrow.Status status = known[i].status;
        if (_over(status)) return false;
        if (caller == a.seller) return true;
        bool offered = status == IServiceEscrow.Status.Offered;
        if (!offered && status != IServiceEscrow.Status.Funded) return false;
        if (a.previous != 0 && _statusOf(a.previous) == IServiceEscrow.Status.Refunded) return true;
        if (!_complete(a)) return bundles[a.bundle].broken || block.timestamp > a.acceptBy;
        return block.timestamp > (offered ? a.acceptBy : a.deliverBy);
    }

    function _complete(IServiceEscrow.Agreement memory a) internal view returns (bool) {
        return a.bundle == 0 || bundles[a.bundle].accepted == bundles[a.bundle].legs;
    }

    function _statusOf(bytes32 id) internal view returns (IServiceEscrow.Status) {
        return places[id] == 0 ? IServiceEscrow.Status.None : known[places[id] - 1].status;
    }

    function _enter(uint256 i, IServiceEscrow.Status status) internal {
        (known[i].status, known[i].since) = (status, block.timestamp);
    }

    function _pay(uint256 i, IServiceEscrow.Agreement memory a, uint256 basisPoints) internal {
        uint256 bond = known[i].status == IServiceEscrow.Status.Disputed ? a.bond : 0;
        uint256 ofPrice = uint256(a.price) * basisPoints / 10_000;
        uint256 ofBond = bond * basisPoints / 10_000;
        uint256 fee = ofPrice * FEE / 10_000;
        known[i].status =
            ofPrice + ofBond == 0 ? IServiceEscrow.Status.Refunded : IServiceEscrow.Status.Settled;
        known[i].paid++;
        expected[TREASURY] += fee;
        expected[a.seller] += ofPrice + ofBond - fee;
        expected[a.buyer] += a.price + bond - ofPrice - ofBond;
    }

    function _held() internal view returns (uint256 held) {
        held = donated;
        for (uint256 i; i < known.length; ++i) {
            if (!_over(known[i].status)) held += agreements[i].price;
            if (known[i].status == IServiceEscrow.Status.Disputed) held += agreements[i].bond;
        }
    }

    /// The right party most of the time, any otherwise.
    function _caller(uint256 who, address right) internal pure returns (address) {
        return who % 4 != 0 ? right : _party(who >> 2);
    }

    /// One of the last deals, mostly one that is not over.
    function _pick(uint256 which) internal view returns (uint256 i, IServiceEscrow.Agreement memory a) {
        uint256 recent = agreements.length < 8 ? agreements.length : 8;
        for (uint256 k; k < recent; ++k) {
            i = agreements.length - 1 - (which % recent + k) % recent;
            if ((which >> 8) % 5 == 0 || !_over(known[i].status)) break;
        }
        a = agreements[i];
    }

    function _over(IServiceEscrow.Status status) internal pure returns (bool) {
        return status == IServiceEscrow.Status.Settled || status == IServiceEscrow.Status.Refunded;
    }

    function _key(uint256 i) internal pure returns (uint256) {
        return 0x1000 + i % PARTIES;
    }

    function _party(uint256 i) internal pure returns (address) {
        return vm.addr(_key(i));
    }

    function _indexOf(address party) internal pure returns (uint256 i) {
        while (_party(i) != party) ++i;
    }
}
