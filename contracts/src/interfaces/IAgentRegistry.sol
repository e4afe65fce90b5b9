// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IMarketRules} from "./IMarketRules.sol";
import {IERC8004Identity} from "./IERC8004Identity.sol";
import {IServiceEscrow} from "./IServiceEscrow.sol";

/// @title Agents by the ERC-8004 standard, and what they stake on their word
/// @notice An agent is an ERC-721 token whose number is its id, from 1. Its owner may stake money on it. Stake answers
/// for the deals of the agent's accounts: its owner, its wallet, and the wallets it had within `ANSWERABLE_SECONDS`.
///
///     the owner   requestUnstake   the cooldown runs
///     anyone      freeze           shows the escrow's record of a dispute about a delivery of the agent
///     the slasher slash            takes from the stake of the agent that a disputed deal froze
///     anyone      thaw             the dispute is over
///     the owner   unstake          after the cooldown, within `UNSTAKE_WINDOW_SECONDS`, with no dispute open
///
/// Stake on its way out is still stake: it can be slashed until it is gone. A request that is not used in time lapses, so
/// nobody can keep a matured one in reserve. An agent with stake, or held by a dispute, cannot be transferred; one that is
/// transferred answers for its new owner only.
///
/// @dev Nobody but the parties of a deal can freeze a stake: the escrow's record says Disputed only where the agent's own
/// account delivered, and every dispute ends by time. So no exit is blocked for ever.
///
/// The slasher is named once, by the owner of the market's rules, before anybody can stake. It can take only from agents
/// that a dispute froze. What it takes is kept here for the market's fee recipient: were it paid to a party, an agent
/// could save its stake from a real dispute by losing a staged one.
///
/// There is no upgrade, and no pause but that of new stakes by the rules.
interface IAgentRegistry is IERC8004Identity {
    /// @notice Money was added to an agent's stake.
    event Staked(uint256 indexed agentId, address indexed from, uint256 amount);

    /// @notice So much of the stake wants out, and may go from `readyAt` (block time) on.
    event UnstakeRequested(uint256 indexed agentId, uint256 amount, uint256 readyAt);

    /// @notice So much of the stake is out.
    event Unstaked(uint256 indexed agentId, address indexed to, uint256 amount);

    /// @notice A dispute holds the agent's stake.
    event Frozen(uint256 indexed agentId, bytes32 indexed id);

    /// @notice The dispute is over.
    event Thawed(uint256 indexed agentId, bytes32 indexed id);

    /// @notice So much of the stake is lost because of this deal.
    event Slashed(uint256 indexed agentId, bytes32 indexed id, uint256 amount);

    /// @notice What was slashed is with the market.
    event Collected(address indexed to, uint256 amount);

    /// @notice Who may slash, for good.
    event SlasherSet(address indexed slasher);

    /// @notice The caller may not do this with that agent.
    error Registry_NotAuthorized(address caller, uint256 agentId);

    /// @notice The key "agentWallet" is set by `setAgentWallet` only.
    error Registry_ReservedKey();

    /// @notice The zero address cannot be a wallet.
    error Registry_NoWallet();

    /// @notice The signature was to be used until `deadline` (block time).
    error Registry_TooLate(uint256 deadline);

    /// @notice A deadline is at most `latest` (block time).
    error Registry_DeadlineTooFar(uint256 latest);

    /// @notice The signature is not one of this wallet.
    error Registry_NotSignedBy(address wallet);

    /// @notice The agent is not transferred while it has stake (unstake first) or a dispute holds it.
    error Registry_HasStake(uint256 agentId);

    /// @notice An amount from 1 to `available` is needed.
    error Registry_BadAmount(uint256 amount, uint256 available);

    /// @notice The token moved `got` instead of `expected`.
    error Registry_ShortTransfer(uint256 expected, uint256 got);

    /// @notice There is no request that can be used: none, or it can be used from `readyAt` (block time) on, or it lapsed.
    error Registry_NotReady(uint256 readyAt);

    /// @notice So many disputes hold the stake.
    error Registry_Frozen(uint256 disputes);

    /// @notice The escrow does not say that this deal is disputed (for `thaw`: it still does).
    error Registry_WrongStatus(IServiceEscrow.Status status);

    /// @notice The seller of the deal is no account of this agent.
    error Registry_NotItsDeal(uint256 agentId, address seller);

