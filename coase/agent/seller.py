"""A seller: lists what its agent offers, bargains, works once the escrow holds the money, and gets paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from coase.agent import pricing
from coase.agent.bargaining import ANSWERS, Bargain
from coase.agent.content import ArbiterAgent, SellerAgent
from coase.agent.judge import Judge
from coase.agent.message import Message
from coase.agent.messages import (
    Complaint,
    Delivered,
    OpenQuotes,
    Quote,
    Ready,
    Refuse,
    Request,
    Reveal,
    Revealed,
    SealedQuote,
    Sign,
    Signed,
    WalkAway,
    commitment,
)
from coase.agent.party import Party, same_party
from coase.agent.sale import Sale
from coase.agent.toolbox import Toolbox
from coase.agent.world import World
from coase.errors import CoaseError, DealError, RemoteProtocolError
from coase.identity import Identity, account_at
from coase.negotiation.player import Player
from coase.terms.canonical import digest
from coase.terms.listing import Listing
from coase.terms.order import Order

LISTING_KEY = "main"
QUEUE = 10  # times the patience that a quote stands while cheaper ones are tried
LISTING_SECONDS = 30 * 86_400
LEAST_SECONDS, MOST_SECONDS = 10, 90 * 86_400  # a deal's deadlines, review and ruling windows
LEAST_RULING = 600  # an arbiter without time to rule would give half to a buyer that only has to dispute
MAX_PER_PEER = 32  # sessions at once


class Seller(Party):
    """Runs a `SellerAgent`. Deals are served one task each; nothing is journalled before the seller signs."""

    listing: Listing

    def __init__(self, name: str, identity: Identity, world: World, agent: SellerAgent) -> None:
        super().__init__(name, identity, world)
        self.agent = agent
        self.tools = Toolbox(self)
        self.judge = Judge(self, agent) if isinstance(agent, ArbiterAgent) else None
        self.sale = Sale(self)

    # ---- the shop

    async def open_shop(self) -> Listing:
        """Publish the listing: the one remembered from before, or a new one for what the agent offers."""
        now = await self.world.time.read()
        known = self.journal.recall("listing")
        listing = Listing.model_validate(known) if known else await self._new_listing(now)
        prices = pricing.listed(self.agent.list_price)
        repriced = any(getattr(listing, name) != value for name, value in prices.items())
        if repriced or listing.expires - now < LISTING_SECONDS // 2:
            listing = self._renewed(listing, now, prices)
        self.listing = listing
        self.journal.remember("listing", listing.model_dump(mode="json"))
        self.world.registry.publish(listing)
        self.emit("", "listed", kind=self.listing.kind, title=self.listing.title, price=self.listing.price)
        return self.listing

    def _renewed(self, listing: Listing, now: int, prices: dict[str, int]) -> Listing:
        """The same offer for another while or price; the sequence grows, so that the old one cannot come back."""
        fields = listing.model_dump(exclude={"agent", "account", "signature"})
        changed = {"sequence": listing.sequence + 1, "issued": now, "expires": now + LISTING_SECONDS}
        return Listing.signed(self.identity, **{**fields, **changed, **prices})

    async def _new_listing(self, now: int) -> Listing:
        offering = await self.agent.offering(self.tools)
        goods = {name: self.blobs.put(body) for name, body in sorted(offering.goods.items())}
        self.journal.remember("goods", goods)
        return Listing.signed(
            self.identity,
            key=LISTING_KEY,
            sequence=1,
            kind=offering.kind,
            title=offering.title,
            description=offering.description,
            attributes=dict(offering.attributes),
            unit=offering.unit,
            content=digest(goods) if goods else "",
            issued=now,
            expires=now + LISTING_SECONDS,
            **pricing.listed(self.agent.list_price),
        )

    @property
    def goods(self) -> dict[str, str]:
        """The files sold as they are, name -> SHA-256."""
        return self.journal.recall("goods") or {}

    # ---- messages that begin something

    def take(self, sender: str, message: Message) -> bool:
        """Begin a session on a request, answer the arbiter, and tell what became of deals that have ended."""
        if isinstance(message, Request):
            self._begin(sender, message)
        elif isinstance(message, Reveal):
            self.spawn(self._reveal(sender, message))
        elif isinstance(message, Complaint) and self.judge is not None:
            self.spawn(self.judge.hear(sender, message))
        else:
            return False
        return True

    def _begin(self, sender: str, request: Request) -> None:
        if request.deal in self._inboxes or self.journal.get(request.deal) is not None:
            self.emit(request.deal, "ignored", code="deal_exists", reason="a request for a deal that is known already")
        elif self.sessions(sender) < MAX_PER_PEER and self.open_inbox(request.deal, sender):
            self.spawn(self._session(request, sender))
        else:
            busy = Refuse(deal=request.deal, code="busy", reason="too many deals at once; try later")
            self.spawn(self.send(sender, busy))

    async def _session(self, request: Request, buyer: str) -> None:
        deal = request.deal
        try:
            await self._sell(request, buyer)
        except TimeoutError:
            self.emit(deal, "left", code="timeout", reason="the buyer fell silent")
        except CoaseError as error:
            self.emit(deal, "left", code=error.code, reason=error.message)
            await self.send(buyer, Refuse(deal=deal, code=error.code, reason=error.message[:300]))
        finally:
            if self.journal.get(deal) is None:
                self.close_inbox(deal)
        if self.journal.get(deal) is not None:
            await self.sale.serve(deal)

    async def _sell(self, request: Request, buyer: str) -> None:
        deal, order = request.deal, request.order
        self._check_request(request)
        if request.sealed:
            await self._quote(request, buyer)
        else:
            await self.send(buyer, Ready(deal=deal))
        bargain = Bargain(
            deal,
            "seller",
            pricing.rules(self.listing, request.deadline),
            self._player(request),
            lambda message: self.send(buyer, message),
            self._offers(request, buyer),
        )
        outcome = await bargain.run()
        if outcome.agreement is None:
            return
        sign = await self.expect(deal, buyer, Sign, WalkAway, Refuse)
        if not isinstance(sign, Sign):
            return
        agreed = order.model_copy(update={"unit_price": outcome.agreement["price"]})
        await self._check_agreement(sign, agreed, buyer)
        body = {
            "peer": buyer,
            "order": agreed.model_dump(mode="json"),
            "agreement": sign.agreement.model_dump(),
            "buyer_signature": sign.signature,
            "trace": outcome.trace.to_json(),
        }
        self.moved(self.journal.open(deal, "seller", body, state="agreed"), price=agreed.price)
        signature = self.identity.sign(self.escrow.digest(sign.agreement)).hex()
        await self.send(buyer, Signed(deal=deal, signature=signature))

    def _offers(self, request: Request, buyer: str) -> Callable[[], Awaitable[Message]]:
        """The buyer's next move. After a sealed quote the first may take long: others that quoted less come first."""
        patience = [self.world.patience * (QUEUE if request.sealed else 1)]

        async def receive() -> Message:
            wait = patience.pop() if patience else None
            return await self.expect(request.deal, buyer, *ANSWERS, patience=wait)

        return receive

    def _player(self, request: Request) -> Player:
        return pricing.player(
            self.agent,
            self.listing,
            "seller",
            limit=self.agent.floor_price,
            deadline=request.deadline,
            mark=f"{self.world.seed}/{request.deal}",
        )

    def _check_request(self, request: Request) -> None:
        listing, order = self.listing, request.order
        wanted = (request.deal, listing.digest, listing.kind, listing.unit, listing.content, 0)
        if (order.deal, order.listing, order.kind, order.unit, order.content, order.unit_price) != wanted:
            raise RemoteProtocolError("the order is not for what is listed", code="order_mismatch")
        if request.deadline > self.agent.deadline:
            raise DealError(f"no more than {self.agent.deadline} steps of bargaining", code="deadline_too_long")
        refusal = self.agent.refuse(order)
        if refusal is not None:
            raise DealError(refusal.reason, code=refusal.code)

    async def _quote(self, request: Request, buyer: str) -> None:
        """Commit to a price before any quote is opened, so that no quote can be made to fit another."""
        deal = request.deal
        price = pricing.first_offer(self._player(request), self.listing)
        salt = digest(["quote", deal, self.identity.sign(bytes.fromhex(digest(["salt", deal]))).hex()])
        await self.send(buyer, SealedQuote(deal=deal, commitment=commitment(deal, price, salt)))
        if not isinstance(await self.expect(deal, buyer, OpenQuotes, WalkAway), OpenQuotes):
            raise DealError("the buyer left before the quotes were opened", code="walked")
        await self.send(buyer, Quote(deal=deal, unit_price=price, salt=salt))

    async def _check_agreement(self, sign: Sign, agreed: Order, buyer: str) -> None:
        a, now = sign.agreement, await self.world.chain.now()
        chain = self.world.chain.chain_id
        windows = (a.deliver_by - now, a.review_seconds, a.ruling_seconds)
        problem = (
            ("order", sign.order != agreed or a.terms_hash != agreed.hash),
            ("price", a.price != agreed.price),
            ("parties", a.seller != self.identity.account or not same_party(buyer, a.buyer)),
            ("currency", a.token != self.world.token),
            ("arbiter", not self._trusts(a.arbiter) or a.arbiter in (a.buyer, a.seller)),
            ("deadlines", not all(LEAST_SECONDS <= w <= MOST_SECONDS for w in windows)),
            ("deadlines", a.ruling_seconds < LEAST_RULING),
        )
        for what, wrong in problem:
            if wrong:
                raise RemoteProtocolError(f"the agreement's {what} is not what was agreed", code=f"agreement_{what}")
        a.verify(a.buyer, sign.signature, chain, self.world.escrow)

    def _trusts(self, arbiter: str) -> bool:
        """Arbiters are the market's operator and whoever lists validations."""
        if arbiter == self.world.operator:
            return True
        return any(listing.account == arbiter for listing in self.world.registry.search("kind=validation", limit=100))

    # ---- after a restart

    async def resume(self) -> None:
        """Take up open deals; rulings first."""
        if self.judge is not None:
            await self.judge.resume()
        for record in self.journal.deals("seller", open_only=True):
            if self.open_inbox(record.deal, record.body["peer"]):
                self.spawn(self.sale.serve(record.deal))
                self.spawn(self.send(record.body["peer"], Ready(deal=record.deal)))

    # ---- what others may see

    async def _reveal(self, sender: str, message: Reveal) -> None:
        record = self.journal.get(message.deal)
        shown: dict[str, str] = {}
        if record is not None and "files" in record.body and same_party(sender, record.body["agreement"]["arbiter"]):
            if not message.names:
                delivered = Delivered(deal=message.deal, result=record.body["result"], files=record.body["files"])
                await self.send(sender, delivered)
                return
            evidence = record.body["evidence"]
            shown = {name: evidence[name] for name in message.names if name in evidence}
        await self.send(sender, Revealed(deal=message.deal, evidence=shown))

    def entitled(self, sender: str, deal: str, blob: str) -> bool:
        """The buyer and the arbiter may have what was delivered; the arbiter also the evidence and what went in."""
        try:
            account = account_at(sender)
        except CoaseError:
            return False
        if self.judge is not None and self.judge.entitled(account, deal, blob):
            return True
        record = self.journal.get(deal)
        if record is None or "files" not in record.body:
            return False
        agreement, files = record.body["agreement"], set(record.body["files"].values())
        if account == agreement["arbiter"]:
            shown = (record.body["evidence"], record.body["order"]["inputs"])
            return blob in files or any(blob in those.values() for those in shown)
        return account == agreement["buyer"] and blob in files
