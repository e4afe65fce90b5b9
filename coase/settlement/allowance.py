"""Letting a contract take tokens: exactly as many as it is to take, never more, never without end.

An allowance without end is what drains wallets: whoever finds a fault in the spender, years later, takes everything.
"""

from __future__ import annotations

from dataclasses import dataclass

from coase.errors import ConfigurationError, SettlementError
from coase.identity import Identity, checksum, keccak
from coase.money import check
from coase.settlement.node import Node
from coase.settlement.outbox import Outbox
from coase.settlement.records import Call, Receipt
from coase.settlement.token import read_number, word
from coase.terms.eip712 import domain_separator, permit_digest

_APPROVE = keccak(b"approve(address,uint256)")[:4]
_ALLOWANCE = keccak(b"allowance(address,address)")[:4]
MOST_APPROVALS = 16  # for one payment: each needs a crash and another payment in between
_NONCES = keccak(b"nonces(address)")[:4]


@dataclass(frozen=True)
class PriceCap:
    """The most that may be signed away at once, in base units of one token. Checked before anything is signed."""

    token: str
    most: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "token", checksum(self.token))
        check(self.most, what="the price cap")

    def allows(self, token: str, amount: int) -> int:
        """The amount. `SettlementError` (`price_cap`) when it is above the cap, or in another token."""
        check(amount)
        if checksum(token) != self.token:
            raise SettlementError(
                f"the price cap is in {self.token}, not in {checksum(token)}", code="price_cap", hint="check the token"
            )
        if amount > self.most:
            raise SettlementError(
                f"{amount} base units are more than the {self.most} that may be signed away at once",
                hint="raise the cap if this is meant",
                code="price_cap",
            )
        return amount


@dataclass(frozen=True)
class Permit:
    """A signed allowance (EIP-2612): lets a contract take exactly `amount`, until `deadline` (the chain's seconds)."""

    amount: int
    deadline: int
    v: int
    r: bytes
    s: bytes


def approve_call(token: str, spender: str, amount: int) -> Call:
    """The call that lets `spender` take `amount` base units of ours. An amount without end is no amount of money."""
    return Call(checksum(token), _APPROVE + word(spender) + check(amount).to_bytes(32, "big"))


async def allowance(node: Node, token: str, owner: str, spender: str) -> int:
    """How many base units `spender` may take from `owner` now."""
    return await read_number(node, token, _ALLOWANCE + word(owner) + word(spender))


async def approve_exactly(outbox: Outbox, intent: str, spender: str, amount: int, cap: PriceCap) -> Receipt | None:
    """Let a contract take `amount`, whatever it might take before; None when that is what it may take already.

    Some tokens refuse to change an allowance that is not spent: it is set to nothing first.

    Raises:
        SettlementError: `price_cap`.
    """
    cap.allows(cap.token, amount)
    owner = outbox.identity.account
    now = await allowance(outbox.node, cap.token, owner, spender)
    if now == amount and not outbox.knows(intent):
        return None
    if now and amount and not outbox.knows(intent):
        await outbox.send(f"{intent}/reset", approve_call(cap.token, spender, 0))
    return await outbox.send(intent, approve_call(cap.token, spender, amount))


async def approve_for(outbox: Outbox, intent: str, spender: str, amount: int, cap: PriceCap) -> None:
    """Let a contract take what the transaction of `intent` will have it take, unless that transaction is on its way.

    A crash may come between the two, and another payment may use the allowance up before `intent` is asked for again:
    then it is given once more. Whoever calls this holds a lock until `intent` has been sent.

    Raises:
        SettlementError: `price_cap`.
    """
    await outbox.ready()  # a payment that an earlier life left on its way still takes its own allowance
    for number in range(MOST_APPROVALS):
        if outbox.knows(intent):
            return
        await approve_exactly(outbox, f"{intent}/allow" + (f"/{number}" if number else ""), spender, amount, cap)
        if await allowance(outbox.node, cap.token, outbox.identity.account, spender) == amount:
            return


async def permit_exactly(
    node: Node,
    owner: Identity,
    spender: str,
    amount: int,
    cap: PriceCap,
    *,
    deadline: int,
    domain: tuple[str, str, int],
) -> Permit:
    """Sign an allowance for exactly `amount`, without a transaction.

    Args:
        deadline: the chain's time in seconds after which it is worth nothing.
        domain: the token's EIP-712 name, version and chain id, as we know them: a contract might lie.

    Raises:
        SettlementError: `price_cap`.
    """
    cap.allows(cap.token, amount)
    if not 0 < deadline < 2**64:
        raise ConfigurationError(f"a permit ends at a time in seconds, not at {deadline}", code="bad_deadline")
    name, version, chain_id = domain
    digest = permit_digest(
        domain_separator(name, version, chain_id, cap.token),
        owner=owner.account,
        spender=checksum(spender),
        value=amount,
        nonce=await read_number(node, cap.token, _NONCES + word(owner.account)),
        deadline=deadline,
    )
    signature = owner.sign(digest)
    return Permit(amount, deadline, signature[64], signature[:32], signature[32:64])
