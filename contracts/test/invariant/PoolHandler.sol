// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentRegistry} from "../../src/AgentRegistry.sol";
import {MarketRules} from "../../src/MarketRules.sol";
import {ServiceEscrow} from "../../src/ServiceEscrow.sol";
import {TestDollar} from "../../src/TestDollar.sol";
import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {Test} from "../base/Test.sol";

/// Disputes, juries and stakes: any call by anyone at any time. What must hold is said by the sums in `checkMoney`, which
/// know nothing of how the contracts move money, and by `checkExits`: whatever has happened, everybody gets out by time.
contract PoolHandler is Test {
    uint256 private constant VALIDATORS = 3;
    uint256 private constant DEALS = 20;
    uint256 private constant SEAT = 100;
    uint256 private constant PENALTY = 40;
    uint256 private constant FEE = 7;
    uint256 private constant JURY = 3;
    uint256 private constant SELLER_KEY = 0x5E11;

    MarketRules private rules;
    ServiceEscrow private escrow;
    TestDollar private dollar;
    ValidatorPool public pool;
    AgentRegistry public registry;
    address private buyer = address(0xB0B);
    address private seller = vm.addr(SELLER_KEY);
    address private treasury = address(0x74EA);
    address[VALIDATORS] private validators = [address(0xAA1), address(0xAA2), address(0xAA3)];
    uint256 private agent;
    uint256 private lastSeat;
    IServiceEscrow.Agreement[] private deals;
    /// How often each function succeeded and was refused; how often a case was ruled by a quorum, or by default.
    mapping(bytes4 selector => uint256 count) public succeeded;
    mapping(bytes4 selector => uint256 count) public refused;

    constructor() {
        vm.warp(START);
        vm.roll(1_000);
        address[] memory holders = new address[](5);
        uint256[] memory amounts = new uint256[](5);
        for (uint256 i; i < 5; ++i) {
            holders[i] = i < VALIDATORS ? validators[i] : i == 3 ? buyer : seller;
            amounts[i] = 1e6;
        }
        dollar = new TestDollar(holders, amounts);
        rules = new MarketRules(address(this), address(this), treasury, 100, 0, address(dollar));
        escrow = new ServiceEscrow(rules);
        registry = new AgentRegistry(rules, escrow, address(dollar));
        pool = new ValidatorPool(
            rules, escrow, registry, IValidatorPool.Terms(address(dollar), SEAT, PENALTY, FEE, JURY, 2, 1 hours, 1 hours)
        );
        registry.setSlasher(address(pool));
        for (uint256 i; i < 5; ++i) {
            address[3] memory spenders = [address(pool), address(escrow), address(registry)];
            for (uint256 k; k < 3; ++k) {
                vm.prank(holders[i]);
                dollar.approve(spenders[k], type(uint256).max);
            }
        }
        vm.prank(seller);
        agent = registry.register();
        for (uint256 i; i < VALIDATORS; ++i) {
            join(i, 2);
        }
    }

    // Seats.

    function join(uint256 who, uint256 count) public {
        if (lastSeat >= 24) return;
        count = count % 3;
        if (_call(validators[who % VALIDATORS], address(pool), abi.encodeCall(pool.join, (count)))) lastSeat += count;
    }

    function giveUp(uint256 who, uint256 seat) external {
        uint256[] memory list = new uint256[](1);
        list[0] = 1 + seat % (lastSeat + 1);
        address to = validators[who % VALIDATORS];
        _call(who % 4 == 0 ? to : _holder(list[0]), address(pool), abi.encodeCall(pool.giveUp, (list, to)));
    }

    function announce(uint256 x) external {
        if (x % 4 == 0) pool.announceExits();
        // To the window, now and then.
        if (x % 8 == 0 && block.timestamp < pool.exitsFrom()) vm.warp(pool.exitsFrom());
    }

    function evict(uint256 seat) external {
        _call(buyer, address(pool), abi.encodeCall(pool.evict, (1 + seat % (lastSeat + 1))));
    }

    function withdraw(uint256 who) external {
        address[5] memory all = [validators[0], validators[1], validators[2], buyer, treasury];
        _call(all[who % 5], address(pool), abi.encodeCall(pool.withdraw, (all[who % 5])));
    }

    // Cases.

    /// A new deal, disputed at once; each step may be refused while deposits are paused.
    function open(uint256 x) external {
        if (deals.length >= DEALS) return;
        IServiceEscrow.Agreement memory a = IServiceEscrow.Agreement({
            buyer: buyer,
            seller: seller,
            arbiter: address(pool),
            token: address(dollar),
            price: uint96(1 + x % 300),
            bond: uint96((x >> 16) % 3),
            acceptBy: uint64(block.timestamp),
            deliverBy: uint64(block.timestamp),
            reviewSeconds: 1,
            rulingSeconds: uint64(x % 8 == 0 ? 1 hours : 4 hours + (x >> 32) % 12 hours),
            termsHash: 0,
            salt: bytes32(deals.length),
            bundle: 0,
            previous: 0
        });
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SELLER_KEY, escrow.hashAgreement(a));
        bytes memory call = abi.encodeCall(escrow.open, (a, _pack(v, r, s), 0, 0, 0, 0));
        if (!_call(buyer, address(escrow), call)) return;
        vm.prank(seller);
        escrow.deliver(a, "result");
        vm.prank(buyer);
        escrow.dispute(a, 0, 0, 0, 0, 0);
        deals.push(a);
    }

    function request(uint256 which) external {
        if (deals.length == 0) return;
        _call(buyer, address(pool), abi.encodeCall(pool.request, (_pick(which))));
    }

    function draw(uint256 which, bytes32 entropy) external {
        if (deals.length == 0) return;
        bytes32 id = escrow.hashAgreement(_pick(which));
        (,,, uint256 drawBlock,) = pool.caseOf(id);
        if (which % 4 != 0 && drawBlock != 0 && block.number <= drawBlock) vm.roll(drawBlock + 1);
        if (drawBlock != 0 && drawBlock < block.number) vm.setBlockhash(drawBlock, entropy);
        _call(seller, address(pool), abi.encodeCall(pool.draw, (id)));
    }

    /// One seat of a jury does what it can: it commits, or shows a vote that is often what the others say.
    function vote(uint256 which, uint256 place, uint256 x) external {
        if (deals.length == 0) return;
        bytes32 id = escrow.hashAgreement(_voting(which));
        place %= JURY;
        (uint256 seat, bool hidden,,) = pool.voteOf(id, place);
        address holder = _holder(seat);
        (, uint256 commitEnd,,,) = pool.caseOf(id);
        uint256 basisPoints = _opinion(id, place);
        if (x % 16 == 0) ++basisPoints;
        if (hidden && x % 4 != 0 && block.timestamp <= commitEnd) vm.warp(commitEnd + 1);
        if (hidden && block.timestamp > commitEnd) {
            _call(holder, address(pool), abi.encodeCall(pool.reveal, (id, place, basisPoints, "salt")));
        } else {
            bytes32 hash = pool.hashVote(id, place, holder, basisPoints, "salt");
            _call(holder, address(pool), abi.encodeCall(pool.commit, (id, place, hash)));
        }
    }

    function finish(uint256 which) external {
        if (deals.length == 0) return;
        _call(seller, address(pool), abi.encodeCall(pool.finish, (_voting(which))));
    }

    function giveIn(uint256 which, bool all) external {
        if (deals.length == 0 || which % 3 != 0) return;
        IServiceEscrow.Agreement memory a = _pick(which);
        if (all) _call(buyer, address(escrow), abi.encodeCall(escrow.release, (a)));
        else _call(buyer, address(escrow), abi.encodeCall(escrow.settleUnruled, (a)));
    }

    // The seller's stake.

    function stake(uint256 amount) external {
        _call(seller, address(registry), abi.encodeCall(registry.stake, (agent, amount % 200)));
    }

    function requestUnstake(uint256 amount) public {
        (uint96 all,,,) = registry.stakes(agent);
        _call(seller, address(registry), abi.encodeCall(registry.requestUnstake, (agent, amount % (uint256(all) + 2))));
    }

    function unstake(uint256 x) external {
        (uint96 all,, uint40 readyAt,) = registry.stakes(agent);
        if (x % 4 == 0 && block.timestamp < readyAt) vm.warp(readyAt);
        if (x % 4 == 1 && block.timestamp > uint256(readyAt) + 2 days) return requestUnstake(uint256(all) / 2);
        _call(seller, address(registry), abi.encodeCall(registry.unstake, (agent, seller)));
    }

    function freeze(uint256 which) external {
        if (deals.length == 0) return;
        _call(buyer, address(registry), abi.encodeCall(registry.freeze, (agent, _pick(which))));
    }

    function thaw(uint256 which) external {
        if (deals.length == 0) return;
        bytes32 id;
        for (uint256 i; i < deals.length && registry.frozenBy(id) == 0; ++i) {
            id = escrow.hashAgreement(deals[(i + (which >> 8) % DEALS) % deals.length]);
        }
        _call(buyer, address(registry), abi.encodeCall(registry.thaw, (id)));
    }

    function collect() external {
        registry.collect();
    }

    // The world.

    function pause(uint256 x) external {
        rules.pauseDeposits(x % 4 == 0);
    }

    function wait(uint256 time) external {
        vm.warp(block.timestamp + _bound(time, 0, time % 16 == 0 ? 5 hours : 20 minutes));
        vm.roll(block.number + time % 3);
    }

    // What must hold.

    /// Each contract holds what it says that it owes, to the unit.
    function checkMoney() external view {
        uint256 held = pool.owed(buyer) + pool.owed(treasury);
        for (uint256 i; i < VALIDATORS; ++i) {
            held += pool.owed(validators[i]);
        }
        uint256[] memory juriesOf = new uint256[](lastSeat + 1);
        uint256 frozen;
        for (uint256 i; i < deals.length; ++i) {
            bytes32 id = escrow.hashAgreement(deals[i]);
            (,, IValidatorPool.Phase phase,,) = pool.caseOf(id);
            if (phase == IValidatorPool.Phase.Waiting || phase == IValidatorPool.Phase.Voting) held += JURY * FEE;
            if (registry.frozenBy(id) != 0) ++frozen;
            for (uint256 place; phase == IValidatorPool.Phase.Voting && place < JURY; ++place) {
                (uint256 seat,,,) = pool.voteOf(id, place);
                ++juriesOf[seat];
            }
        }
        uint256 count;
        for (uint256 seat = 1; seat <= lastSeat; ++seat) {
            (address holder, uint80 amount, uint16 juries) = pool.seats(seat);
            held += amount;
            if (holder != address(0)) ++count;
            vm.assertEq(juries, juriesOf[seat], "a seat is held by the juries that it is on");
            vm.assertTrue(holder != address(0) || (amount == 0 && juries == 0), "what is gone is empty");
        }
        vm.assertEq(pool.seatCount(), count, "seats");
        vm.assertEq(dollar.balanceOf(address(pool)), held, "the pool's money");
        (uint96 all, uint96 leaving,, uint24 disputes) = registry.stakes(agent);
        vm.assertEq(dollar.balanceOf(address(registry)), all + registry.slashed(), "the registry's money");
        vm.assertLe(leaving, all, "no more leaves than is there");
        vm.assertEq(disputes, frozen, "disputes");
    }

    /// From here, with deposits stopped and nobody voting: all disputes end, all cases end, and all money gets out.
    function checkExits() external {
        rules.pauseDeposits(true);
        vm.warp(block.timestamp + 2 days);
        for (uint256 i; i < deals.length; ++i) {
            bytes32 id = escrow.hashAgreement(deals[i]);
            (IServiceEscrow.Status status,,,) = escrow.deals(id);
            if (status == IServiceEscrow.Status.Disputed) escrow.settleUnruled(deals[i]);
            (,, IValidatorPool.Phase phase,,) = pool.caseOf(id);
            if (phase == IValidatorPool.Phase.Waiting) pool.draw(id);
            if (phase == IValidatorPool.Phase.Voting) pool.finish(deals[i]);
            if (registry.frozenBy(id) != 0) registry.thaw(id);
        }
        pool.announceExits();
        vm.warp(pool.exitsFrom());
        for (uint256 seat = 1; seat <= lastSeat; ++seat) {
            (address holder,,) = pool.seats(seat);
            uint256[] memory list = new uint256[](1);
            list[0] = seat;
            if (holder == address(0)) continue;
            vm.prank(holder);
            pool.giveUp(list, holder);
        }
        address[5] memory all = [validators[0], validators[1], validators[2], buyer, treasury];
        for (uint256 i; i < 5; ++i) {
            if (pool.owed(all[i]) == 0) continue;
            vm.prank(all[i]);
            pool.withdraw(all[i]);
        }
        (uint96 amount,,,) = registry.stakes(agent);
        if (amount != 0) {
            vm.prank(seller);
            registry.requestUnstake(agent, amount);
            vm.warp(block.timestamp + 7 days);
            vm.prank(seller);
            registry.unstake(agent, seller);
        }
        registry.collect();
        vm.assertEq(dollar.balanceOf(address(pool)), 0, "the pool is empty");
        vm.assertEq(dollar.balanceOf(address(registry)), 0, "the registry is empty");
        vm.assertEq(dollar.balanceOf(address(escrow)), 0, "the escrow is empty");
    }

    /// The buyer for a seat that is gone: nobody calls from the zero address.
    function _holder(uint256 seat) private view returns (address holder) {
        (holder,,) = pool.seats(seat);
        if (holder == address(0)) holder = buyer;
    }

    /// Mostly nothing or all, by the case; now and then something else.
    function _opinion(bytes32 id, uint256 place) private pure returns (uint256) {
        uint256 random = uint256(keccak256(abi.encode(id, place)));
        return random % 4 == 0 ? random % 10_001 : uint256(id) % 2 * 10_000;
    }

    function _call(address caller, address target, bytes memory call) private returns (bool ok) {
        vm.prank(caller);
        (ok,) = target.call(call);
        if (ok) ++succeeded[bytes4(call)];
        else ++refused[bytes4(call)];
    }

    /// One of the last few deals.
    function _pick(uint256 which) private view returns (IServiceEscrow.Agreement memory) {
        uint256 recent = deals.length < 4 ? deals.length : 4;
        return deals[deals.length - 1 - (which >> 8) % recent];
    }

    /// A deal before a jury, if there is one, mostly.
    function _voting(uint256 which) private view returns (IServiceEscrow.Agreement memory a) {
        for (uint256 i; i < deals.length && which % 8 != 0; ++i) {
            a = deals[(i + (which >> 8) % DEALS) % deals.length];
            (,, IValidatorPool.Phase phase,,) = pool.caseOf(escrow.hashAgreement(a));
            if (phase == IValidatorPool.Phase.Voting) return a;
        }
        return _pick(which);
    }
}
