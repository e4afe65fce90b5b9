// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The identity registry of ERC-8004 (Trustless Agents), beyond its ERC-721 functions
/// @notice Signatures, parameter names and events are the standard's.
interface IERC8004Identity {
    /// @notice A word or more that others read about an agent on the chain.
    struct MetadataEntry {
        string metadataKey;
        bytes metadataValue;
    }

    /// @notice A new agent.
    event Registered(uint256 indexed agentId, string agentURI, address indexed owner);

    /// @notice A value was written; for the key "agentWallet" it is the wallet's 20 bytes, or nothing.
    event MetadataSet(
        uint256 indexed agentId, string indexed indexedMetadataKey, string metadataKey, bytes metadataValue
    );

    /// @notice The registration file is elsewhere now.
    event URIUpdated(uint256 indexed agentId, string newURI, address indexed updatedBy);

    /// @notice Registers an agent of the caller, with a registration file and metadata.
    function register(string calldata agentURI, MetadataEntry[] calldata metadata) external returns (uint256 agentId);

    /// @notice Registers an agent of the caller, with a registration file.
    function register(string calldata agentURI) external returns (uint256 agentId);

    /// @notice Registers an agent of the caller; its file may follow by `setAgentURI`.
    function register() external returns (uint256 agentId);

    /// @notice Owner or operator: where the registration file is.
    function setAgentURI(uint256 agentId, string calldata newURI) external;

    /// @notice The value of a key; empty when never set.
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory);

    /// @notice Owner or operator: writes a value. The key "agentWallet" is reserved.
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external;

    /// @notice Owner or operator: sets the account that is paid for the agent, with its signature of the EIP-712 type
    /// "AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)".
    function setAgentWallet(uint256 agentId, address newWallet, uint256 deadline, bytes calldata signature) external;

    /// @notice The account that is paid for the agent: at first its owner; zero after a transfer.
    function getAgentWallet(uint256 agentId) external view returns (address);

    /// @notice Owner or operator: the agent has no wallet.
    function unsetAgentWallet(uint256 agentId) external;
}
