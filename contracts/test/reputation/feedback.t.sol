// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC8004Reputation} from "../../src/interfaces/IERC8004Reputation.sol";
import {IReputation} from "../../src/interfaces/IReputation.sol";
import {ReputationTest} from "../base/ReputationTest.sol";

contract FeedbackTest is ReputationTest {
    function test_KeepsAndSaysIt() public {
        _receipt(buyer);
        vm.expectEmit(address(reputation));
        emit IERC8004Reputation.NewFeedback(
            agent, buyer, 1, -32, 1, "tradingYield", "tradingYield", "day", "https://e", "ipfs://f", keccak256("f")
        );
        vm.prank(buyer);
        reputation.giveFeedback(agent, -32, 1, "tradingYield", "day", "https://e", "ipfs://f", keccak256("f"));
        _assertFeedback(buyer, 1, -32, 1, "tradingYield", "day", false);
        vm.assertEq(reputation.getLastIndex(agent, buyer), 1, "index");
        vm.assertEq(reputation.getIdentityRegistry(), address(registry), "registry");
    }

    function testFuzz_AddsUp(int128[3] memory values, uint8[3] memory decimals) public {
        int256 sum;
        for (uint256 i; i < 3; ++i) {
            decimals[i] = uint8(_bound(decimals[i], 0, 18));
            int256 most = int256(1e38 / 10 ** (18 - decimals[i]));
            values[i] = int128(int256(values[i]) % (most + 1));
            _feedback(buyer, values[i], decimals[i], "uptime", "");
            sum += int256(values[i]) * int256(10 ** (18 - decimals[i]));
        }
        _assertSum("uptime", 3, sum);
        _assertSum("", 0, 0);
        _assertSum("unheard of", 0, 0);
    }

    function test_RevertWhen_TheValueIsBad() public {
        _receipt(buyer);
        _refuseValue(1, 19);
        _refuseValue(1e20 + 1, 0);
        _refuseValue(-1e20 - 1, 0);
        _refuseValue(type(int128).min, 18);
        _say(buyer, -1e20, 0, "", "");
        _assertSum("", 1, -1e38);
    }

    function test_RevertWhen_ATagIsTooLong() public {
        _receipt(buyer);
        _refuse(IReputation.Reputation_TagTooLong.selector, 32);
        _say(buyer, 1, 0, "12345678901234567890123456789012", "");
        _say(buyer, 1, 0, "1234567890123456789012345678901", "");
    }

    function test_ListsClientsOnce() public {
        address other = _client(0xC11E);
        _feedback(buyer, 1, 0, "", "");
        _feedback(other, 1, 0, "", "");
        _feedback(buyer, 1, 0, "", "");
        address[] memory clients = reputation.getClients(agent);
        vm.assertEq(clients.length, 2, "two");
        vm.assertEq(clients[0], buyer, "first");
        vm.assertEq(clients[1], other, "second");
    }

    function test_RevokedFeedbackIsOutOfTheSum() public {
        _feedback(buyer, 9977, 2, "uptime", "");
        _feedback(buyer, 50, 0, "uptime", "");
        vm.expectEmit(address(reputation));
        emit IERC8004Reputation.FeedbackRevoked(agent, buyer, 1);
        _revoke(1);
        _assertSum("uptime", 1, 50e18);
        _assertFeedback(buyer, 1, 9977, 2, "uptime", "", true);
    }

    function test_RevertWhen_RevokedTwice() public {
        _feedback(buyer, 1, 0, "", "");
        _revoke(1);
        vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_NoFeedback.selector, 1));
        _revoke(1);
    }

    function test_RevertWhen_ThereIsNoSuchFeedback() public {
        _feedback(buyer, 1, 0, "", "");
        uint64[2] memory none = [uint64(0), 2];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_NoFeedback.selector, none[i]));
            _revoke(none[i]);
            vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_NoFeedback.selector, none[i]));
            reputation.readFeedback(agent, buyer, none[i]);
            vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_NoFeedback.selector, none[i]));
            reputation.appendResponse(agent, buyer, none[i], "x", 0);
        }
    }

    function test_CountsAnswers() public {
        address other = _client(0xC11E);
        _feedback(buyer, 1, 0, "", "");
        _feedback(buyer, 2, 0, "", "");
        _feedback(other, 3, 0, "", "");
        vm.expectEmit(address(reputation));
        emit IERC8004Reputation.ResponseAppended(agent, buyer, 1, seller, "ipfs://sorry", 0);
        vm.prank(seller);
        reputation.appendResponse(agent, buyer, 1, "ipfs://sorry", 0);
        vm.prank(seller);
        reputation.appendResponse(agent, buyer, 2, "ipfs://sorry", 0);
        reputation.appendResponse(agent, buyer, 1, "ipfs://spam", 0);
        reputation.appendResponse(agent, other, 1, "ipfs://spam", 0);
        address[] memory any = new address[](0);
        vm.assertEq(reputation.getResponseCount(agent, buyer, 1, any), 2, "one feedback");
        vm.assertEq(reputation.getResponseCount(agent, buyer, 0, any), 3, "a client's");
        vm.assertEq(reputation.getResponseCount(agent, address(0), 0, any), 4, "all");
        vm.assertEq(reputation.getResponseCount(agent, address(0), 9, any), 4, "the index means nothing then");
        vm.assertEq(reputation.getResponseCount(agent, buyer, 1, _list(seller)), 1, "by the seller");
        vm.assertEq(reputation.getResponseCount(agent, buyer, 0, _list(seller, address(this))), 3, "by both");
        vm.assertEq(reputation.getResponseCount(agent, address(0), 0, _list(address(0))), 0, "by nobody");
    }

    function test_RevertWhen_TheAnswerIsNowhere() public {
        _feedback(buyer, 1, 0, "", "");
        _refuse(IReputation.Reputation_NoResponse.selector);
        reputation.appendResponse(agent, buyer, 1, "", 0);
    }

    function test_SummaryIsTheMean() public {
        _feedback(buyer, 9977, 2, "uptime", "");
        _feedback(buyer, 9955, 2, "uptime", "");
        _feedback(buyer, 99, 0, "uptime", "");
        (uint64 count, int128 mean, uint8 decimals) = reputation.getSummary(agent, _list(buyer), "", "");
        vm.assertEq(count, 3, "count");
        vm.assertEq(int256(mean), 9944, "mean of 99.77, 99.55 and 99, to two decimals");
        vm.assertEq(decimals, 2, "decimals");
    }

    function test_SummaryFilters() public {
        address other = _client(0xC11E);
        _feedback(buyer, 100, 0, "starred", "fast");
        _feedback(buyer, 50, 0, "starred", "slow");
        _feedback(other, 0, 0, "starred", "fast");
        _feedback(buyer, 7, 0, "other", "fast");
        _assertSummary(_list(buyer), "starred", "", 2, 75);
        _assertSummary(_list(buyer), "starred", "fast", 1, 100);
        _assertSummary(_list(buyer, other), "starred", "fast", 2, 50);
        _assertSummary(_list(buyer, other), "", "fast", 3, 35);
        _assertSummary(_list(buyer), "unheard of", "", 0, 0);
        _assertSummary(_list(stranger), "", "", 0, 0);
    }

    function test_RevertWhen_NobodyIsNamed() public {
        _refuse(IReputation.Reputation_NoClients.selector);
        reputation.getSummary(agent, new address[](0), "", "");
    }

    function test_ReadsAll() public {
        address other = _client(0xC11E);
        _feedback(buyer, 1, 0, "x", "y");
        _feedback(buyer, 2, 1, "x", "");
        _feedback(other, 3, 2, "z", "y");
        _revoke(1);
        (address[] memory clients, uint64[] memory indices, int128[] memory values,,,, bool[] memory revoked) =
            reputation.readAllFeedback(agent, new address[](0), "", "", true);
        vm.assertEq(clients.length, 3, "all");
        vm.assertTrue(revoked[0] && !revoked[1] && !revoked[2], "revoked");
        vm.assertTrue(clients[1] == buyer && indices[1] == 2 && values[1] == 2, "the second");
        (clients,,,,,,) = reputation.readAllFeedback(agent, new address[](0), "x", "", false);
        vm.assertEq(clients.length, 1, "one under x is left");
        string[] memory tag1s;
        string[] memory tag2s;
        (clients,,,, tag1s, tag2s,) = reputation.readAllFeedback(agent, _list(other), "", "y", false);
        vm.assertEq(clients.length, 1, "the other's");
        vm.assertEq(tag1s[0], "z", "tag 1");
        vm.assertEq(tag2s[0], "y", "tag 2");
    }

    function test_RevertWhen_TooMuchIsRead() public {
        address[] memory many = new address[](1_001);
        _refuse(IReputation.Reputation_TooMany.selector, 1_000);
        reputation.getSummary(agent, many, "", "");
    }

    function _revoke(uint64 index) private {
        vm.prank(buyer);
        reputation.revokeFeedback(agent, index);
    }

    function _refuseValue(int128 value, uint8 decimals) private {
        vm.expectRevert(abi.encodeWithSelector(IReputation.Reputation_BadValue.selector, value, decimals));
        _say(buyer, value, decimals, "", "");
    }

    function _assertSummary(address[] memory who, string memory tag1, string memory tag2, uint256 count, int256 mean)
        private
        view
    {
        (uint64 gotCount, int128 gotMean,) = reputation.getSummary(agent, who, tag1, tag2);
        vm.assertEq(gotCount, count, "count");
        vm.assertEq(int256(gotMean), mean, "mean");
    }

    function _assertFeedback(
        address client,
        uint64 index,
        int256 value,
        uint256 decimals,
        string memory tag1,
        string memory tag2,
        bool revoked
    ) private view {
        (int128 gotValue, uint8 gotDecimals, string memory gotTag1, string memory gotTag2, bool gotRevoked) =
            reputation.readFeedback(agent, client, index);
        vm.assertEq(int256(gotValue), value, "value");
        vm.assertEq(gotDecimals, decimals, "decimals");
        vm.assertEq(gotTag1, tag1, "tag 1");
        vm.assertEq(gotTag2, tag2, "tag 2");
        vm.assertTrue(gotRevoked == revoked, "revoked");
    }
}
