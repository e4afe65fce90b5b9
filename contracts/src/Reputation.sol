// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC8004Reputation} from "./interfaces/IERC8004Reputation.sol";
import {IReputation} from "./interfaces/IReputation.sol";
import {IServiceEscrow} from "./interfaces/IServiceEscrow.sol";

/// @title The registry described in IReputation
contract Reputation is IReputation {
    /// One slot.
    struct Feedback {
        int128 value;
        uint8 decimals;
        bool revoked;
        uint32 tag1;
        uint32 tag2;
    }

    /// One slot.
    struct Client {
        uint64 lastIndex;
        uint64 rights;
    }

    /// One slot, with the number of its tag, so that a feedback under a known one needs no other.
    struct Sum {
        uint56 count;
        uint32 tag;
        int168 sum;
    }

    /// What a reader found: as many of each.
    struct Found {
        address[] clients;
        uint64[] indices;
        Feedback[] feedback;
    }

    /// What a client says, for the event: more than fits the stack.
    struct Said {
        uint64 index;
        int128 value;
        uint8 decimals;
        string tag1;
        string tag2;
        string endpoint;
        string uri;
        bytes32 hash;
    }

    uint256 private constant MAX_DECIMALS = 18;
    uint256 private constant MAX_TAG = 31;
    int256 private constant MAX_VALUE = 1e38; // in 18 decimals

    /// @inheritdoc IReputation
    uint256 public constant MAX_READ = 1_000;
    /// @inheritdoc IReputation
    IServiceEscrow public immutable escrow;
    IAgentRegistry private immutable agents;

    /// @inheritdoc IReputation
    mapping(bytes32 id => bool) public used;
    mapping(uint256 agentId => mapping(address client => Client)) private clients_;
    mapping(uint256 agentId => mapping(address client => mapping(uint64 index => Feedback))) private feedback;
    mapping(uint256 agentId => mapping(bytes32 hash => Sum)) private sums;
    mapping(uint256 agentId => address[]) private speakers;
    /// Tags by number, from 1; 0 is the empty one.
    mapping(bytes32 hash => uint32 tag) private tagOf;
    mapping(uint32 tag => string) private tags;
    uint32 private tagCount;
    /// Counts of answers by the hash of what they count: see `_key`.
    mapping(bytes32 key => uint64) private responses;

    constructor(IServiceEscrow escrow_, IAgentRegistry agents_) {
        (escrow, agents) = (escrow_, agents_);
    }

    /// @inheritdoc IERC8004Reputation
    function getIdentityRegistry() external view returns (address) {
        return address(agents);
    }

    /// @inheritdoc IReputation
    function useReceipt(IServiceEscrow.Agreement calldata a, uint256 agentId) external returns (bytes32 id) {
        if (msg.sender != a.buyer) revert Reputation_NotTheBuyer(msg.sender);
        id = escrow.hashAgreement(a);
        (IServiceEscrow.Status status, uint40 since,,) = escrow.deals(id);
        bool over = status == IServiceEscrow.Status.Settled || status == IServiceEscrow.Status.Refunded;
        if (!over || since == 0) revert Reputation_WrongStatus(status);
        if (used[id]) revert Reputation_ReceiptUsed(id);
        if (!agents.answersFor(agentId, a.seller)) revert Reputation_NotItsDeal(agentId, a.seller);
        if (agents.isAuthorizedOrOwner(msg.sender, agentId)) revert Reputation_OwnAgent(msg.sender);
        used[id] = true;
        ++clients_[agentId][msg.sender].rights;
        emit ReceiptConsumed(id, agentId, msg.sender);
    }

    /// @inheritdoc IERC8004Reputation
    function giveFeedback(
        uint256 agentId,
        int128 value,
        uint8 valueDecimals,
        string calldata tag1,
        string calldata tag2,
        string calldata endpoint,
        string calldata feedbackURI,
        bytes32 feedbackHash
    ) external {
        Said memory said;
        (said.index, said.value, said.decimals) = (_give(agentId, value, valueDecimals, tag1, tag2), value, valueDecimals);
        (said.tag1, said.tag2, said.endpoint, said.uri) = (tag1, tag2, endpoint, feedbackURI);
        said.hash = feedbackHash;
        _announce(agentId, said);
    }

    /// @inheritdoc IERC8004Reputation
    function revokeFeedback(uint256 agentId, uint64 feedbackIndex) external {
        _requireFeedback(agentId, msg.sender, feedbackIndex);
        Feedback storage f = feedback[agentId][msg.sender][feedbackIndex];
        if (f.revoked) revert Reputation_NoFeedback(feedbackIndex);
        f.revoked = true;
        Sum storage sum = sums[agentId][keccak256(bytes(tags[f.tag1]))];
        (sum.count, sum.sum) = (sum.count - 1, sum.sum - int168(_normal(f.value, f.decimals)));
        emit FeedbackRevoked(agentId, msg.sender, feedbackIndex);
    }

    /// @inheritdoc IERC8004Reputation
    function appendResponse(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        string calldata responseURI,
        bytes32 responseHash
    ) external {
        _requireFeedback(agentId, clientAddress, feedbackIndex);
        if (bytes(responseURI).length == 0) revert Reputation_NoResponse();
        address[2] memory who = [address(0), msg.sender];
        for (uint256 i; i < 2; ++i) {
            ++responses[_key(agentId, clientAddress, feedbackIndex, who[i])];
            ++responses[_key(agentId, clientAddress, 0, who[i])];
            ++responses[_key(agentId, address(0), 0, who[i])];
        }
        emit ResponseAppended(agentId, clientAddress, feedbackIndex, msg.sender, responseURI, responseHash);
    }

    /// @inheritdoc IERC8004Reputation
    function getSummary(uint256 agentId, address[] calldata clientAddresses, string calldata tag1, string calldata tag2)
        external
        view
        returns (uint64 count, int128 summaryValue, uint8 summaryValueDecimals)
    {
        if (clientAddresses.length == 0) revert Reputation_NoClients();
        return _mean(_find(agentId, clientAddresses, _wanted(tag1, tag2), false));
    }

    /// @inheritdoc IERC8004Reputation
    function readFeedback(uint256 agentId, address clientAddress, uint64 feedbackIndex)
        external
        view
        returns (int128 value, uint8 valueDecimals, string memory tag1, string memory tag2, bool isRevoked)
    {
        _requireFeedback(agentId, clientAddress, feedbackIndex);
        Feedback memory f = feedback[agentId][clientAddress][feedbackIndex];
        return (f.value, f.decimals, tags[f.tag1], tags[f.tag2], f.revoked);
    }

    /// @inheritdoc IERC8004Reputation
    function readAllFeedback(
        uint256 agentId,
        address[] memory clientAddresses,
        string memory tag1,
        string memory tag2,
        bool includeRevoked
    )
        external
        view
        returns (
            address[] memory clients,
            uint64[] memory feedbackIndexes,
            int128[] memory values,
            uint8[] memory valueDecimals,
            string[] memory tag1s,
            string[] memory tag2s,
            bool[] memory revokedStatuses
        )
    {
        if (clientAddresses.length == 0) clientAddresses = speakers[agentId];
        Found memory found = _find(agentId, clientAddresses, _wanted(tag1, tag2), includeRevoked);
        (clients, feedbackIndexes) = (found.clients, found.indices);
        (values, valueDecimals, revokedStatuses) = _numbers(found.feedback);
        (tag1s, tag2s) = _texts(found.feedback);
    }

    /// @inheritdoc IERC8004Reputation
    function getResponseCount(
        uint256 agentId,
        address clientAddress,
        uint64 feedbackIndex,
        address[] calldata responders
    ) external view returns (uint64 count) {
        uint64 index = clientAddress == address(0) ? 0 : feedbackIndex;
        if (responders.length == 0) return responses[_key(agentId, clientAddress, index, address(0))];
        for (uint256 i; i < responders.length; ++i) {
            if (responders[i] != address(0)) count += responses[_key(agentId, clientAddress, index, responders[i])];
        }
    }

    /// @inheritdoc IERC8004Reputation
    function getClients(uint256 agentId) external view returns (address[] memory) {
        return speakers[agentId];
    }

    /// @inheritdoc IERC8004Reputation
    function getLastIndex(uint256 agentId, address clientAddress) external view returns (uint64) {
        return clients_[agentId][clientAddress].lastIndex;
    }

    /// @inheritdoc IReputation
    function rights(uint256 agentId, address client) external view returns (uint64) {
        return clients_[agentId][client].rights;
    }

    /// @inheritdoc IReputation
    function sumOf(uint256 agentId, string calldata tag1) external view returns (uint64 count, int256 sum) {
        Sum memory found = sums[agentId][keccak256(bytes(tag1))];
        return (found.count, found.sum);
    }

    function _give(uint256 agentId, int128 value, uint8 decimals, string calldata tag1, string calldata tag2)
        private
        returns (uint64 index)
    {
        if (decimals > MAX_DECIMALS) revert Reputation_BadValue(value, decimals);
        int256 normal = _normal(value, decimals);
        if (normal > MAX_VALUE || normal < -MAX_VALUE) revert Reputation_BadValue(value, decimals);
        index = _useRight(agentId);
        bytes32 hash = keccak256(bytes(tag1));
        Sum memory sum = sums[agentId][hash];
        if (sum.count == 0) sum.tag = _tag(tag1);
        sums[agentId][hash] = Sum(sum.count + 1, sum.tag, sum.sum + int168(normal));
        feedback[agentId][msg.sender][index] = Feedback(value, decimals, false, sum.tag, _tag(tag2));
    }

    function _useRight(uint256 agentId) private returns (uint64 index) {
        Client memory client = clients_[agentId][msg.sender];
        if (client.rights == 0) revert Reputation_NoReceipt(msg.sender);
        index = client.lastIndex + 1;
        clients_[agentId][msg.sender] = Client(index, client.rights - 1);
        if (index == 1) speakers[agentId].push(msg.sender);
    }

    function _announce(uint256 agentId, Said memory said) private {
        emit NewFeedback(
            agentId,
            msg.sender,
            said.index,
            said.value,
            said.decimals,
            said.tag1,
            said.tag1,
            said.tag2,
            said.endpoint,
            said.uri,
            said.hash
        );
    }

    /// The number of a tag, which is given to it at its first use.
    function _tag(string calldata text) private returns (uint32 tag) {
        uint256 length = bytes(text).length;
        if (length == 0) return 0;
        if (length > MAX_TAG) revert Reputation_TagTooLong(length);
        bytes32 hash = keccak256(bytes(text));
        tag = tagOf[hash];
        if (tag != 0) return tag;
        tag = ++tagCount;
        (tagOf[hash], tags[tag]) = (tag, text);
        emit TagAdded(tag, text);
    }

    /// The feedbacks that match, in order.
    function _find(uint256 agentId, address[] memory asked, uint256 wanted, bool includeRevoked)
        private
        view
        returns (Found memory found)
    {
        found = Found(new address[](MAX_READ), new uint64[](MAX_READ), new Feedback[](MAX_READ));
        uint256 read;
        uint256 count;
        for (uint256 i; i < asked.length; ++i) {
            uint64 last = clients_[agentId][asked[i]].lastIndex;
            read += uint256(last) + 1;
            if (read > MAX_READ) revert Reputation_TooMany(MAX_READ);
            for (uint64 k = 1; k <= last; ++k) {
                Feedback memory f = feedback[agentId][asked[i]][k];
                if (!_matches(f, wanted, includeRevoked)) continue;
                (found.clients[count], found.indices[count], found.feedback[count]) = (asked[i], k, f);
                ++count;
            }
        }
        (address[] memory a, uint64[] memory b, Feedback[] memory c) = (found.clients, found.indices, found.feedback);
        // Shortens the three in place.
        assembly ("memory-safe") {
            mstore(a, count)
            mstore(b, count)
            mstore(c, count)
        }
    }

    function _mean(Found memory found) private pure returns (uint64 count, int128 mean, uint8 decimals) {
        count = uint64(found.feedback.length);
        if (count == 0) return (0, 0, 0);
        int256 sum;
        uint256[MAX_DECIMALS + 1] memory uses;
        for (uint256 i; i < count; ++i) {
            Feedback memory f = found.feedback[i];
            sum += _normal(f.value, f.decimals);
            ++uses[f.decimals];
        }
        for (uint8 d = 1; d <= MAX_DECIMALS; ++d) {
            if (uses[d] > uses[decimals]) decimals = d;
        }
        mean = int128(sum / int256(uint256(count)) / int256(10 ** (MAX_DECIMALS - decimals)));
    }

    function _numbers(Feedback[] memory list)
        private
        pure
        returns (int128[] memory values, uint8[] memory decimals, bool[] memory revoked)
    {
        (values, decimals, revoked) = (new int128[](list.length), new uint8[](list.length), new bool[](list.length));
        for (uint256 i; i < list.length; ++i) {
            (values[i], decimals[i], revoked[i]) = (list[i].value, list[i].decimals, list[i].revoked);
        }
    }

    function _texts(Feedback[] memory list) private view returns (string[] memory tag1s, string[] memory tag2s) {
        (tag1s, tag2s) = (new string[](list.length), new string[](list.length));
        for (uint256 i; i < list.length; ++i) {
            (tag1s[i], tag2s[i]) = (tags[list[i].tag1], tags[list[i].tag2]);
        }
    }

    /// Two tags in one word: 0 for any, one beyond all numbers for a tag that nobody used.
    function _wanted(string memory tag1, string memory tag2) private view returns (uint256) {
        return _number(tag1) << 64 | _number(tag2);
    }

    function _number(string memory text) private view returns (uint256 tag) {
        tag = tagOf[keccak256(bytes(text))];
        if (tag == 0 && bytes(text).length != 0) tag = type(uint64).max;
    }

    function _matches(Feedback memory f, uint256 wanted, bool includeRevoked) private pure returns (bool) {
        if (f.revoked && !includeRevoked) return false;
        (uint256 tag1, uint256 tag2) = (wanted >> 64, uint64(wanted));
        return (tag1 == 0 || tag1 == f.tag1) && (tag2 == 0 || tag2 == f.tag2);
    }

    function _requireFeedback(uint256 agentId, address client, uint64 index) private view {
        if (index == 0 || index > clients_[agentId][client].lastIndex) revert Reputation_NoFeedback(index);
    }

    function _normal(int128 value, uint8 decimals) private pure returns (int256) {
        return int256(value) * int256(10 ** (MAX_DECIMALS - decimals));
    }

    /// Answers to one feedback, or a client's (index 0), or an agent's (client zero); by one responder, or any (zero).
    function _key(uint256 agentId, address client, uint64 index, address responder) private pure returns (bytes32) {
        return keccak256(abi.encode(agentId, client, index, responder));
    }
}
