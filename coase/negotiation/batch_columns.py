"""One party's problems as columns over the sessions of a chunk."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from coase.errors import TermsError
from coase.negotiation.draws_arrays import party_keys, session_seeds
from coase.negotiation.moves import PARTIES, Party
from coase.negotiation.problem import Problem
from coase.negotiation.utility import (
    SLACK,
    Floats,
    Integers,
    Order,
    Ranking,
    Utility,
    check_range,
    order,
    possible,
    ranking,
    values_of,
)
from coase.terms.domain import Domain


class Tables:
    """A party's utilities in all sessions of a batch: one table for all, or a row a session.

    Args:
        domain: what is bargained over.
        party: whose.
        utility: as for `negotiate`, or an array of shape (n, outcomes).
        n: number of sessions.
    """

    def __init__(self, domain: Domain, party: Party, utility: Utility | None, n: int) -> None:
        self.domain, self.party = domain, party
        self.rows: Floats | None = None
        if getattr(utility, "ndim", 1) == 2:
            self.rows = np.asarray(utility, np.float64)
            if self.rows.shape != (n, domain.size):
                raise TermsError(
                    f"utilities of shape {self.rows.shape} for {n} sessions and {domain.size} outcomes",
                    hint="one number per session and outcome",
                    code="bad_utility",
                )
            check_range(self.rows)
            if domain.excluded:
                self.rows = possible(domain, self.rows)
        else:
            self.ranking = ranking(domain, party, utility)

    @property
    def shared(self) -> bool:
        """Whether all sessions have the same utilities."""
        return self.rows is None

    def ordered(self, low: int, high: int) -> tuple[Floats, Order]:
        """Utilities to 12 decimals and their order, of sessions low to high - 1; of shape (1, ...) where shared."""
        if self.rows is None:
            whole = self.ranking.order
            return self.ranking.rounded[None, :], Order(
                whole.ranked[None, :], whole.falling[None, :], whole.rank_of[None, :]
            )
        return order(self.rows[low:high])

    def of(self, session: int) -> Ranking:
        """The ranking of one session."""
        return self.ranking if self.rows is None else Ranking(self.domain, self.rows[session])

    def worth(self, sessions: Integers, outcomes: Integers) -> Floats:
        """What outcomes are worth to the party."""
        return self.ranking.given[outcomes] if self.rows is None else self.rows[sessions, outcomes]


@dataclass
class Columns:
    """One party's side of the sessions low, low + 1, ... of a batch.

    Args:
        tables: its utilities.
        reservation: of each session.
        deadline: of each session.
        seed: of the batch.
        low: number of the first session.
        party: 0 the buyer, 1 the seller.
        discount: of each session.
    """

    tables: Tables
    reservation: Floats
    deadline: Integers
    seed: int
    low: int
    party: int
    discount: Floats

    def __post_init__(self) -> None:
        self.n, self.shared = len(self.deadline), self.tables.shared
        self.utility, ordered = self.tables.ordered(self.low, self.low + self.n)
        self.ranked, self.falling, self.rank_of = ordered.ranked, ordered.falling, ordered.rank_of
        limit = -(self.reservation - SLACK)
        self.count: Integers
        if self.shared:
            self.count = self.falling[0].searchsorted(limit, "right").astype(np.int64)
        else:
            self.count = (self.falling <= limit[:, None]).sum(1).astype(np.int64)
        with np.errstate(invalid="ignore"):
            self.span = np.where(self.count > 0, -self.falling[:, 0] - self.reservation, 0.0)

    @property
    def values(self) -> Integers:
        """`Problem.values`."""
        return values_of(self.tables.domain)

    @cached_property
    def key(self) -> Any:
        """Of the party's draws in each session."""
        return party_keys(session_seeds(self.seed, self.low, self.n), self.party)

    def problem(self, i: int) -> Problem:
        """The scalar problem of one session of the chunk."""
        return Problem(
            self.tables.of(self.low + i),
            PARTIES[self.party],
            int(self.deadline[i]),
            float(self.reservation[i]),
            int(self.key[i]),
            float(self.discount[i]),
        )

    def rank_for(self, share: Any) -> Integers:
        """`Problem.rank_for`, over the chunk's sessions."""
        share = np.broadcast_to(np.where(np.isnan(share), 1.0, np.clip(share, 0.0, 1.0)), self.n)
        wanted = -(self.reservation + self.span * share - SLACK)
        if self.shared:
            found = self.falling[0].searchsorted(wanted, "right")
        else:
            found = (self.falling <= wanted[:, None]).sum(1)
        ranks: Integers = np.maximum(np.minimum(found, self.count) - 1, 0)
        return ranks
