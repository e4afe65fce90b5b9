// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {TestDollar} from "../../src/TestDollar.sol";
import {Test} from "./Test.sol";

/// A holder of test dollars whose key we have, and authorizations that it signs.
abstract contract DollarTest is Test {
    uint256 internal constant HOLDER_KEY = 0xD0;
    uint256 internal constant OTHER_KEY = 0xE0;
    uint256 internal constant FUNDS = 1_000_000e6;
    uint256 internal constant AFTER = START - 1;
    uint256 internal constant BEFORE = START + 600;
    bytes32 internal constant NONCE = keccak256("a nonce");
    string internal constant FIELDS =
        "(address from,address to,uint256 value,uint256 validAfter,uint256 validBefore,bytes32 nonce)";

    address internal holder = vm.addr(HOLDER_KEY);
    address internal payee = address(0xFA7EE);
    TestDollar internal dollar;

    struct Authorization {
        address from;
        address to;
        uint256 value;
        uint256 validAfter;
        uint256 validBefore;
        bytes32 nonce;
    }

    function setUp() public virtual {
        vm.warp(START);
        address[] memory holders = new address[](1);
        uint256[] memory amounts = new uint256[](1);
        (holders[0], amounts[0]) = (holder, FUNDS);
        dollar = new TestDollar(holders, amounts);
    }

    function _authorization() internal view returns (Authorization memory) {
        return Authorization(holder, payee, 5e6, AFTER, BEFORE, NONCE);
    }

    function _sign(uint256 key, string memory name, Authorization memory x)
        internal
        view
        returns (uint8, bytes32, bytes32)
    {
        bytes32 typehash = keccak256(bytes(string.concat(name, FIELDS)));
        return _signStruct(key, keccak256(abi.encode(typehash, x)));
    }

    function _signStruct(uint256 key, bytes32 structHash) internal view returns (uint8, bytes32, bytes32) {
        return vm.sign(key, keccak256(abi.encodePacked(hex"1901", _domainSeparator(), structHash)));
    }

    /// Computed here, from the standard: the contract's own is compared with it.
    function _domainSeparator() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Test Dollar"),
                keccak256("1"),
                block.chainid,
                address(dollar)
            )
        );
    }
}
