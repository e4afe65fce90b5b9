"""A buyer: searches, takes sealed quotes, bargains, and signs only what its owner's mandate allows."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence

from pydantic import ValidationError

from coase.agent import pricing
from coase.agent.bargaining import ANSWERS, Bargain, Outcome
from coase.agent.content import BuyerAgent
from coase.agent.deal import HOLDS_MONEY
from coase.agent.journal import Record
from coase.agent.mandate import Exposure, Mandate
from coase.agent.messages import (
    Funded,
    OpenQuotes,
    Quote,
    Ready,
    Refuse,
    Request,
    SealedQuote,
    Sign,
    Signed,
    WalkAway,
    commitment,
)
from coase.agent.party import M, Party
from coase.agent.purchase import Purchase
from coase.agent.want import Deal, Want, seconds
from coase.agent.world import World
from coase.errors import CoaseError, DealError, MandateRefused, ProtocolError
from coase.identity import Identity
from coase.terms.agreement import Agreement
from coase.terms.listing import Listing
from coase.terms.order import Order

REVIEW_SECONDS = RULING_SECONDS = 3600
WITHOUT_ARBITER = "validation"  # the kind whose disputes fall to the market's operator


class Buyer(Party):
    """Runs a `BuyerAgent`. Everything it decides is in the journal before it is done."""

    def __init__(self, name: str, identity: Identity, world: World, agent: BuyerAgent) -> None:
        super().__init__(name, identity, world)
        self.agent = agent
        self.mandate: Mandate = agent.mandate()
        self.purchase = Purchase(self)

    # ---- buying

    async def buy(
        self,
        want: Want,
        by: str | int = "10m",
        *,
        patience: float | None = None,
        sellers: Sequence[Listing] | None = None,
    ) -> Deal:
        """Get what is wanted from whoever offers it best, and see it through to the end.

        Sellers are tried in the order of their quotes until one deal is settled. The last one tried is returned.

        Args:
            want: the need.
            by: how long a seller has to deliver once it agreed, for example ``"60s"``.
            patience: wall seconds to wait for a sign of life from the seller; None: the market's.
            sellers: the listings to choose from; None: what the registry finds.

        Raises:
            DealError: `nothing_found`, when no listing matches, `no_arbiter`, when nobody could rule on a dispute.
        """
        within = seconds(by)
        want = self.agent.prepare(want, self.blobs.put, self.world.seed)
        await self.world.time.read()
        listings = self._find(want) if sellers is None else list(sellers)
        if not listings:
            raise DealError(f"nobody to buy {want.kind} from", code="nothing_found")
        if want.audit:
            listings = self._with_validator(listings)
        deals = [(await self._propose(want, listing, within, patience), listing) for listing in listings]
        quoted = await self._quotes(deals) if len(deals) > 1 else [(deals[0][0], deals[0][1], deals[0][1].price)]
        deal = quoted[0][0] if quoted else deals[0][0]
        for index, (deal, listing, quote) in enumerate(quoted):
            rival = quoted[index + 1][2] if index + 1 < len(quoted) else quote
            await self._bargain(deal, listing, want, min(quote, rival), sealed=len(deals) > 1)
            record = await self.purchase.drive(deal)
            if record.state == "settled":
                await self._dismiss([name for name, _, _ in quoted[index + 1 :]], "outbid")
                break
            if not self._may_go_on(record):
                await self._dismiss([name for name, _, _ in quoted[index + 1 :]], "not_needed")
                break
        return Deal(deal, self.journal)

    def _may_go_on(self, record: Record) -> bool:
        """After a seller that failed, try the next; after a mandate that said no, nobody."""
        return not str(record.body.get("code", "")).startswith("mandate_")

    def _find(self, want: Want) -> list[Listing]:
        found = self.world.registry.search(
            f"kind={want.kind} unit={want.unit} {want.query}".strip(), limit=want.quotes + 1
        )
        listings = [listing for listing in found if listing.agent != self.address][: want.quotes]
        if not listings:
            raise DealError(
                f"nobody offers {want.kind} by the {want.unit} matching {want.query!r}",
                hint="loosen the query, or see `coase registry search`",
                code="nothing_found",
            )
        return listings

    def _arbiter(self, kind: str, seller: str) -> str:
        """A validator's account, the seller's and our own excepted; the operator for validations themselves."""
        if kind == WITHOUT_ARBITER:
            return self.world.operator
        for listing in self.world.registry.search("kind=validation", limit=20):
            if listing.account not in (seller, self.identity.account):
                return listing.account
        return self.world.operator

    def _with_validator(self, listings: Sequence[Listing]) -> list[Listing]:
        found = [it for it in listings if self._arbiter(it.kind, it.account) != self.world.operator]
        if not found:
            raise DealError(
                "nobody offers validations, so no audit is possible and nobody could rule on a dispute",
                hint="buy without an audit, or add a validator",
                code="no_arbiter",
            )
        return found

    async def _propose(self, want: Want, listing: Listing, within: int, patience: float | None) -> str:
        count = len(self.journal.deals()) + 1
        mark = hashlib.sha256(f"{self.world.seed}/{self.address}/{count}".encode()).hexdigest()[:6]
        deal = f"{want.kind}-{count}-{mark}"
        try:
            order = Order(
                deal=deal,
                kind=want.kind,
                listing=listing.digest,
                content=listing.content,
                unit=want.unit,
                quantity=want.quantity,
                inputs=dict(want.inputs),
                details=dict(want.details),
            )
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise DealError(f"the want makes no order: {where}: {first['msg']}", code="bad_want") from error
        body = {
            "peer": listing.agent,
            "seller_account": listing.account,
            "title": listing.title,
            "list_price": listing.price * want.quantity,
            "order": order.model_dump(mode="json"),
            "within": within,
            "audit": want.audit,
            **({} if patience is None else {"patience": patience}),
        }
        self.open_inbox(deal, listing.agent)
        self.moved(self.journal.open(deal, "buyer", body), seller=listing.title, list_price=body["list_price"])
        return deal

    async def _quotes(self, deals: Sequence[tuple[str, Listing]]) -> list[tuple[str, Listing, int]]:
        """Sealed quotes, opened together when all are in, so that being first is worth nothing. Cheapest first."""
        deals = [(deal, listing) for deal, listing in deals if await self._request(deal, listing, sealed=True)]
        # All at once and with half the patience: while we wait for a silent one, the others wait for us.
        sealing = [self._answer(deal, listing, SealedQuote, self.world.patience / 2) for deal, listing in deals]
        answers = zip(deals, await asyncio.gather(*sealing), strict=True)
        sealed = [(deal, listing, answer.commitment) for (deal, listing), answer in answers if answer is not None]
        for deal, listing, _ in sealed:
            await self.send(listing.agent, OpenQuotes(deal=deal))
        opening = [self._answer(deal, listing, Quote, self.world.patience / 2) for deal, listing, _ in sealed]
        opened: list[tuple[str, Listing, int]] = []
        for (deal, listing, promised), quote in zip(sealed, await asyncio.gather(*opening), strict=True):
            if quote is None:
                continue
            if commitment(deal, quote.unit_price, quote.salt) != promised or not 0 < quote.unit_price <= listing.price:
                self._refuse(deal, "quote_changed", "the quote opened is not the one that was sealed")
                continue
            self.journal.note(deal, "quoted", quote=quote.unit_price)
            self.emit(deal, "quote", unit_price=quote.unit_price, seller=listing.title)
            opened.append((deal, listing, quote.unit_price))
        return sorted(opened, key=lambda row: (row[2], hashlib.sha256(row[0].encode()).digest()))

    async def _request(self, deal: str, listing: Listing, *, sealed: bool) -> bool:
        """Ask the seller; False, with the deal ended, when nobody is at its address."""
        order = Order(**self.journal.need(deal).body["order"])
        request = Request(deal=deal, order=order, deadline=self.agent.deadline, sealed=sealed)
        if await self.send(listing.agent, request):
            return True
        self._refuse(deal, "undeliverable", "the seller is listed, but nobody is at its address")
        return False

    async def _answer(self, deal: str, listing: Listing, kind: type[M], patience: float | None = None) -> M | None:
        """The seller's answer; None, with the deal ended and the reason in the journal, when it will not go on."""
        answer: M | Refuse | WalkAway
        try:
            answer = await self.expect(deal, listing.agent, kind, Refuse, WalkAway, patience=patience)
        except TimeoutError:
            self._refuse(deal, "timeout", "the seller does not answer")
            return None
        if isinstance(answer, (Refuse, WalkAway)):
            self._refuse(deal, answer.code, answer.reason or f"the seller left: {answer.code}")
            return None
        return answer

    def _refuse(self, deal: str, code: str, reason: str) -> None:
        self.moved(self.journal.apply(deal, "refuse", code=code, reason=reason), code=code, reason=reason)
        self.close_inbox(deal)

    async def _dismiss(self, deals: Sequence[str], code: str) -> None:
        for deal in deals:
            record = self.journal.apply(deal, "walk", code=code, reason="another seller was better")
            await self.send(record.body["peer"], WalkAway(deal=deal, code=code))
            self.moved(record, code=code)
            self.close_inbox(deal)

    # ---- bargaining and signing

    async def _bargain(self, deal: str, listing: Listing, want: Want, at_most: int, *, sealed: bool) -> None:
        """Bargain and sign, or end the deal with a reason."""
        peer, order = listing.agent, Order(**self.journal.need(deal).body["order"])
        try:
            if not sealed:
                asked = await self._request(deal, listing, sealed=False)
                if not asked or await self._answer(deal, listing, Ready) is None:
                    return
            outcome = await self._talk(deal, listing, want, at_most)
            self.journal.note(deal, "bargained", trace=outcome.trace.to_json(), rounds=outcome.step)
            if outcome.agreement is None:
                self.moved(
                    self.journal.apply(deal, "walk", code="no_agreement", reason=outcome.reason), reason=outcome.reason
                )
                return
            await self._sign(deal, order.model_copy(update={"unit_price": outcome.agreement["price"]}), listing)
        except MandateRefused as error:
            await self.send(peer, WalkAway(deal=deal, code=error.code, reason="not within my mandate"))
            self._refuse(deal, error.code, error.message)
        except ProtocolError as error:
            await self.send(peer, Refuse(deal=deal, code=error.code, reason=error.message[:300]))
            self._refuse(deal, error.code, error.message)
        except TimeoutError:
            await self.send(peer, WalkAway(deal=deal, code="timeout"))
            self._refuse(deal, "timeout", "the seller fell silent")
        except CoaseError as error:
            await self.send(peer, WalkAway(deal=deal, code=error.code))
            self._refuse(deal, error.code, error.message)

    async def _talk(self, deal: str, listing: Listing, want: Want, at_most: int) -> Outcome:
        ceiling = self.mandate.limit(want.kind, self.exposure(deal)) // want.quantity
        limit = min(at_most, ceiling if want.at_most is None else want.at_most, listing.price)
        bargain = Bargain(
            deal,
            "buyer",
            pricing.rules(listing, self.agent.deadline),
            pricing.player(
                self.agent,
                listing,
                "buyer",
                limit=limit,
                deadline=self.agent.deadline,
                mark=f"{self.world.seed}/{deal}",
            ),
            lambda message: self.send(listing.agent, message),
            lambda: self.expect(deal, listing.agent, *ANSWERS),
        )
        return await bargain.run()

    async def _sign(self, deal: str, order: Order, listing: Listing) -> None:
        """Check the mandate, sign, and get the seller's signature on the same agreement."""
        now = await self.world.chain.now()
        self.mandate.check(
            kind=order.kind,
            price=order.price,
            counterparties=frozenset({listing.agent, listing.account}),
            now=now,
            exposure=self.exposure(deal),
        )
        agreement = Agreement(
            buyer=self.identity.account,
            seller=listing.account,
            arbiter=self._arbiter(order.kind, listing.account),
            token=self.world.token,
            price=order.price,
            deliver_by=now + self.journal.need(deal).body["within"],
            review_seconds=REVIEW_SECONDS,
            ruling_seconds=RULING_SECONDS,
            terms_hash=order.hash,
            salt=hashlib.sha256(b"coase salt" + self.identity.sign(bytes.fromhex(order.hash))).hexdigest(),
        )
        escrow_id = self.escrow.digest(agreement)
        ours = self.identity.sign(escrow_id).hex()
        self.journal.note(deal, "signing", agreement=agreement.model_dump(), order=order.model_dump(mode="json"))
        await self.send(listing.agent, Sign(deal=deal, order=order, agreement=agreement, signature=ours))
        signed = await self._answer(deal, listing, Signed)
        if signed is None:
            return
        agreement.verify(listing.account, signed.signature, self.world.chain.chain_id, self.world.escrow)
        self.moved(
            self.journal.apply(
                deal, "agree", buyer_signature=ours, seller_signature=signed.signature, escrow_id=escrow_id.hex()
            ),
            price=order.price,
        )

    def exposure(self, besides: str = "") -> Exposure:
        """What the mandate must count: the price of every deal signed and not undone, and how many are open."""
        committed = running = 0
        for record in self.journal.deals("buyer"):
            if record.deal == besides or "agreement" not in record.body:
                continue
            price = record.body["agreement"]["price"]
            if record.state == "ruled":
                committed += record.body.get("to_seller", price)
            elif record.state in HOLDS_MONEY or record.state in ("proposed", "agreed", "settled"):
                committed += price  # a proposed one has been signed by us, and waits for the seller's signature
            running += not record.ended
        return Exposure(committed, running)

    # ---- the rest of a party

    async def resume(self) -> None:
        """Finish every open deal of the journal, one after another. Talks that signed nothing are given up."""
        for record in self.journal.deals("buyer", open_only=True):
            await self.finish(self.journal.need(record.deal))

    async def finish(self, record: Record) -> Record:
        """Bring one deal to its end after a restart."""
        if record.ended:
            return record
        self.open_inbox(record.deal, record.body["peer"])
        if record.state == "accepted":  # what was delivered meanwhile went to nobody
            await self.send(record.body["peer"], Funded(deal=record.deal))
        if record.state != "proposed":
            return await self.purchase.drive(record.deal)
        reason = "interrupted before anything was signed"
        await self.send(record.body["peer"], WalkAway(deal=record.deal, code="interrupted", reason=reason))
        self.close_inbox(record.deal)
        return self.moved(self.journal.apply(record.deal, "walk", code="interrupted", reason=reason))

    def entitled(self, sender: str, deal: str, blob: str) -> bool:
        """The seller of a deal may have its inputs once the deal is funded; so may its validator."""
        record = self.journal.get(deal)
        if record is None or sender != record.body["peer"] or record.state not in HOLDS_MONEY:
            return False
        return blob in record.body["order"]["inputs"].values()
