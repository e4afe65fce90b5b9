"""Who decides a market's rules: votes, proposals that become calls of the rules' owner, and the delay in between."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from coase.errors import MissingExtra, SettlementError, UsageError
from coase.identity import checksum, keccak
from coase.settlement.artifacts import artifact
from coase.settlement.bound import Bound, Record
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt

try:
    from eth_abi.abi import encode
except ImportError as error:
    raise MissingExtra("the chain", "chain") from error

if TYPE_CHECKING:
    from web3 import AsyncWeb3

CHOICES = ("against", "for", "abstain")  # in the contract's order
STATES = ("pending", "active", "cancelled", "defeated", "succeeded", "queued", "expired", "executed")
DAY = 24 * 3600
ANYONE = "0x" + "00" * 20
MOST_CALLS, LONGEST = 20, 4_096  # of a proposal; bytes of its description


@dataclass(frozen=True)
class Governance:
    """Where it is."""

    votes: str
    timelock: str
    governor: str


@dataclass(frozen=True)
class GovernanceTerms:
    """How a market is governed, for good. Times are in seconds.

    Args:
        delay: from a proposal to the vote; votes count as of its end.
        period: of the vote.
        timelock: from the decision to its execution, in which anybody can leave.
        threshold: votes that a proposer needs.
        quorum_percent: of all votes, that must be for or abstain.
    """

    delay: int = DAY
    period: int = 3 * DAY
    timelock: int = 2 * DAY
    threshold: int = 10**18
    quorum_percent: int = 4


@dataclass(frozen=True)
class Proposal:
    """What is to be done, in this order, and why. Equal proposals are one proposal: let the description differ."""

    calls: tuple[Call, ...]
    description: str

    def __post_init__(self) -> None:
        if not 0 < len(self.calls) <= MOST_CALLS or any(call.to is None for call in self.calls):
            raise UsageError(f"a proposal is 1 to {MOST_CALLS} calls of contracts", code="bad_proposal")
        if not 0 < len(self.description.encode()) <= LONGEST:
            raise UsageError(f"a description has 1 to {LONGEST} bytes", code="bad_proposal")

    @cached_property
    def row(self) -> tuple[list[str], list[int], list[bytes]]:
        """Targets, wei and data, as the governor takes them."""
        calls = self.calls
        return [checksum(str(call.to)) for call in calls], [call.value for call in calls], [call.data for call in calls]

    @property
    def digest(self) -> bytes:
        """The hash of the description, 32 bytes."""
        return keccak(self.description.encode())

    @cached_property
    def number(self) -> int:
        """Its id at any governor."""
        kinds = ["address[]", "uint256[]", "bytes[]", "bytes32"]
        return int.from_bytes(keccak(encode(kinds, [*self.row, self.digest])), "big")


async def deploy_governance(
    outbox: Outbox, rules: str, holders: Mapping[str, int], terms: GovernanceTerms | None = None
) -> Governance:
    """Deploy votes, timelock and governor, and offer the market's rules to the timelock, which takes them by the first
    proposal: see `GovernanceClient.take_rules`. Asked again, it finds them.

    Args:
        outbox: of the rules' owner, who keeps no privilege once the first proposal is executed.
        rules: the contract of the rules.
        holders: account -> votes, 18 decimals. All there will ever be.
    """
    me, begin = outbox.identity.account, terms or GovernanceTerms()
    accounts = sorted(checksum(account) for account in holders)
    given = {checksum(account): amount for account, amount in holders.items()}
    votes = await _create(
        outbox, "VotesToken", encode(["address[]", "uint256[]"], [accounts, [given[one] for one in accounts]])
    )
    row: list[Any] = [begin.timelock, [], [ANYONE], me]
    timelock = await _create(outbox, "MarketTimelock", encode(["uint256", "address[]", "address[]", "address"], row))
    row = [votes, timelock, begin.delay, begin.period, begin.threshold, begin.quorum_percent]
    governor = await _create(outbox, "MarketGovernor", encode(["address"] * 2 + ["uint256"] * 4, row))
    lock = Bound(outbox.node.w3, outbox, "MarketTimelock", timelock)
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
        await lock.send(f"deploy/governance/{role}", "grantRole", keccak(role.encode()), governor)
    await Bound(outbox.node.w3, outbox, "MarketRules", rules).send(
        "deploy/governance/rules", "transferOwnership", timelock
    )
    await lock.send("deploy/governance/renounce", "renounceRole", bytes(32), me)
    return Governance(votes, timelock, governor)


class GovernanceClient:
    """A market's government, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`."""

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, places: Governance, rules: str) -> None:
        self.outbox = outbox
        self.votes = Bound(w3, outbox, "VotesToken", places.votes)
        self.governor = Bound(w3, outbox, "MarketGovernor", places.governor)
        self.rules = Bound(w3, outbox, "MarketRules", rules)

    # ---- what can be proposed

    def take_rules(self) -> Proposal:
        """The first proposal: the timelock takes the rules that it was offered."""
        return Proposal((self.rules.call("acceptOwnership"),), "The market governs itself")

    def change(self, description: str, **changes: Any) -> Proposal:
        """Changes of the rules by their functions: ``change("Cheaper", setFee=100, allowToken=(token, True))``."""
        calls = [
            self.rules.call(name, *(value if isinstance(value, tuple) else (value,))) for name, value in changes.items()
        ]
        return Proposal(tuple(calls), description)

    # ---- acting

    async def delegate(self, intent: str, to: str | None = None, record: Record = None) -> Receipt:
        """Let our votes count, for ourselves or another: without it they do not."""
        return await self.votes.send(intent, "delegate", checksum(to or self.outbox.identity.account), record=record)

    async def propose(self, intent: str, proposal: Proposal, record: Record = None) -> int:
        """Put it to the vote; its id."""
        receipt = await self.governor.send(intent, "propose", *proposal.row, proposal.description, record=record)
        found = self.governor.events(receipt, "ProposalCreated")
        if len(found) != 1 or found[0].values["proposalId"] != proposal.number:
            raise SettlementError("the receipt does not show the proposal", hint="ask another node", code="bad_event")
        return proposal.number

    async def vote(
        self, intent: str, proposal: int, choice: Literal["for", "against", "abstain"], record: Record = None
    ) -> Receipt:
        """Vote, once."""
        if choice not in CHOICES:
            raise UsageError(f"a vote is {', '.join(CHOICES)}, not {choice!r}", code="bad_vote")
        return await self.governor.send(intent, "castVote", proposal, CHOICES.index(choice), record=record)

    async def queue(self, intent: str, proposal: Proposal, record: Record = None) -> Receipt:
        """Anyone: what was decided waits for the timelock's delay."""
        return await self.governor.send(intent, "queue", *proposal.row, proposal.digest, record=record)

    async def execute(self, intent: str, proposal: Proposal, record: Record = None) -> Receipt:
        """Anyone: do what was decided, after the delay."""
        return await self.governor.send(intent, "execute", *proposal.row, proposal.digest, record=record)

    # ---- reading

    async def state(self, proposal: int) -> str:
        """One of `STATES`. `TransactionReverted` for a proposal that there is not."""
        return STATES[int(await self.governor.read("state", proposal))]

    async def times(self, proposal: int) -> tuple[int, int, int]:
        """Chain times: votes count as of the first, are taken until the second; from the third on it can be executed
        (0: not queued)."""
        found = [await self.governor.read(f"proposal{name}", proposal) for name in ("Snapshot", "Deadline", "Eta")]
        return int(found[0]), int(found[1]), int(found[2])

    async def tally(self, proposal: int) -> dict[str, int]:
        """Votes by choice."""
        return dict(zip(CHOICES, map(int, await self.governor.read("proposalVotes", proposal)), strict=True))

    async def weight(self, account: str) -> int:
        """The votes that were delegated to an account, its own included."""
        return int(await self.votes.read("getVotes", checksum(account)))


async def _create(outbox: Outbox, name: str, arguments: bytes) -> str:
    receipt = await outbox.send(f"deploy/{name}", Call(None, artifact(name).bytecode + arguments))
    assert receipt.contract is not None
    return receipt.contract
