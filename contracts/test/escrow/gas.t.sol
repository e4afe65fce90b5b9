// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EscrowTest} from "../base/EscrowTest.sol";

/// What a transaction costs: each call is executed as one of its own, so the intrinsic gas, the call data, cold storage
/// and refunds are counted. `forge test -vv` prints the table.
/// forge-config: default.isolate = true
contract GasTest is EscrowTest {
    function test_WithinTargets() public {
        _everyoneHoldsSome();
        _open();
        _report("escrow_open", 175_000);
        _deliver();
        _report("escrow_deliver", 40_000);
        _release();
        _report("escrow_release", 58_000);
    }

    function test_OtherCalls() public {
        _everyoneHoldsSome();
        bytes32 id = escrow.hashAgreement(a);
        (uint8 v, bytes32 r, bytes32 s) = _authorization(BUYER_KEY, id, a.price, START - 1, START + 60);
        escrow.openWithAuthorization(a, _sellerSignature(), START - 1, START + 60, v, r, s);
        _report("escrow_open_with_authorization", 175_000);
        _deliver();
        _dispute();
        _report("escrow_dispute", 50_000);
        vm.prank(arbiter);
        escrow.rule(a, 5_000);
        _report("escrow_rule", 90_000);

        a.salt = bytes32(uint256(2));
        _openAndDeliver();
        vm.warp(START + a.reviewSeconds + 1);
        escrow.claim(a);
        _report("escrow_claim", 58_000);
        a.salt = bytes32(uint256(3));
        _open();
        vm.prank(seller);
        escrow.refund(a);
        _report("escrow_refund", 58_000);
    }

    /// The first token of an account takes a new storage slot: 17,100 gas more, the token's affair.
    function test_FirstTokens() public {
        _open();
        _report("escrow_open_first_of_token", 175_000);
        _deliver();
        _release();
        _report("escrow_release_first_of_seller", 75_000);
    }

    function _everyoneHoldsSome() private {
        vm.prank(buyer);
        dollar.transfer(seller, 1);
        vm.prank(buyer);
        dollar.transfer(address(escrow), 1);
    }

    function _report(string memory name, uint256 target) private view {
        uint256 used = vm.lastCallGas().gasTotalUsed;
        _print(string.concat("gas ", name, " ", vm.toString(used), " target ", vm.toString(target)));
        vm.assertLe(used, target, name);
    }
}
