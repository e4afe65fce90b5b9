// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuard} from "@openzeppelin/contracts/utils/ReentrancyGuard.sol";
import {IAgentRegistry} from "./interfaces/IAgentRegistry.sol";
import {IMarketRules} from "./interfaces/IMarketRules.sol";
import {IServiceEscrow} from "./interfaces/IServiceEscrow.sol";
import {IValidatorPool} from "./interfaces/IValidatorPool.sol";

/// @title The pool described in IValidatorPool
contract ValidatorPool is IValidatorPool, ReentrancyGuard {
    using SafeERC20 for IERC20;

    /// One slot.
    struct Seat {
        address holder;
        uint80 stake;
        uint16 juries;
    }

    /// The first slot is all that voting reads; the second serves the draw. `commitEnd` fills in when the jury is drawn.
    struct Case {
        address payer;
        uint40 commitEnd;
        Phase phase;
        uint48 drawBlock;
        uint40 rulingEnd;
        uint32 seats;
        uint32 removals;
    }

    /// One slot, first written by the draw: votes rewrite it. `mark` is the vote shown plus one.
    struct Vote {
        uint32 seat;
        uint16 mark;
        bytes26 hash;
    }

    uint256 private constant ALL = 10_000; // basis points
    uint256 private constant DRAW_BLOCKS = 2;
    uint256 private constant MAX_JURY = 15;

    /// @inheritdoc IValidatorPool
    uint256 public constant DEFAULT_RULING = ALL / 2;
    /// @inheritdoc IValidatorPool
    uint256 public constant TOLERANCE = 1_000;
    /// @inheritdoc IValidatorPool
    uint256 public constant EXIT_NOTICE_SECONDS = 1 hours;
    /// @inheritdoc IValidatorPool
    uint256 public constant EXIT_WINDOW_SECONDS = 10 minutes;
    /// @inheritdoc IValidatorPool
    uint256 public constant FINISH_SECONDS = 10 minutes;
    /// @inheritdoc IValidatorPool
    uint256 public constant MAX_AT_ONCE = 16;
    /// @inheritdoc IValidatorPool
    IMarketRules public immutable rules;
    /// @inheritdoc IValidatorPool
    IServiceEscrow public immutable escrow;
    /// @inheritdoc IValidatorPool
    IAgentRegistry public immutable registry;
    IERC20 private immutable token;
    uint256 private immutable seatPrice;
    uint256 private immutable penalty;
    uint256 private immutable fee;
    uint256 private immutable jury;
    uint256 private immutable quorum;
    uint256 private immutable commitSeconds;
    uint256 private immutable revealSeconds;

    /// @inheritdoc IValidatorPool
    mapping(uint256 seat => Seat) public seats;
    /// @inheritdoc IValidatorPool
    mapping(address account => uint256) public owed;
    /// @inheritdoc IValidatorPool
    uint256 public exitsFrom;
    mapping(bytes32 id => Case) private cases;
    mapping(bytes32 id => mapping(uint256 place => Vote)) private votes;
    /// All seats, in no order that matters, and where each is, from 0.
    uint32[] private active;
    mapping(uint256 seat => uint256 index) private indexOf;
    uint32 private lastSeat;
    /// How many seats ever left: a draw chosen before one did must be chosen anew.
    uint32 private removals;

    constructor(IMarketRules rules_, IServiceEscrow escrow_, IAgentRegistry registry_, Terms memory t) {
        if (
            t.seatPrice == 0 || t.seatPrice > type(uint80).max || t.penalty == 0 || t.penalty > t.seatPrice
                || t.fee > type(uint80).max || t.jury % 2 == 0 || t.jury < 3 || t.jury > MAX_JURY
                || t.quorum * 2 <= t.jury || t.quorum > t.jury || t.commitSeconds == 0 || t.revealSeconds == 0
                || t.commitSeconds + t.revealSeconds > 365 days
        ) revert Pool_BadTerms();
        (rules, escrow, registry, token) = (rules_, escrow_, registry_, IERC20(t.token));
        (seatPrice, penalty, fee, jury) = (t.seatPrice, t.penalty, t.fee, t.jury);
        (quorum, commitSeconds, revealSeconds) = (t.quorum, t.commitSeconds, t.revealSeconds);
    }

    /// @inheritdoc IValidatorPool
    function join(uint256 count) external nonReentrant returns (uint256 first) {
        if (count == 0 || count > MAX_AT_ONCE) revert Pool_BadCount(count);
        rules.checkDeposit(address(token));
        first = uint256(lastSeat) + 1;
        for (uint256 i; i < count; ++i) {
            uint32 seat = ++lastSeat;
            seats[seat] = Seat(msg.sender, uint80(seatPrice), 0);
            indexOf[seat] = active.length;
            active.push(seat);
        }
        emit Joined(msg.sender, first, count);
        _take(count * seatPrice);
    }

    /// @inheritdoc IValidatorPool
    function announceExits() external {
        if (block.timestamp <= exitsFrom + EXIT_WINDOW_SECONDS) return;
        exitsFrom = block.timestamp + EXIT_NOTICE_SECONDS;
        emit ExitsAnnounced(exitsFrom);
    }

    /// @inheritdoc IValidatorPool
    function giveUp(uint256[] calldata given, address to) external nonReentrant returns (uint256 amount) {
        if (given.length == 0 || given.length > MAX_AT_ONCE) revert Pool_BadCount(given.length);
        for (uint256 i; i < given.length; ++i) {
            if (seats[given[i]].holder != msg.sender) revert Pool_NotYours(given[i]);
            amount += _remove(given[i]);
        }
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc IValidatorPool
    function evict(uint256 seat) external {
        Seat memory s = seats[seat];
        if (s.holder == address(0)) revert Pool_NotYours(seat);
        if (s.stake >= penalty) revert Pool_StillGood(seat);
        owed[s.holder] += _remove(seat);
    }

    /// @inheritdoc IValidatorPool
    function request(IServiceEscrow.Agreement calldata a) external nonReentrant returns (bytes32 id) {
        if (a.arbiter != address(this)) revert Pool_NotArbiter(a.arbiter);
        id = escrow.hashAgreement(a);
        (IServiceEscrow.Status status, uint40 since,,) = escrow.deals(id);
        if (status != IServiceEscrow.Status.Disputed) revert Pool_WrongStatus(status);
        Case storage c = cases[id];
        if (c.phase != Phase.None) revert Pool_WrongPhase(c.phase);
        uint256 rulingEnd = uint256(since) + a.rulingSeconds;
        if (_rulingBy() > rulingEnd) revert Pool_TooLittleTime(rulingEnd, _rulingBy());
        if (active.length < jury) revert Pool_TooFewSeats(active.length);
        (c.payer, c.phase, c.rulingEnd) = (msg.sender, Phase.Waiting, uint40(rulingEnd));
        emit Requested(id, msg.sender);
        if (!_exitsOpen()) _setDraw(id, c);
        _take(jury * fee);
    }

    /// @inheritdoc IValidatorPool
    function draw(bytes32 id) external {
        Case storage c = cases[id];
        if (c.phase != Phase.Waiting) revert Pool_WrongPhase(c.phase);
        (IServiceEscrow.Status status,,,) = escrow.deals(id);
        if (status != IServiceEscrow.Status.Disputed || _rulingBy() > c.rulingEnd || active.length < jury) {
            c.phase = Phase.Over;
            owed[c.payer] += jury * fee;
            emit Closed(id);
            return;
        }
        if (_exitsOpen()) revert Pool_ExitsOpen(exitsFrom + EXIT_WINDOW_SECONDS);
        if (c.drawBlock == 0 || c.removals != removals) return _setDraw(id, c);
        if (block.number <= c.drawBlock) revert Pool_TooEarly(uint256(c.drawBlock) + 1);
        bytes32 entropy = blockhash(c.drawBlock);
        if (entropy == 0) return _setDraw(id, c);
        _seat(id, c, entropy);
    }

    /// @inheritdoc IValidatorPool
    function commit(bytes32 id, uint256 place, bytes32 hash) external {
        Case storage c = cases[id];
        if (c.phase != Phase.Voting) revert Pool_WrongPhase(c.phase);
        if (block.timestamp > c.commitEnd) revert Pool_TooLate(c.commitEnd);
        Vote storage vote = votes[id][place];
        Seat memory seat = seats[vote.seat];
        if (seat.holder != msg.sender) revert Pool_NotYours(vote.seat);
        if (seat.stake < penalty * seat.juries) revert Pool_TooLittleStake(vote.seat, penalty * seat.juries);
        if (bytes26(hash) == 0) revert Pool_BadVote();
        vote.hash = bytes26(hash);
        emit Committed(id, place);
    }

    /// @inheritdoc IValidatorPool
    function reveal(bytes32 id, uint256 place, uint256 basisPoints, bytes32 salt) external {
        Case storage c = cases[id];
        if (c.phase != Phase.Voting) revert Pool_WrongPhase(c.phase);
        uint256 commitEnd = c.commitEnd;
        if (block.timestamp <= commitEnd) revert Pool_TooEarly(commitEnd + 1);
        if (block.timestamp > commitEnd + revealSeconds) revert Pool_TooLate(commitEnd + revealSeconds);
        Vote memory vote = votes[id][place];
        if (basisPoints > ALL || vote.hash == 0) revert Pool_BadVote();
        if (bytes26(hashVote(id, place, msg.sender, basisPoints, salt)) != vote.hash) revert Pool_BadVote();
        votes[id][place] = Vote(vote.seat, uint16(basisPoints + 1), 0);
        emit Revealed(id, place, basisPoints);
    }

    /// @inheritdoc IValidatorPool
    function finish(IServiceEscrow.Agreement calldata a) external nonReentrant {
        bytes32 id = escrow.hashAgreement(a);
        Case storage c = cases[id];
        if (c.phase != Phase.Voting) revert Pool_WrongPhase(c.phase);
        uint256[] memory shown = _sortedVotes(id);
        uint256 votesEnd = uint256(c.commitEnd) + revealSeconds;
        if (shown.length < jury && block.timestamp <= votesEnd) revert Pool_TooEarly(votesEnd + 1);
        c.phase = Phase.Over;
        bool decided = shown.length >= quorum;
        uint256 ruling = decided ? shown[(shown.length - 1) / 2] : DEFAULT_RULING;
        _payJury(id, c.payer, ruling, decided, shown.length);
        bool applied = _rule(a, id, c.rulingEnd, ruling);
        emit Ruled(id, ruling, shown.length, applied);
        if (applied && decided && ruling < ALL / 2 && registry.slasher() == address(this)) {
            registry.slash(id, uint256(a.price) * (ALL - ruling) / ALL);
        }
    }

    /// @inheritdoc IValidatorPool
    function withdraw(address to) external nonReentrant returns (uint256 amount) {
        amount = owed[msg.sender];
        if (amount == 0) revert Pool_NothingOwed(msg.sender);
        owed[msg.sender] = 0;
        emit Withdrawn(msg.sender, to, amount);
        token.safeTransfer(to, amount);
    }

    /// @inheritdoc IValidatorPool
    function caseOf(bytes32 id)
        external
        view
        returns (address payer, uint256 commitEnd, Phase phase, uint256 drawBlock, uint256 rulingEnd)
    {
        Case memory c = cases[id];
        return (c.payer, c.commitEnd, c.phase, c.drawBlock, c.rulingEnd);
    }

    /// @inheritdoc IValidatorPool
    function voteOf(bytes32 id, uint256 place)
        external
        view
        returns (uint256 seat, bool hidden, bool shown, uint256 basisPoints)
    {
        Vote memory vote = votes[id][place];
        return (vote.seat, vote.hash != 0, vote.mark != 0, vote.mark == 0 ? 0 : vote.mark - 1);
    }

    /// @inheritdoc IValidatorPool
    function seatCount() external view returns (uint256) {
        return active.length;
    }

    /// @inheritdoc IValidatorPool
    function terms() external view returns (Terms memory) {
        return Terms(address(token), seatPrice, penalty, fee, jury, quorum, commitSeconds, revealSeconds);
    }

    /// @inheritdoc IValidatorPool
    function hashVote(bytes32 id, uint256 place, address voter, uint256 basisPoints, bytes32 salt)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(id, place, voter, basisPoints, salt));
    }

    /// The seats that exist now, and no later ones, are drawn from.
    function _setDraw(bytes32 id, Case storage c) private {
        c.drawBlock = uint48(block.number + DRAW_BLOCKS);
        (c.seats, c.removals) = (uint32(active.length), removals);
        emit DrawSet(id, c.drawBlock);
    }

    /// Draws without replacement: a shuffle of the list's beginning that is only remembered, not written.
    function _seat(bytes32 id, Case storage c, bytes32 entropy) private {
        uint256 commitEnd = block.timestamp + commitSeconds;
        (c.phase, c.commitEnd) = (Phase.Voting, uint40(commitEnd));
        uint256 count = c.seats;
        uint256[] memory drawn = new uint256[](jury);
        uint256[] memory taken = new uint256[](jury);
        for (uint256 place; place < jury; ++place) {
            uint256 index = place + uint256(keccak256(abi.encode(entropy, id, place))) % (count - place);
            taken[place] = index;
            // Whoever an earlier place displaced from here stands in for it.
            for (uint256 k = place; k > 0; --k) {
                if (taken[k - 1] == index) index = k - 1;
            }
            uint32 seat = active[index];
            drawn[place] = seat;
            ++seats[seat].juries;
            votes[id][place].seat = seat;
        }
        emit Drawn(id, drawn, commitEnd);
    }

    /// The votes that were shown, in order.
    function _sortedVotes(bytes32 id) private view returns (uint256[] memory sorted) {
        uint256[] memory found = new uint256[](jury);
        uint256 count;
        for (uint256 place; place < jury; ++place) {
            uint256 mark = votes[id][place].mark;
            if (mark == 0) continue;
            uint256 k = count++;
            for (; k > 0 && found[k - 1] > mark - 1; --k) {
                found[k] = found[k - 1];
            }
            found[k] = mark - 1;
        }
        sorted = new uint256[](count);
        for (uint256 k; k < count; ++k) {
            sorted[k] = found[k];
        }
    }

    /// Penalties and fees in, rewards out: what comes in is what goes out.
    function _payJury(bytes32 id, address payer, uint256 ruling, bool decided, uint256 shown) private {
        uint256 lost;
        uint256 winners;
        address[] memory holders = new address[](jury);
        for (uint256 place; place < jury; ++place) {
            Vote memory vote = votes[id][place];
            Seat storage seat = seats[vote.seat];
            --seat.juries;
            bool good = vote.mark != 0 && (!decided || _near(vote.mark - 1, ruling));
            if (good) {
                holders[winners++] = seat.holder;
            } else {
                uint256 amount = penalty < seat.stake ? penalty : seat.stake;
                seat.stake -= uint80(amount);
                lost += amount;
                emit Penalised(id, vote.seat, amount);
            }
        }
        uint256 each = decided ? (jury * fee + lost) / winners : fee;
        for (uint256 k; k < winners; ++k) {
            owed[holders[k]] += each;
        }
        if (decided) {
            owed[payer] += jury * fee + lost - each * winners;
        } else {
            owed[payer] += (jury - shown) * fee;
            if (lost != 0) owed[rules.feeRecipient()] += lost;
        }
    }

    /// The escrow takes the ruling unless the deal ended otherwise. It cannot be starved of gas: then this reverts.
    function _rule(IServiceEscrow.Agreement calldata a, bytes32 id, uint256 rulingEnd, uint256 ruling)
        private
        returns (bool)
    {
        try escrow.rule(a, ruling) {
            return true;
        } catch {
            (IServiceEscrow.Status status,,,) = escrow.deals(id);
            if (status == IServiceEscrow.Status.Disputed && block.timestamp <= rulingEnd) revert Pool_RulingFailed();
            return false;
        }
    }

    /// Takes a seat out of the list; the last one takes its place.
    function _remove(uint256 seat) private returns (uint256 stake) {
        if (!_exitsOpen()) revert Pool_ExitsClosed(exitsFrom);
        Seat memory s = seats[seat];
        if (s.juries != 0) revert Pool_Seated(seat, s.juries);
        uint32 last = active[active.length - 1];
        uint256 index = indexOf[seat];
        (active[index], indexOf[last]) = (last, index);
        active.pop();
        delete indexOf[seat];
        delete seats[seat];
        ++removals;
        emit Left(s.holder, seat, s.stake);
        return s.stake;
    }

    function _take(uint256 amount) private {
        uint256 before = token.balanceOf(address(this));
        token.safeTransferFrom(msg.sender, address(this), amount);
        uint256 got = token.balanceOf(address(this)) - before;
        if (got < amount) revert Pool_ShortTransfer(amount, got);
    }

    function _near(uint256 vote, uint256 ruling) private pure returns (bool) {
        return vote <= ruling + TOLERANCE && ruling <= vote + TOLERANCE;
    }

    function _exitsOpen() private view returns (bool) {
        return block.timestamp >= exitsFrom && block.timestamp <= exitsFrom + EXIT_WINDOW_SECONDS;
    }

    /// Until when a jury that is drawn now could rule, with the time that a call of `finish` may need.
    function _rulingBy() private view returns (uint256) {
        return block.timestamp + commitSeconds + revealSeconds + FINISH_SECONDS;
    }
}
