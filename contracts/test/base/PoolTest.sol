// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {AgentRegistry} from "../../src/AgentRegistry.sol";
import {ValidatorPool} from "../../src/ValidatorPool.sol";
import {IServiceEscrow} from "../../src/interfaces/IServiceEscrow.sol";
import {IValidatorPool} from "../../src/interfaces/IValidatorPool.sol";
import {EscrowTest} from "./EscrowTest.sol";

/// The escrow's deal with a pool as its arbiter, in which four validators hold ten seats; the seller's agent has a stake.
abstract contract PoolTest is EscrowTest {
    uint256 internal constant SEAT = 1_000e6;
    uint256 internal constant PENALTY = 10e6;
    uint256 internal constant FEE = 1e6;
    uint256 internal constant JURY = 5;
    uint256 internal constant QUORUM = 3;
    uint256 internal constant COMMIT = 1 hours;
    uint256 internal constant REVEAL = 2 hours;
    uint256 internal constant STAKE = 100e6;

    ValidatorPool internal pool;
    AgentRegistry internal registry;
    address[4] internal validators = [address(0xAA01), address(0xAA02), address(0xAA03), address(0xAA04)];
    uint256[4] internal holdings = [uint256(4), 3, 2, 1];
    uint256 internal agent;
    bytes32 internal id;

    function setUp() public virtual override {
        super.setUp();
        vm.roll(1_000);
        registry = new AgentRegistry(rules, escrow, address(dollar));
        pool = new ValidatorPool(rules, escrow, registry, _terms());
        registry.setSlasher(address(pool));
        for (uint256 i; i < 4; ++i) {
            _fund(validators[i], holdings[i] * SEAT);
            _join(validators[i], holdings[i]);
        }
        vm.prank(seller);
        agent = registry.register();
        _fund(seller, STAKE);
        vm.prank(seller);
        dollar.approve(address(registry), STAKE);
        vm.prank(seller);
        registry.stake(agent, STAKE);
        _fund(stranger, JURY * FEE);
        _use(a);
    }

    function _terms() internal view virtual returns (IValidatorPool.Terms memory) {
        return IValidatorPool.Terms(address(dollar), SEAT, PENALTY, FEE, JURY, QUORUM, COMMIT, REVEAL);
    }

    /// Makes the pool the arbiter of the test's agreement.
    function _use(IServiceEscrow.Agreement storage agreement) internal {
        agreement.arbiter = address(pool);
        id = escrow.hashAgreement(agreement);
    }

    function _fund(address account, uint256 amount) internal {
        vm.prank(buyer);
        dollar.transfer(account, amount);
        vm.prank(account);
        dollar.approve(address(pool), type(uint256).max);
    }

    function _join(address holder, uint256 count) internal {
        vm.prank(holder);
        pool.join(count);
    }

    function _openExits() internal {
        pool.announceExits();
        vm.warp(pool.exitsFrom());
    }

    /// The buyer disputes, a stranger pays, and the block after decides by this word.
    function _disputeAndDraw(bytes32 entropy) internal {
        _openAndDispute();
        vm.prank(stranger);
        pool.request(a);
        _draw(entropy);
    }

    function _draw(bytes32 entropy) internal {
        (,,, uint256 drawBlock,) = pool.caseOf(id);
        vm.roll(drawBlock + 1);
        vm.setBlockhash(drawBlock, entropy);
        pool.draw(id);
    }

    function _seatAt(uint256 place) internal view returns (uint256 seat) {
        (seat,,,) = pool.voteOf(id, place);
    }

    function _holderAt(uint256 place) internal view returns (address holder) {
        (holder,,) = pool.seats(_seatAt(place));
    }

    function _salt(uint256 place) internal pure returns (bytes32) {
        return keccak256(abi.encode("salt", place));
    }

    function _commit(uint256 place, uint256 basisPoints) internal {
        address holder = _holderAt(place);
        bytes32 hash = pool.hashVote(id, place, holder, basisPoints, _salt(place));
        vm.prank(holder);
        pool.commit(id, place, hash);
    }

    function _reveal(uint256 place, uint256 basisPoints) internal {
        vm.prank(_holderAt(place));
        pool.reveal(id, place, basisPoints, _salt(place));
    }

    /// The first seats commit and show these votes; the others are silent.
    function _vote(uint256[] memory basisPoints) internal {
        for (uint256 i; i < basisPoints.length; ++i) {
            _commit(i, basisPoints[i]);
        }
        vm.warp(block.timestamp + COMMIT + 1);
        for (uint256 i; i < basisPoints.length; ++i) {
            _reveal(i, basisPoints[i]);
        }
    }

    /// After all votes.
    function _finish() internal {
        (, uint256 commitEnd,,,) = pool.caseOf(id);
        vm.warp(commitEnd + REVEAL + 1);
        pool.finish(a);
    }

    function _votes(uint256 x, uint256 y, uint256 z) internal pure returns (uint256[] memory list) {
        list = new uint256[](3);
        (list[0], list[1], list[2]) = (x, y, z);
    }

    function _votes(uint256 v, uint256 w, uint256 x, uint256 y, uint256 z) internal pure returns (uint256[] memory list) {
        list = new uint256[](5);
        (list[0], list[1], list[2], list[3], list[4]) = (v, w, x, y, z);
    }

    function _stakeOf(uint256 seat) internal view returns (uint256 stake) {
        (, stake,) = pool.seats(seat);
    }

    function _assertPhase(IValidatorPool.Phase phase) internal view {
        (,, IValidatorPool.Phase got,,) = pool.caseOf(id);
        vm.assertEq(uint256(got), uint256(phase), "phase");
    }

    function _refusePhase(IValidatorPool.Phase phase) internal {
        vm.expectRevert(abi.encodeWithSelector(IValidatorPool.Pool_WrongPhase.selector, phase));
    }

    /// The pool holds what the seats, the accounts and an open case's fees add up to.
    function _assertConserved(uint256 fees) internal view {
        uint256 sum = fees + pool.owed(treasury) + pool.owed(stranger);
        for (uint256 seat = 1; seat <= 12; ++seat) {
            sum += _stakeOf(seat);
        }
        for (uint256 i; i < 4; ++i) {
            sum += pool.owed(validators[i]);
        }
        vm.assertEq(dollar.balanceOf(address(pool)), sum, "conserved");
    }
}
