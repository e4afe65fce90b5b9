"""The class that NegMAS' mechanisms and tournaments take. Importing this imports NegMAS."""

from __future__ import annotations

from typing import Any

from coase.errors import LocalProtocolError
from coase.negotiation.moves import Accept, Propose
from coase.negotiation.negmas.host import Host, skill_of
from coase.negotiation.negmas.kit import kit

_THEIRS = kit()


class CoaseNegotiator(_THEIRS.by_call):  # type: ignore[misc, name-defined]
    """A skill of ours as a negotiator of NegMAS.

    Args:
        skill: a skill, its name or its path, with parameters if need be: ``"boulware:beta=0.2"``.
        seed: of its random draws.
        negotiator: what NegMAS' negotiators take.

    Attributes:
        left: why the skill left the table, if it did.
    """

    def __init__(self, skill: Any = "boulware", seed: int = 0, **negotiator: Any) -> None:
        super().__init__(**negotiator)
        self._skill, self._seed = skill_of(skill), seed
        self._host: Host | None = None
        self.left = ""

    def on_negotiation_start(self, state: Any) -> None:
        """Forget the last negotiation. The seat is taken with the first move: what is raised here goes unheard."""
        super().on_negotiation_start(state)
        self._host, self.left = None, ""

    def __call__(self, state: Any, dest: str | None = None) -> Any:
        """Answer what is on the table."""
        if self._host is None:
            place = list(self.nmi.negotiator_ids).index(self.id)
            self._host = Host(self._skill, self.nmi, self.ufun, place, self._seed)
        offer = None if state.current_proposer == self.id else state.current_offer
        try:
            move, outcome = self._host.move(offer)
        except LocalProtocolError as error:  # asked for more moves than there are steps
            self.left = error.message
            return _THEIRS.response(_THEIRS.leave, None)
        if isinstance(move, Propose):
            return _THEIRS.response(_THEIRS.reject, outcome)
        if isinstance(move, Accept):
            return _THEIRS.response(_THEIRS.accept, outcome)
        self.left = move.reason
        return _THEIRS.response(_THEIRS.leave, None)
