"""The agent registry as a party sees it: an id for an agent (ERC-8004), its wallet, and what it stakes on its word."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coase.errors import LocalProtocolError, SettlementError, UsageError
from coase.identity import Identity, checksum, keccak
from coase.money import check
from coase.settlement.allowance import PriceCap, approve_for
from coase.settlement.bound import Bound, Record
from coase.settlement.logs import find_logs
from coase.settlement.outbox import Outbox
from coase.settlement.records import Receipt
from coase.terms.agreement import Agreement
from coase.terms.eip712 import domain_separator, struct_hash, typed_digest

if TYPE_CHECKING:
    from web3 import AsyncWeb3

NAME, VERSION = "ERC8004IdentityRegistry", "1"
CONSENT_SECONDS = 300  # for which a wallet's consent can be valid at most
WALLET_KEY = "agentWallet"  # a key of metadata that only `set_wallet` writes
LONGEST = 4_096  # bytes of a URI or of a value, and 100 values at most: what others have to read
MOST_VALUES = 100
MOST_EVENTS = 100_000  # that are read to find an account's agents
_TRANSFER = keccak(b"Transfer(address,address,uint256)")
_METADATA_SET = keccak(b"MetadataSet(uint256,string,string,bytes)")
_CONSENT = (("agentId", "uint256"), ("newWallet", "address"), ("owner", "address"), ("deadline", "uint256"))


@dataclass(frozen=True)
class Agent:
    """An agent on the chain.

    Args:
        owner: whose it is.
        wallet: is paid for it; zeros: nobody, as after a transfer.
        uri: where its registration file is; empty for none. Anybody may have written anything there.
    """

    owner: str
    wallet: str
    uri: str


@dataclass(frozen=True)
class Stake:
    """What an agent stakes, in base units.

    Args:
        amount: all of it.
        leaving: of that, what was asked back.
        ready_at: chain time from which it may go, for two days; 0: nothing was asked back.
        disputes: how many hold it.
    """

    amount: int
    leaving: int
    ready_at: int
    disputes: int


class AgentRegistryClient:
    """The registry, for the owner of an outbox. Actions and their errors are as those of `EscrowClient`.

    Args:
        w3: the connection to read by.
        outbox: sends.
        registry: the contract's account.
        chain_id: EIP-155.
        cap: the most that one stake may take, in the registry's token.
    """

    def __init__(self, w3: AsyncWeb3[Any], outbox: Outbox, registry: str, chain_id: int, cap: PriceCap) -> None:
        self.outbox, self.chain_id, self.cap = outbox, chain_id, cap
        self.contract = Bound(w3, outbox, "AgentRegistry", registry)
        self._staking = asyncio.Lock()  # an allowance is for one stake at a time

    async def register(
        self, intent: str, uri: str = "", metadata: Mapping[str, bytes] | None = None, record: Record = None
    ) -> int:
        """Register an agent of ours; its id."""
        entries = [(_short(key), _short_bytes(value)) for key, value in (metadata or {}).items()]
        if len(entries) > MOST_VALUES or WALLET_KEY in (metadata or {}):
            raise UsageError(f"at most {MOST_VALUES} values, and none for {WALLET_KEY}", code="bad_metadata")
        if entries:
            receipt = await self.contract.send(
                intent, "register(string,(string,bytes)[])", _short(uri), entries, record=record
            )
        elif uri:
            receipt = await self.contract.send(intent, "register(string)", _short(uri), record=record)
        else:
            receipt = await self.contract.send(intent, "register()", record=record)
        found = self.contract.events(receipt, "Registered")
        if len(found) != 1 or found[0].values["owner"] != self.outbox.identity.account:
            raise SettlementError("the receipt does not show our agent", hint="ask another node", code="bad_event")
        return int(found[0].values["agentId"])

    async def set_uri(self, intent: str, agent: int, uri: str, record: Record = None) -> Receipt:
        """Owner or operator: the registration file is elsewhere."""
        return await self.contract.send(intent, "setAgentURI", agent, _short(uri), record=record)

    async def set_metadata(self, intent: str, agent: int, key: str, value: bytes, record: Record = None) -> Receipt:
        """Owner or operator: write a value that others read."""
        return await self.contract.send(intent, "setMetadata", agent, _short(key), _short_bytes(value), record=record)

    def consent(self, wallet: Identity, agent: int, owner: str, deadline: int) -> bytes:
        """A wallet's signature that it is paid for an agent, for `set_wallet` to use until the chain time `deadline`,
        at most `CONSENT_SECONDS` ahead."""
        values = {"agentId": agent, "newWallet": wallet.account, "owner": checksum(owner), "deadline": deadline}
        domain = domain_separator(NAME, VERSION, self.chain_id, self.contract.account)
        return wallet.sign(typed_digest(domain, struct_hash("AgentWalletSet", _CONSENT, values)))

    async def set_wallet(
        self, intent: str, agent: int, wallet: str, deadline: int, signature: bytes, record: Record = None
    ) -> Receipt:
        """Owner or operator: this account is paid for the agent, with its `consent`."""
        return await self.contract.send(
            intent, "setAgentWallet", agent, checksum(wallet), deadline, signature, record=record
        )

    async def unset_wallet(self, intent: str, agent: int, record: Record = None) -> Receipt:
        """Owner or operator: nobody is paid for the agent."""
        return await self.contract.send(intent, "unsetAgentWallet", agent, record=record)

    # ---- stake

    async def stake(self, intent: str, agent: int, amount: int, record: Record = None) -> Receipt:
        """Add to an agent's stake, on an allowance for exactly that."""
        self.cap.allows(self.cap.token, amount)
        async with self._staking:
            await approve_for(self.outbox, intent, self.contract.account, amount, self.cap)
            return await self.contract.send(intent, "stake", agent, amount, record=record)

    async def request_unstake(self, intent: str, agent: int, amount: int, record: Record = None) -> Receipt:
        """Owner: ask stake back; it may go in seven days, within two days."""
        return await self.contract.send(intent, "requestUnstake", agent, check(amount), record=record)

    async def unstake(self, intent: str, agent: int, to: str, record: Record = None) -> Receipt:
        """Owner: take what was asked back, or what slashing left of it."""
        return await self.contract.send(intent, "unstake", agent, checksum(to), record=record)

    async def freeze(self, intent: str, agent: int, agreement: Agreement, record: Record = None) -> Receipt:
        """Anyone: hold an agent's stake while this deal of its is disputed."""
        return await self.contract.send(intent, "freeze", agent, struct(agreement), record=record)

    async def thaw(self, intent: str, deal: bytes, record: Record = None) -> Receipt:
        """Anyone: let go of the stake that a dispute held, once it is over. `deal` is its 32-byte id in the escrow."""
        return await self.contract.send(intent, "thaw", _word(deal), record=record)

    async def collect(self, intent: str, record: Record = None) -> Receipt:
        """Anyone: pay what was slashed to the market's fee recipient."""
        return await self.contract.send(intent, "collect", record=record)

    # ---- reading

    async def agent(self, agent: int) -> Agent:
        """Who is behind an id. `TransactionReverted` when nobody is."""
        owner, wallet, uri = await asyncio.gather(
            self.contract.read("ownerOf", agent),
            self.contract.read("getAgentWallet", agent),
            self.contract.read("tokenURI", agent),
        )
        return Agent(checksum(owner), checksum(wallet), str(uri))

    async def count(self) -> int:
        """How many agents there are; ids run from 1 to it."""
        return int(await self.contract.read("agents"))

    async def metadata(self, agent: int, key: str) -> bytes:
        """A value; empty when it was never written."""
        return bytes(await self.contract.read("getMetadata", agent, key))

    async def stake_of(self, agent: int) -> Stake:
        """What an agent stakes."""
        return Stake(*map(int, await self.contract.read("stakes", agent)))

    async def answers_for(self, agent: int, account: str) -> bool:
        """Whether the agent's stake answers for deals of this account."""
        return bool(await self.contract.read("answersFor", agent, checksum(account)))

    async def answering(self, account: str) -> list[int]:
        """Agents whose stake answers for the deals of an account, the largest stake first. It reads who registered,
        received or named a wallet for an agent, in one question over the whole chain: better to know the agent.
        """
        padded = bytes(12) + bytes.fromhex(checksum(account)[2:])
        node, place = self.outbox.node, self.contract.account
        moved = await find_logs(node, place, [_TRANSFER, None, padded], limit=MOST_EVENTS)
        named = await find_logs(node, place, [_METADATA_SET, None, keccak(WALLET_KEY.encode())], limit=MOST_EVENTS)
        found = {int.from_bytes(one.log.topics[3], "big") for one in moved}
        found |= {int.from_bytes(one.log.topics[1], "big") for one in named if padded[12:] in one.log.data}
        stakes = {one: (await self.stake_of(one)).amount for one in found if await self.answers_for(one, account)}
        return sorted(stakes, key=lambda one: (-stakes[one], one))

    async def frozen_by(self, deal: bytes) -> int:
        """The agent whose stake this deal's dispute holds; 0 for none."""
        return int(await self.contract.read("frozenBy", _word(deal)))


def struct(agreement: Agreement) -> tuple[Any, ...]:
    """An agreement as the contracts take it."""
    row = agreement.row()
    return (*(checksum(account) for account in row[:4]), *row[4:])


def _short(text: str) -> str:
    _short_bytes(text.encode())
    return text


def _short_bytes(value: bytes) -> bytes:
    if len(value) > LONGEST:
        raise UsageError(f"{len(value)} bytes are more than the {LONGEST} that may be written", code="bad_metadata")
    return value


def _word(value: bytes) -> bytes:
    if len(value) != 32:
        raise LocalProtocolError(f"the id of a deal has 32 bytes, not {len(value)}", code="bad_hash")
    return value
