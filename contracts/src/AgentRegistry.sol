// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {ERC721URIStorage} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721URIStorage.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IERC8004Identity} from "./interfaces/IERC8004Identity.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";
import {IServiceEscrow} from "./interfaces/IServiceEscrow.sol";

/// @title The registry described in IAgentRegistry
contract AgentRegistry is IAgentRegistry, ERC721URIStorage, EIP712, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// One slot.
    struct Stake {
        uint96 amount;
        uint96 leaving;
        uint40 readyAt;
        uint24 disputes;
    }

    /// Written only once it is not the owner's account: registering costs no slot for it.
    struct Wallet {
        address account;
        bool changed;
    }

    string private constant WALLET_KEY = "agentWallet";
    bytes32 private constant WALLET_TYPEHASH =
        keccak256("AgentWalletSet(uint256 agentId,address newWallet,address owner,uint256 deadline)");
    uint256 private constant MAX_DEADLINE_SECONDS = 5 minutes;

    /// @inheritdoc IAgentRegistry
    uint256 public constant COOLDOWN_SECONDS = 7 days;
    /// @inheritdoc IAgentRegistry
    uint256 public constant UNSTAKE_WINDOW_SECONDS = 2 days;
    /// @inheritdoc IAgentRegistry
    uint256 public constant ANSWERABLE_SECONDS = 30 days;
    /// @inheritdoc IAgentRegistry
    IMarketRules public immutable rules;
    /// @inheritdoc IAgentRegistry
    IServiceEscrow public immutable escrow;
    /// @inheritdoc IAgentRegistry
    address public immutable stakeToken;

    /// @inheritdoc IAgentRegistry
    uint256 public agents;
    /// @inheritdoc IAgentRegistry
    uint256 public slashed;
    /// @inheritdoc IAgentRegistry
    address public slasher;
    /// @inheritdoc IAgentRegistry
    mapping(uint256 agentId => Stake) public stakes;
    /// @inheritdoc IAgentRegistry
    mapping(bytes32 id => uint256 agentId) public frozenBy;
    mapping(uint256 agentId => Wallet) private wallets;
    mapping(uint256 agentId => mapping(string key => bytes value)) private metadata_;
    /// Until when an owner's agent answers for a wallet that it gave up.
    mapping(uint256 agentId => mapping(address owner => mapping(address wallet => uint256 until))) private answerable;

    constructor(IMarketRules rules_, IServiceEscrow escrow_, address token)
        ERC721("Coase Agents", "AGENT")
        EIP712("ERC8004IdentityRegistry", "1")
    {
        (rules, escrow, stakeToken) = (rules_, escrow_, token);
    }

    /// @inheritdoc IERC8004Identity
    function register() external returns (uint256 agentId) {
        agentId = _register("");
    }

    /// @inheritdoc IERC8004Identity
    function register(string calldata agentURI) external returns (uint256 agentId) {
        agentId = _register(agentURI);
        _setTokenURI(agentId, agentURI);
    }

    /// @inheritdoc IERC8004Identity
    function register(string calldata agentURI, MetadataEntry[] calldata metadata) external returns (uint256 agentId) {
        agentId = _register(agentURI);
        _setTokenURI(agentId, agentURI);
        for (uint256 i; i < metadata.length; ++i) {
            _setMetadata(agentId, metadata[i].metadataKey, metadata[i].metadataValue);
        }
    }

    /// @inheritdoc IERC8004Identity
    function setAgentURI(uint256 agentId, string calldata newURI) external {
        _requireAuthorized(agentId);
        _setTokenURI(agentId, newURI);
        emit URIUpdated(agentId, newURI, msg.sender);
    }

    /// @inheritdoc IERC8004Identity
    function setMetadata(uint256 agentId, string calldata metadataKey, bytes calldata metadataValue) external {
        _requireAuthorized(agentId);
        _setMetadata(agentId, metadataKey, metadataValue);
    }

    /// @inheritdoc IERC8004Identity
    function setAgentWallet(uint256 agentId, address newWallet, uint256 deadline, bytes calldata signature) external {
        address owner = _requireAuthorized(agentId);
        if (newWallet == address(0)) revert Registry_NoWallet();
        if (block.timestamp > deadline) revert Registry_TooLate(deadline);
        if (deadline > block.timestamp + MAX_DEADLINE_SECONDS) {
            revert Registry_DeadlineTooFar(block.timestamp + MAX_DEADLINE_SECONDS);
        }
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(WALLET_TYPEHASH, agentId, newWallet, owner, deadline)));
        if (!_signedBy(newWallet, digest, signature)) revert Registry_NotSignedBy(newWallet);
        _changeWallet(agentId, owner, newWallet);
    }

    /// @inheritdoc IERC8004Identity
    function unsetAgentWallet(uint256 agentId) external {
        _changeWallet(agentId, _requireAuthorized(agentId), address(0));
    }

    /// @inheritdoc IAgentRegistry
    function stake(uint256 agentId, uint256 amount) external nonReentrant {
        if (slasher == address(0)) revert Registry_SlasherUnset();
        _requireOwned(agentId);
        rules.checkDeposit(stakeToken);
        Stake storage s = stakes[agentId];
        uint256 most = type(uint96).max - s.amount;
        if (amount == 0 || amount > most) revert Registry_BadAmount(amount, most);
        s.amount += uint96(amount);
        emit Staked(agentId, msg.sender, amount);
        uint256 before = IERC20(stakeToken).balanceOf(address(this));
        IERC20(stakeToken).safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = IERC20(stakeToken).balanceOf(address(this)) - before;
        if (got < amount) revert Registry_ShortTransfer(amount, got);
    }

    /// @inheritdoc IAgentRegistry
    function requestUnstake(uint256 agentId, uint256 amount) external {
        _requireOwner(agentId);
        Stake storage s = stakes[agentId];
        if (amount == 0 || amount > s.amount) revert Registry_BadAmount(amount, s.amount);
        uint256 readyAt = block.timestamp + COOLDOWN_SECONDS;
        (s.leaving, s.readyAt) = (uint96(amount), uint40(readyAt));
        emit UnstakeRequested(agentId, amount, readyAt);
    }

    /// @inheritdoc IAgentRegistry
    function unstake(uint256 agentId, address to) external nonReentrant returns (uint256 amount) {
        _requireOwner(agentId);
        Stake memory s = stakes[agentId];
        if (s.readyAt == 0 || block.timestamp < s.readyAt || block.timestamp > s.readyAt + UNSTAKE_WINDOW_SECONDS) {
            revert Registry_NotReady(s.readyAt);
        }
        if (s.disputes != 0) revert Registry_Frozen(s.disputes);
        amount = s.leaving;
        stakes[agentId] = Stake(s.amount - s.leaving, 0, 0, 0);
        emit Unstaked(agentId, to, amount);
        IERC20(stakeToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IAgentRegistry
    function freeze(uint256 agentId, IServiceEscrow.Agreement calldata a) external {
        bytes32 id = escrow.hashAgreement(a);
        (IServiceEscrow.Status status,,,) = escrow.deals(id);
        if (status != IServiceEscrow.Status.Disputed) revert Registry_WrongStatus(status);
        if (!answersFor(agentId, a.seller)) revert Registry_NotItsDeal(agentId, a.seller);
        uint256 held = frozenBy[id];
        if (held != 0) {
            if (stakes[agentId].amount <= stakes[held].amount) revert Registry_FreezeUnchanged(id);
            _thaw(id);
        }
        frozenBy[id] = agentId;
        ++stakes[agentId].disputes;
        emit Frozen(agentId, id);
    }

    /// @inheritdoc IAgentRegistry
    function thaw(bytes32 id) external {
        (IServiceEscrow.Status status,,,) = escrow.deals(id);
        if (status == IServiceEscrow.Status.Disputed) revert Registry_WrongStatus(status);
        if (frozenBy[id] == 0) revert Registry_FreezeUnchanged(id);
        _thaw(id);
    }

    /// @inheritdoc IAgentRegistry
    function slash(bytes32 id, uint256 amount) external returns (uint256 taken) {
        if (msg.sender != slasher) revert Registry_NotSlasher(msg.sender);
        uint256 agentId = frozenBy[id];
        if (agentId == 0) return 0;
        Stake storage s = stakes[agentId];
        taken = amount < s.amount ? amount : s.amount;
        s.amount -= uint96(taken);
        if (s.leaving > s.amount) s.leaving = s.amount;
        slashed += taken;
        emit Slashed(agentId, id, taken);
        _thaw(id);
    }

    /// @inheritdoc IAgentRegistry
    function collect() external nonReentrant returns (uint256 amount) {
        amount = slashed;
        slashed = 0;
        address to = rules.feeRecipient();
        emit Collected(to, amount);
        IERC20(stakeToken).safeTransfer(to, amount);
    }

    /// @inheritdoc IAgentRegistry
    function setSlasher(address account) external {
        if (msg.sender != Ownable(address(rules)).owner()) revert Registry_NotSlasher(msg.sender);
        if (account == address(0) || slasher != address(0)) revert Registry_SlasherUnset();
        slasher = account;
        emit SlasherSet(account);
    }

    /// @inheritdoc IERC8004Identity
    function getMetadata(uint256 agentId, string calldata metadataKey) external view returns (bytes memory) {
        if (keccak256(bytes(metadataKey)) != keccak256(bytes(WALLET_KEY))) return metadata_[agentId][metadataKey];
        address wallet = getAgentWallet(agentId);
        return wallet == address(0) ? bytes("") : abi.encodePacked(wallet);
    }

    /// @inheritdoc IERC8004Identity
    function getAgentWallet(uint256 agentId) public view returns (address) {
        Wallet memory wallet = wallets[agentId];
        return wallet.changed ? wallet.account : _ownerOf(agentId);
    }

    /// @inheritdoc IAgentRegistry
    function isAuthorizedOrOwner(address account, uint256 agentId) external view returns (bool) {
        return _isAuthorized(_requireOwned(agentId), account, agentId);
    }

    /// @inheritdoc IAgentRegistry
    function answersFor(uint256 agentId, address account) public view returns (bool) {
        address owner = _ownerOf(agentId);
        return account != address(0)
            && (account == owner || account == getAgentWallet(agentId)
                || block.timestamp <= answerable[agentId][owner][account]);
    }

    function _register(string memory agentURI) private returns (uint256 agentId) {
        agentId = ++agents;
        _mint(msg.sender, agentId);
        emit Registered(agentId, agentURI, msg.sender);
        emit MetadataSet(agentId, WALLET_KEY, WALLET_KEY, abi.encodePacked(msg.sender));
    }

    function _setMetadata(uint256 agentId, string calldata key, bytes calldata value) private {
        if (keccak256(bytes(key)) == keccak256(bytes(WALLET_KEY))) revert Registry_ReservedKey();
        metadata_[agentId][key] = value;
        emit MetadataSet(agentId, key, key, value);
    }

    /// The agent goes on answering for the wallet that it gives up.
    function _changeWallet(uint256 agentId, address owner, address account) private {
        answerable[agentId][owner][getAgentWallet(agentId)] = block.timestamp + ANSWERABLE_SECONDS;
        wallets[agentId] = Wallet(account, true);
        bytes memory value = account == address(0) ? bytes("") : abi.encodePacked(account);
        emit MetadataSet(agentId, WALLET_KEY, WALLET_KEY, value);
    }

    function _thaw(bytes32 id) private {
        uint256 agentId = frozenBy[id];
        frozenBy[id] = 0;
        --stakes[agentId].disputes;
        emit Thawed(agentId, id);
    }

    /// A transfer clears the wallet, as the standard says, and never takes stake along.
    function _update(address to, uint256 agentId, address auth) internal override returns (address from) {
        from = super._update(to, agentId, auth);
        if (from == address(0)) return from;
        Stake memory s = stakes[agentId];
        if (s.amount != 0 || s.disputes != 0) revert Registry_HasStake(agentId);
        wallets[agentId] = Wallet(address(0), true);
        emit MetadataSet(agentId, WALLET_KEY, WALLET_KEY, "");
    }

    function _requireAuthorized(uint256 agentId) private view returns (address owner) {
        owner = _requireOwned(agentId);
        if (!_isAuthorized(owner, msg.sender, agentId)) revert Registry_NotAuthorized(msg.sender, agentId);
    }

    function _requireOwner(uint256 agentId) private view {
        if (_requireOwned(agentId) != msg.sender) revert Registry_NotAuthorized(msg.sender, agentId);
    }

    /// The key first, so that an ordinary account that delegates to code (EIP-7702) can still sign with it.
    function _signedBy(address party, bytes32 digest, bytes calldata signature) private view returns (bool) {
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecoverCalldata(digest, signature);
        if (failure == ECDSA.RecoverError.NoError && signer == party) return true;
        return SignatureChecker.isValidERC1271SignatureNowCalldata(party, digest, signature);
    }
}
