"""Who got what when a deal ended, from the escrow's event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coase.errors import SettlementError
from coase.identity import keccak
from coase.settlement.logs import find_logs
from coase.terms.agreement import Agreement

if TYPE_CHECKING:
    from coase.settlement.escrow import EscrowClient

SETTLED = keccak(b"Settled(bytes32,uint256,uint256,uint256)")


async def payout(client: EscrowClient, agreement: Agreement) -> tuple[int, int]:
    """(to the seller, to the buyer) in base units; the market's fee is what is missing from the price.

    Raises:
        SettlementError: the deal has not ended, or the node's event does not add up to the price.
    """
    topics = [SETTLED, client.digest(agreement)]
    found = [one.log.data for one in await find_logs(client.outbox.node, client.escrow, topics)]
    if len(found) != 1 or len(found[0]) != 96:
        raise SettlementError("the escrow has not paid out this deal", code="not_settled")
    to_seller, to_buyer, fee = (int.from_bytes(found[0][at : at + 32], "big") for at in (0, 32, 64))
    if to_seller + to_buyer + fee not in (agreement.price, agreement.price + agreement.bond):
        raise SettlementError("the payout does not add up to the price", hint="ask another node", code="bad_event")
    return to_seller, to_buyer
