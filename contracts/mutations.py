"""Bugs to seed into copies of the contracts, one at a time: the tests must find each. Run by prove.py.

A mutation replaces a text that occurs exactly once in a file. `tests` are the forge tests (a glob) that are run on it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Mutation:
    """One bug.

    Args:
        kind: what sort of bug.
        file: in src, without its ending.
        before: a text of the file.
        after: what stands there instead.
        tests: which tests are to find it, a glob relative to contracts.
    """

    kind: str
    file: str
    before: str
    after: str
    tests: str


ESCROW, CHANNELS, REGISTRY, POOL = "test/escrow/*", "test/channels/*", "test/registry/*", "test/pool/*"
MUTATIONS = (
    Mutation(
        "window one second off",
        "ServiceEscrow",
        "if (block.timestamp <= reviewEnd) revert Escrow_TooEarly",
        "if (block.timestamp < reviewEnd) revert Escrow_TooEarly",
        ESCROW,
    ),
    Mutation(
        "paid twice: status not written",
        "ServiceEscrow",
        "deal.status = toSeller == 0 ? Status.Refunded : Status.Settled;",
        "",
        ESCROW,
    ),
    Mutation(
        "access: anyone rules",
        "ServiceEscrow",
        "if (msg.sender != a.arbiter) revert Escrow_WrongParty(msg.sender);",
        "",
        ESCROW,
    ),
    Mutation("fee paid on top", "ServiceEscrow", "toSeller -= fee;", "", ESCROW),
    Mutation("signature of anybody", "ServiceEscrow", " && signer == party) return true;", ") return true;", ESCROW),
    Mutation(
        "bundle not atomic",
        "ServiceEscrow",
        "if (bundle.accepted != bundle.legs) revert Escrow_BundleIncomplete(bundle.accepted, bundle.legs);",
        "",
        ESCROW,
    ),
    Mutation("debt overwritten", "ServiceEscrow", "owed[token][to] += amount;", "owed[token][to] = amount;", ESCROW),
    Mutation(
        "deposit not measured",
        "ServiceEscrow",
        "if (got < amount) revert Escrow_ShortTransfer(amount, got);",
        "got;",
        ESCROW,
    ),
    Mutation(
        "claim above the deposit",
        "PaymentChannels",
        "if (total > balance) revert Channels_Overdrawn(total, balance);",
        "",
        CHANNELS,
    ),
    Mutation(
        "matured withdrawal never expires",
        "PaymentChannels",
        "initiatedAt != 0 && block.timestamp <= initiatedAt + config.withdrawDelay + WITHDRAWAL_WINDOW",
        "initiatedAt != 0 && config.token != address(0)",
        CHANNELS,
    ),
    Mutation(
        "replayed voucher counts again",
        "PaymentChannels",
        "receivers[config.receiver][config.token].totalClaimed += total - claimed;",
        "receivers[config.receiver][config.token].totalClaimed += total;",
        CHANNELS,
    ),
    Mutation(
        "fee without limit", "MarketRules", "if (basisPoints > MAX_FEE)", "if (basisPoints > 10_000)", "test/rules/*"
    ),
    Mutation(
        "exit in spite of a dispute",
        "AgentRegistry",
        "if (s.disputes != 0) revert Registry_Frozen(s.disputes);",
        "",
        REGISTRY,
    ),
    Mutation(
        "slashed stake still leaves",
        "AgentRegistry",
        "if (s.leaving > s.amount) s.leaving = s.amount;",
        "",
        REGISTRY,
    ),
    Mutation("seat drawn twice", "ValidatorPool", "if (taken[k - 1] == index) index = k - 1;", "", POOL),
    Mutation("penalty paid from nothing", "ValidatorPool", "seat.stake -= uint80(amount);", "", POOL),
    Mutation(
        "ruling lost for want of gas",
        "ValidatorPool",
        "if (status == IServiceEscrow.Status.Disputed && block.timestamp <= rulingEnd) revert Pool_RulingFailed();",
        "status;",
        POOL,
    ),
    Mutation("copied vote counts", "ValidatorPool", "abi.encode(id, place, voter, ", "abi.encode(id, ", POOL),
    Mutation("receipt used twice", "Reputation", "used[id] = true;", "", "test/reputation/*"),
    Mutation(
        "revenue follows the share",
        "RevenueShares",
        "if (from != address(0)) _accrue(from, total);",
        "",
        "test/assets/*",
    ),
)
