"""What `coase chain deploy --governance` adds: who votes, for how long, and how the rules stand afterwards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from coase.errors import UsageError

if TYPE_CHECKING:
    from coase.settlement.deploy import Contracts
    from coase.settlement.governance import Governance, GovernanceTerms
    from coase.settlement.node import Node
    from coase.settlement.outbox import Outbox

UNIT = 10**18  # of a vote
WALLET_VOTES = 1_000  # of each wallet, unless --votes says otherwise
LONGEST = 10**9  # seconds
GOVERNED = "deploy/MarketGovernor"  # the intent by which a market that has a government is known


def holders(chosen: Sequence[str], wallets: Mapping[str, str], deployer: str) -> dict[str, int]:
    """Account -> votes in their smallest unit, of those named ``WALLET=VOTES`` or ``0x...=VOTES``.

    Where nobody is named, each wallet has some, and where there is none, the deployer.

    Raises:
        UsageError: `bad_votes`.
    """
    if not chosen:
        return dict.fromkeys(wallets.values() or [deployer], WALLET_VOTES * UNIT)
    found: dict[str, int] = {}
    for text in chosen:
        name, _, number = text.partition("=")
        account = wallets.get(name, name)
        if not (number.isascii() and number.isdigit() and 0 < int(number[:30]) <= 10**12):
            raise UsageError(f"{text[:80]!r} is not WALLET=VOTES", hint="for example: alice=100", code="bad_votes")
        if not account.startswith("0x"):
            raise UsageError(f"no wallet is called {name[:40]!r}", hint="coase wallet list", code="bad_votes")
        if account in found:
            raise UsageError(f"{name[:42]} is named twice", code="bad_votes")
        found[account] = int(number) * UNIT
    return found


def terms(delay: int, period: int, timelock: int) -> GovernanceTerms:
    """The terms, times in seconds. `UsageError` (`bad_times`)."""
    from coase.settlement.governance import GovernanceTerms

    if not 0 <= delay <= LONGEST or not 0 < period <= LONGEST or not 0 <= timelock <= LONGEST:
        raise UsageError("times are in seconds, and a vote lasts at least one", code="bad_times")
    return GovernanceTerms(delay=delay, period=period, timelock=timelock)


async def govern(
    box: Outbox, market: Contracts, votes: Mapping[str, int] | None, given: GovernanceTerms | None
) -> Governance | None:
    """Deploy the government, or find the one that was deployed; None when there is none and none is wanted."""
    from coase.settlement.governance import deploy_governance

    if votes is None and not box.knows(GOVERNED):
        return None
    return await deploy_governance(box, market.rules, votes or {box.identity.account: UNIT}, given)


async def rules_of(node: Node, contracts: Mapping[str, str]) -> dict[str, Any]:
    """Who owns the market's rules, to whom they are offered (None: nobody), and whether that is the government."""
    from coase.identity import checksum, keccak
    from coase.settlement.token import read_number

    words = [await read_number(node, contracts["rules"], keccak(name)[:4]) for name in (b"owner()", b"pendingOwner()")]
    owner, offered = (checksum(f"0x{word:040x}") if word else None for word in words)
    timelock = contracts.get("timelock")
    return {"owner": owner, "offered_to": offered, "governed": owner is not None and owner == timelock}
