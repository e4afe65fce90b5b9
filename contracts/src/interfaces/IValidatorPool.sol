// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgentRegistry} from "./IAgentRegistry.sol";
import {IMarketRules} from "./IMarketRules.sol";
import {IServiceEscrow} from "./IServiceEscrow.sol";

/// @title An arbiter for the escrow: a jury, drawn by stake, that votes in secret and answers for its votes
/// @notice Two parties name this contract as the arbiter of their deal. Once the buyer disputes:
///
///     phase      who               calls      and then
///     None       anyone            request    Waiting: pays the jury's fees; a future block will draw the jury
///     Waiting    anyone            draw       Voting: the seats are drawn, and commit for `commitSeconds`;
///                                             or Over, with the fees back, when there is no time left or no dispute
///     Voting     a drawn seat      commit     hides its vote: how many basis points the seller is to get
///     Voting     a drawn seat      reveal     shows it, in the `revealSeconds` after
///     Voting     anyone            finish     Over: the jury is paid and the escrow rules by the median vote;
///                                             when all have revealed, or after the reveal
///
/// Seats. A validator buys seats of one price: stake-weighted is to draw seats, each at most once a case. A seat on a jury
/// cannot leave before the case is finished, which anyone may do by time. Others leave in a window of `EXIT_WINDOW_SECONDS`
/// that opens `EXIT_NOTICE_SECONDS` after somebody asked for one: no seat goes between the choice of a draw's block and the
/// draw, so nobody who has seen the block can change what it draws. (Seats that join take no part in draws under way.)
///
/// Payment. A vote within `TOLERANCE` of the median is coherent. Silent seats, and those that are not coherent, lose the
/// penalty, or what they have left. The coherent ones share that and all the fees; what cannot be divided goes to the
/// payer of the fees. A seat that could not pay a penalty has no vote. So a minority earns less by voting together against
/// what the others see than by voting with them.
///
/// Quorum. When fewer than `quorum` seats reveal, the ruling is `DEFAULT_RULING`, half each, as the escrow's own would be.
/// Who revealed gets its fee, the other fees go back to the payer, and the penalties of the silent to the market's
/// recipient: nobody can gain by making a quorum fail.
///
/// Sellers' stakes. When the seller is given less than half by a quorum, the registry takes as much from the stake that the
/// dispute holds (IAgentRegistry) as the buyer is given of the price.
///
/// @dev The draw uses the hash of a block that follows the request by two. Who builds that block can try a few hashes; a
/// chain where one party builds all blocks needs another arbiter. Anyone may draw within 256 blocks; after that, a new
/// block is chosen. Nothing here can be paused but new seats, by the market's rules, and there is no owner.
interface IValidatorPool {
    /// @notice See the table above.
    enum Phase {
        None,
        Waiting,
        Voting,
        Over
    }

    /// @notice How a pool works, for good.
    /// @param token the ERC-20 of seats, fees and penalties.
    /// @param seatPrice base units a seat, at most 2^80 - 1.
    /// @param penalty base units that a silent or incoherent seat loses a case, up to the price.
    /// @param fee base units a seat earns a case, if all agree.
    /// @param jury seats a case: odd, 3 to 15.
    /// @param quorum how many of them must reveal: more than half of the jury.
    /// @param commitSeconds how long votes are taken.
    /// @param revealSeconds how long they can be shown after.
    struct Terms {
        address token;
        uint256 seatPrice;
        uint256 penalty;
        uint256 fee;
        uint256 jury;
        uint256 quorum;
        uint256 commitSeconds;
        uint256 revealSeconds;
    }

    /// @notice Seats `first` to `first + count - 1` are the holder's.
    event Joined(address indexed holder, uint256 first, uint256 count);

    /// @notice A seat is gone; its stake was paid out or, after an eviction, is owed to its holder.
    event Left(address indexed holder, uint256 indexed seat, uint256 stake);

    /// @notice Seats may leave from `from` (block time) on, for the length of the window.
    event ExitsAnnounced(uint256 from);

    /// @notice A case waits for its jury.
    event Requested(bytes32 indexed id, address indexed payer);

    /// @notice The hash of this block will draw the jury.
    event DrawSet(bytes32 indexed id, uint256 drawBlock);

