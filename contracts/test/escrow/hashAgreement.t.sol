// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract HashAgreementTest is EscrowTest {
    function testFuzz_IsTheTypedDataHash(IServiceEscrow.Agreement memory any) public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Coase Escrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        bytes32 typehash = keccak256(
            "Agreement(address buyer,address seller,address arbiter,address token,uint96 price,uint96 bond,"
            "uint64 acceptBy,uint64 deliverBy,uint64 reviewSeconds,uint64 rulingSeconds,bytes32 termsHash,"
            "bytes32 salt,bytes32 bundle,bytes32 previous)"
        );
        bytes memory encoded = bytes.concat(
            abi.encode(typehash, any.buyer, any.seller, any.arbiter, any.token, any.price, any.bond),
            abi.encode(any.acceptBy, any.deliverBy, any.reviewSeconds, any.rulingSeconds, any.termsHash, any.salt),
            abi.encode(any.bundle, any.previous)
        );
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", domain, keccak256(encoded)));
        vm.assertEq(escrow.hashAgreement(any), expected, "EIP-712");
    }

    function test_DiffersByContract() public {
        bytes32 here = escrow.hashAgreement(a);
        vm.assertTrue(here != new ServiceEscrow(rules).hashAgreement(a), "another escrow, another id");
    }

    function test_DiffersByChain() public {
        bytes32 here = escrow.hashAgreement(a);
        vm.chainId(block.chainid + 1);
        vm.assertTrue(here != escrow.hashAgreement(a), "another chain, another id");
    }

    function test_RevertWhen_AFieldHasExtraBits() public {
        bytes memory call = abi.encodeCall(escrow.hashAgreement, (a));
        // The first field, the buyer, takes bytes 4 to 35; an address leaves the first twelve of them zero.
        call[4] = 0x01;
        (bool ok,) = address(escrow).call(call);
        vm.assertTrue(!ok, "one agreement has one encoding");
    }
}
