"""A negotiating skill under any shipped market rule, for `hold`: one strategy, seven rules.

Where a rule has no bargaining, a skill is asked what it would propose first, or whether it takes what is on the table.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from functools import cached_property
from typing import Any

from coase.errors import UsageError
from coase.negotiation.contract_net import Announce, Call
from coase.negotiation.contract_net import Phase as CallPhase
from coase.negotiation.draws import uniform
from coase.negotiation.mechanism import Award, Bid, Decline
from coase.negotiation.moves import ACCEPT, Accept, Propose
from coase.negotiation.player import Player
from coase.negotiation.posted_price import Phase as ShopPhase
from coase.negotiation.posted_price import Post, Shop
from coase.negotiation.problem import Problem
from coase.negotiation.sealed_bids import Bids
from coase.negotiation.sealed_window import Commit, Reveal, Window, commitment
from coase.negotiation.sealed_window import Phase as WindowPhase
from coase.negotiation.skill import Negotiator
from coase.negotiation.stacked import Round

BEFORE = 0  # the step of the draws that salt a sealed quote; skills draw in steps from 1


class SkillStrategy:
    """A skill at its side of one session: called with (state, own name), it gives its move.

    - `alternating_offers`: the skill itself.
    - `first_price`, `second_price`, `k_double_auction`: it bids the price that it would propose first.
    - `sealed_window`: it seals that price as its quote; as a buyer it awards the best quote that it takes.
    - `contract_net`: a buyer announces the price that it would propose first, and awards as above; a seller bids its
      own first price, or the announced limit if it takes that.
    - `posted_price`: a seller posts its first price, a buyer takes a price that the skill takes.

    In each it declines what the skill does not take. Give a problem with a deadline of 1 where there is one round.

    Args:
        skill: the skill.
        problem: its side; every rule but `alternating_offers` needs a domain with the one issue `price`.
    """

    def __init__(self, skill: Negotiator, problem: Problem) -> None:
        self.skill, self.problem = skill, problem
        self.player = Player(skill, problem)

    def __call__(self, state: Any, name: str) -> Any:
        """The move of the party of this name.

        Raises:
            UsageError: a rule of a kind unknown here (`unknown_rule`), or a problem without a price (`no_price`).
        """
        match state:
            case Round():
                return self.player.move(state.offer)
            case Bids():
                return self._bid
            case Call():
                return self._in_a_call(state)
            case Window():
                return self._in_a_window(state, name)
            case Shop():
                if state.phase is ShopPhase.SELLING:
                    return ACCEPT if self._takes(state.price) else Decline()
                return Post(self._bid.price) if isinstance(self._bid, Bid) else self._bid
        raise UsageError(
            f"a skill has no strategy for a {type(state).__name__}", hint="write a function", code="unknown_rule"
        )

    def _in_a_call(self, state: Call) -> Any:
        if state.phase is CallPhase.ANNOUNCING:
            bid = self._bid
            return Announce(bid.price) if isinstance(bid, Bid) else bid
        if state.phase is CallPhase.BIDDING:
            bid = Bid(state.limit) if self._takes(state.limit) else self._bid
            return bid if isinstance(bid, Bid) and bid.price <= state.limit else Decline()
        return ACCEPT if state.phase is CallPhase.CONFIRMING else self._award(state.bids)

    def _in_a_window(self, state: Window, name: str) -> Any:
        if state.phase is WindowPhase.CHOOSING:
            return self._award(state.opened)
        bid = self._bid
        if not isinstance(bid, Bid):
            return bid
        salt = "".join(f"{int(uniform(self.problem.key, BEFORE, slot) * 2**32):08x}" for slot in range(4))
        opening = state.phase is WindowPhase.OPENING
        return Reveal(bid.price, salt) if opening else Commit(commitment(name, bid.price, salt))

    def _award(self, quotes: tuple[tuple[str, int], ...]) -> Award | Decline:
        seller, price = min(quotes, key=lambda quote: quote[1])
        return Award(seller) if self._takes(price) else Decline()

    @cached_property
    def _bid(self) -> Bid | Decline:
        prices = self._prices
        move = Player(self.skill, self.problem).move(None)
        return Bid(int(prices[move.outcome])) if isinstance(move, Propose) else Decline()

    def _takes(self, price: int) -> bool:
        """Whether the skill takes a price; one between two of the domain counts as the worse of them."""
        prices, buys = self._prices, self.problem.party == "buyer"
        ordered = sorted(prices)
        place = bisect_left(ordered, price) if buys else bisect_right(ordered, price) - 1
        if not 0 <= place < len(ordered):
            return False
        outcome = self.problem.domain.number({"price": ordered[place]})
        return isinstance(Player(self.skill, self.problem).move(outcome), Accept)

    @cached_property
    def _prices(self) -> tuple[int, ...]:
        issues = self.problem.domain.issues
        if issues.keys() != {"price"} or type(issues["price"][0]) is not int:
            raise UsageError(
                "this rule is about a price alone", hint='a domain with the issue "price"', code="no_price"
            )
        return tuple(int(price) for price in issues["price"])
