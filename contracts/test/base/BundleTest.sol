// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// Three legs of one purchase, by three sellers; the first two are signed or offered as a test wants.
abstract contract BundleTest is EscrowTest {
    bytes32 internal constant WORD = keccak256("a bundle");

    IServiceEscrow.Agreement[] internal legs;
    uint256[3] internal keys = [uint256(0x5E11E5), 0x5E11E6, 0x5E11E7];

    function setUp() public virtual override {
        super.setUp();
        for (uint256 i; i < keys.length; ++i) {
            IServiceEscrow.Agreement memory leg = a;
            leg.seller = vm.addr(keys[i]);
            leg.price = uint96((i + 1) * 10e6);
            leg.bundle = WORD;
            legs.push(leg);
        }
    }

    /// Opens all three; the first `signed` of them with their sellers' signatures.
    function _openBundle(uint256 signed) internal returns (bytes32) {
        bytes[] memory signatures = _signatures(signed);
        IServiceEscrow.Agreement[] memory all = legs;
        vm.prank(buyer);
        return escrow.openBundle(all, signatures, 0, 0, 0, 0);
    }

    function _signatures(uint256 signed) internal view returns (bytes[] memory signatures) {
        signatures = new bytes[](legs.length);
        for (uint256 i; i < signed; ++i) {
            signatures[i] = _signature(keys[i], escrow.hashAgreement(legs[i]));
        }
    }

    function _acceptLeg(uint256 i) internal {
        vm.prank(legs[i].seller);
        escrow.accept(legs[i], "");
    }

    function _deliverLeg(uint256 i) internal {
        vm.prank(legs[i].seller);
        escrow.deliver(legs[i], RESULT);
    }

    function _legStatus(uint256 i) internal view returns (IServiceEscrow.Status status) {
        (status,,,) = escrow.deals(escrow.hashAgreement(legs[i]));
    }

    function _assertLeg(uint256 i, IServiceEscrow.Status status) internal view {
        vm.assertEq(uint256(_legStatus(i)), uint256(status), "leg");
    }

    function _assertBundle(uint256 count, uint256 accepted, bool broken) internal view {
        (uint16 gotLegs, uint16 gotAccepted, bool gotBroken) = escrow.bundles(escrow.bundleKey(buyer, WORD));
        vm.assertEq(gotLegs, count, "legs");
        vm.assertEq(gotAccepted, accepted, "accepted");
        vm.assertTrue(gotBroken == broken, "broken");
    }
}