    /// @notice These seats are the jury, in the order of their places; they commit until `commitEnd` (block time).
    event Drawn(bytes32 indexed id, uint256[] seats, uint256 commitEnd);

    /// @notice No jury: the dispute or its time is over. The fees are owed to the payer.
    event Closed(bytes32 indexed id);

    /// @notice The seat at this place has voted.
    event Committed(bytes32 indexed id, uint256 place);

    /// @notice The seat at this place has shown its vote.
    event Revealed(bytes32 indexed id, uint256 place, uint256 basisPoints);

    /// @notice The seat lost so much of its stake.
    event Penalised(bytes32 indexed id, uint256 indexed seat, uint256 amount);

    /// @notice The case is over. `revealed` votes made the ruling, by the median or, short of the quorum, by default;
    /// `applied` is false when the escrow's deal had ended otherwise.
    event Ruled(bytes32 indexed id, uint256 sellerBasisPoints, uint256 revealed, bool applied);

    /// @notice An account took out what was owed to it.
    event Withdrawn(address indexed account, address to, uint256 amount);

    /// @notice A pool cannot have these terms.
    error Pool_BadTerms();

    /// @notice 1 to `MAX_AT_ONCE` seats at a time.
    error Pool_BadCount(uint256 count);

    /// @notice The token moved `got` instead of `expected`.
    error Pool_ShortTransfer(uint256 expected, uint256 got);

    /// @notice The seat is another's, or gone.
    error Pool_NotYours(uint256 seat);

    /// @notice The seat is on so many juries.
    error Pool_Seated(uint256 seat, uint256 juries);

    /// @notice Seats do not leave now. `from`: when they may (block time), if that is in the future; else ask for it.
    error Pool_ExitsClosed(uint256 from);

    /// @notice Seats may leave until `until` (block time); draws follow.
    error Pool_ExitsOpen(uint256 until);

    /// @notice The seat still has a penalty's worth of stake.
    error Pool_StillGood(uint256 seat);

    /// @notice The deal names another arbiter.
    error Pool_NotArbiter(address arbiter);

    /// @notice The escrow does not say that this deal is disputed.
    error Pool_WrongStatus(IServiceEscrow.Status status);

    /// @notice The case is in this phase, in which the call is not allowed.
    error Pool_WrongPhase(Phase phase);

    /// @notice The escrow's ruling window is too short for a jury: it ends at `rulingEnd` (block time), and one that is drawn
    /// now may need until `rulingBy`.
    error Pool_TooLittleTime(uint256 rulingEnd, uint256 rulingBy);

    /// @notice There are fewer seats than a jury needs.
    error Pool_TooFewSeats(uint256 seats);

    /// @notice The call is possible from then on: a block number for `draw`, a block time for the others.
    error Pool_TooEarly(uint256 readyAt);

    /// @notice The call was possible until `deadline` (block time).
    error Pool_TooLate(uint256 deadline);

    /// @notice The seat votes only with a penalty's worth of stake for each jury that it is on.
    error Pool_TooLittleStake(uint256 seat, uint256 needed);

    /// @notice A hash of a vote is needed (for `reveal`: of this very vote).
    error Pool_BadVote();

    /// @notice The escrow did not take the ruling though it is due: call again, with more gas.
    error Pool_RulingFailed();

    /// @notice The pool owes this account nothing.
    error Pool_NothingOwed(address account);

    /// @notice Buys seats with the caller's money.
    /// @dev Reverts: BadCount, ShortTransfer, and whatever rules and token say.
    function join(uint256 count) external returns (uint256 first);

    /// @notice Anyone: opens a window for exits after the notice, unless one is open or announced.
    function announceExits() external;

    /// @notice Gives seats up and pays their stakes, in the window.
    /// @dev Reverts: BadCount, ExitsClosed, NotYours, Seated, and whatever the token says.
    function giveUp(uint256[] calldata seats, address to) external returns (uint256 amount);

    /// @notice Anyone: ends a seat that has less than a penalty left, in the window; the rest is owed to its holder.
    /// @dev Reverts: ExitsClosed, StillGood, Seated, NotYours when it is gone.
    function evict(uint256 seat) external;

