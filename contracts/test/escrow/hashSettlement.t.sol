// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {EscrowTest} from "../base/EscrowTest.sol";

contract HashSettlementTest is EscrowTest {
    function testFuzz_IsTheTypedDataHash(bytes32 id, uint256 basisPoints, uint256 until) public view {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Coase Escrow"),
                keccak256("1"),
                block.chainid,
                address(escrow)
            )
        );
        bytes32 typehash = keccak256("Settlement(bytes32 id,uint256 sellerBasisPoints,uint256 validUntil)");
        bytes32 inner = keccak256(abi.encode(typehash, id, basisPoints, until));
        bytes32 expected = keccak256(abi.encodePacked(hex"1901", domain, inner));
        vm.assertEq(escrow.hashSettlement(id, basisPoints, until), expected, "EIP-712");
    }

    function test_DiffersByContractAndChain() public {
        bytes32 here = escrow.hashSettlement(0, 1, 2);
        vm.assertTrue(here != new ServiceEscrow(rules).hashSettlement(0, 1, 2), "another escrow");
        vm.chainId(block.chainid + 1);
        vm.assertTrue(here != escrow.hashSettlement(0, 1, 2), "another chain");
    }
}
