// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reputation} from "../../src/Reputation.sol";
import {RegistryTest} from "./RegistryTest.sol";

/// The seller's agent, and settled deals whose buyer may speak about it.
abstract contract ReputationTest is RegistryTest {
    Reputation internal reputation;
    uint256 private deals;

    function setUp() public virtual override {
        super.setUp();
        reputation = new Reputation(escrow, registry);
    }

    /// Another client, with money for deals of its own.
    function _client(uint256 key) internal returns (address client) {
        client = vm.addr(key);
        vm.prank(buyer);
        dollar.transfer(client, 1_000e6);
        vm.prank(client);
        dollar.approve(address(escrow), type(uint256).max);
    }

    function _settled(address client) internal {
        (a.buyer, a.salt) = (client, bytes32(++deals));
        _openAndDeliver();
        _release();
    }

    function _receipt(address client) internal returns (bytes32 id) {
        _settled(client);
        vm.prank(client);
        return reputation.useReceipt(a, agent);
    }

    function _say(address client, int128 value, uint8 decimals, string memory tag1, string memory tag2) internal {
        vm.prank(client);
        reputation.giveFeedback(agent, value, decimals, tag1, tag2, "", "", 0);
    }

    /// A deal, its receipt, and a word.
    function _feedback(address client, int128 value, uint8 decimals, string memory tag1, string memory tag2) internal {
        _receipt(client);
        _say(client, value, decimals, tag1, tag2);
    }

    function _assertSum(string memory tag, uint256 count, int256 sum) internal view {
        (uint64 gotCount, int256 gotSum) = reputation.sumOf(agent, tag);
        vm.assertEq(gotCount, count, string.concat("count of ", tag));
        vm.assertEq(gotSum, sum, string.concat("sum of ", tag));
    }

    function _list(address x) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = x;
    }

    function _list(address x, address y) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (x, y);
    }
}