    /// @notice Anyone: brings a disputed deal before a jury and pays its fees.
    /// @dev Reverts: NotArbiter, WrongStatus, WrongPhase, TooLittleTime, TooFewSeats, ShortTransfer, and what the token says.
    function request(IServiceEscrow.Agreement calldata a) external returns (bytes32 id);

    /// @notice Anyone: draws the jury by the block chosen for it; chooses one where none serves.
    /// @dev Reverts: WrongPhase, ExitsOpen, TooEarly.
    function draw(bytes32 id) external;

    /// @notice The holder of the seat at a place of the jury: hides a vote, see `hashVote`. A later one replaces it.
    /// @dev Reverts: WrongPhase, TooLate, NotYours, TooLittleStake, BadVote for zero.
    function commit(bytes32 id, uint256 place, bytes32 hash) external;

    /// @notice The same account: shows the vote.
    /// @dev Reverts: WrongPhase, TooEarly, TooLate, BadVote.
    function reveal(bytes32 id, uint256 place, uint256 basisPoints, bytes32 salt) external;

    /// @notice Anyone: pays the jury and rules.
    /// @dev Reverts: WrongPhase, TooEarly, RulingFailed.
    function finish(IServiceEscrow.Agreement calldata a) external;

    /// @notice Pays the caller what it is owed: rewards, fees that came back, what an eviction left.
    /// @dev Reverts: NothingOwed, and whatever the token says.
    function withdraw(address to) external returns (uint256 amount);

    /// @notice What a seat commits to: only the voter can show it, and nobody can copy it.
    function hashVote(bytes32 id, uint256 place, address voter, uint256 basisPoints, bytes32 salt)
        external
        pure
        returns (bytes32);

    /// @notice A case, by the id of its deal.
    /// @return payer of the fees.
    /// @return commitEnd the last second (block time) of committing; 0 before the draw.
    /// @return phase see Phase.
    /// @return drawBlock the block that draws; 0 when it must be chosen anew.
    /// @return rulingEnd when the escrow's window ends (block time).
    function caseOf(bytes32 id)
        external
        view
        returns (address payer, uint256 commitEnd, Phase phase, uint256 drawBlock, uint256 rulingEnd);

    /// @notice A place of a jury: the seat, whether it has voted and not shown it, and its vote, once shown.
    function voteOf(bytes32 id, uint256 place)
        external
        view
        returns (uint256 seat, bool hidden, bool shown, uint256 basisPoints);

    /// @notice A seat: zero when gone.
    function seats(uint256 seat) external view returns (address holder, uint80 stake, uint16 juries);

    /// @notice How many seats there are.
    function seatCount() external view returns (uint256);

    /// @notice What an account can withdraw.
    function owed(address account) external view returns (uint256);

    /// @notice When the last window for exits opened, or will.
    function exitsFrom() external view returns (uint256);

    /// @notice How this pool works.
    function terms() external view returns (Terms memory);

    /// @notice The rules that new seats are checked against.
    function rules() external view returns (IMarketRules);

    /// @notice The escrow that is ruled.
    function escrow() external view returns (IServiceEscrow);

    /// @notice The registry whose stakes answer for sellers.
    function registry() external view returns (IAgentRegistry);

    /// @notice The ruling without a quorum: 5000, half each.
    // solhint-disable-next-line func-name-mixedcase
    function DEFAULT_RULING() external view returns (uint256);

    /// @notice How far from the median a vote is coherent: 1000 basis points.
    // solhint-disable-next-line func-name-mixedcase
    function TOLERANCE() external view returns (uint256);

    /// @notice From the announcement to the window: one hour.
    // solhint-disable-next-line func-name-mixedcase
    function EXIT_NOTICE_SECONDS() external view returns (uint256);

    /// @notice The length of the window: ten minutes.
    // solhint-disable-next-line func-name-mixedcase
    function EXIT_WINDOW_SECONDS() external view returns (uint256);

    /// @notice The time that is kept for `finish` between the last vote and the end of the escrow's window: ten minutes.
    // solhint-disable-next-line func-name-mixedcase
    function FINISH_SECONDS() external view returns (uint256);

    /// @notice How many seats a call can buy or give up.
    // solhint-disable-next-line func-name-mixedcase
    function MAX_AT_ONCE() external view returns (uint256);
}