    /// @notice The dispute holds a stake already (for `thaw`: none).
    error Registry_FreezeUnchanged(bytes32 id);

    /// @notice Only the slasher may do this.
    error Registry_NotSlasher(address caller);

    /// @notice The slasher is named once, by the owner of the rules, and not the zero address; nobody stakes before.
    error Registry_SlasherUnset();

    /// @notice Adds the caller's money to an agent's stake; anyone may.
    /// @dev Reverts: SlasherUnset, BadAmount, ShortTransfer, ERC721NonexistentToken, and whatever rules and token say.
    function stake(uint256 agentId, uint256 amount) external;

    /// @notice Owner of the agent: starts the cooldown of so much of the stake; it replaces an earlier request.
    /// @dev Reverts: NotAuthorized, BadAmount.
    function requestUnstake(uint256 agentId, uint256 amount) external;

    /// @notice Owner of the agent: takes out what was requested, or what slashing left of it.
    /// @dev Reverts: NotAuthorized, NotReady, Frozen, and whatever the token says.
    function unstake(uint256 agentId, address to) external returns (uint256 amount);

    /// @notice Anyone: holds an agent's stake while this deal of its is disputed. Where several agents answer for the
    /// seller, one that stakes more takes the place of the one held: so nobody saves a stake by showing a smaller one first.
    /// @dev Reverts: WrongStatus, NotItsDeal, FreezeUnchanged.
    function freeze(uint256 agentId, IServiceEscrow.Agreement calldata a) external;

    /// @notice Anyone: lets go of the stake that a dispute held, once it is over.
    /// @dev Reverts: WrongStatus, FreezeUnchanged.
    function thaw(bytes32 id) external;

    /// @notice Slasher: takes up to `amount` from the stake that this dispute holds, and lets go of the rest. Nothing
    /// happens where it holds none. No token moves.
    /// @dev Reverts: NotSlasher.
    function slash(bytes32 id, uint256 amount) external returns (uint256 taken);

    /// @notice Anyone: pays what was slashed to the market's fee recipient.
    function collect() external returns (uint256 amount);

    /// @notice Owner of the rules, once: names the slasher.
    /// @dev Reverts: NotSlasher for another caller, SlasherUnset for the zero address or a second time.
    function setSlasher(address account) external;

    /// @notice Whether the account is the agent's owner, or approved by it. Reverts for an agent that does not exist.
    function isAuthorizedOrOwner(address account, uint256 agentId) external view returns (bool);

    /// @notice Whether the agent answers for deals of this account.
    function answersFor(uint256 agentId, address account) external view returns (bool);

    /// @notice An agent's stake.
    /// @return amount all of it, in the token's base units.
    /// @return leaving what is requested to go, of `amount`.
    /// @return readyAt when it may go (block time); 0 for no request.
    /// @return disputes how many hold it.
    function stakes(uint256 agentId)
        external
        view
        returns (uint96 amount, uint96 leaving, uint40 readyAt, uint24 disputes);

    /// @notice The agent whose stake this deal's dispute holds; 0 for none.
    function frozenBy(bytes32 id) external view returns (uint256 agentId);

    /// @notice What was slashed and not yet collected.
    function slashed() external view returns (uint256);

    /// @notice How many agents there are; ids run from 1 to it.
    function agents() external view returns (uint256);

    /// @notice Who may slash.
    function slasher() external view returns (address);

    /// @notice The token of all stakes, an ERC-20 that the rules allow.
    function stakeToken() external view returns (address);

    /// @notice The rules that every stake is checked against.
    function rules() external view returns (IMarketRules);

    /// @notice The escrow whose disputes hold stakes.
    function escrow() external view returns (IServiceEscrow);

    /// @notice From the request to the exit: seven days.
    // solhint-disable-next-line func-name-mixedcase
    function COOLDOWN_SECONDS() external view returns (uint256);

    /// @notice For how long a matured request can be used: two days.
    // solhint-disable-next-line func-name-mixedcase
    function UNSTAKE_WINDOW_SECONDS() external view returns (uint256);

    /// @notice For how long an agent answers for a wallet that its owner gave up: thirty days.
    // solhint-disable-next-line func-name-mixedcase
    function ANSWERABLE_SECONDS() external view returns (uint256);
}
