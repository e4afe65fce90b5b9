"""A market as a Gymnasium environment: one trader learns among shipped ones, under the rules of `coase.simulate`.

Observations are the numbers of `coase.market.observation`. An action is a shade: the least gain that the learner asks
for in its turn, as a share of the range of prices. The reward is what it gained since its last turn, as a share of that
range; its sum over an episode is the run's gain. An episode is a run, with all its days.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from coase.errors import MissingExtra, UsageError
from coase.market.crowd import Traders, World
from coase.market.observation import FEATURES
from coase.market.schedule import Schedule, Uniform
from coase.market.seats import Seats
from coase.market.session import Session
from coase.market.trader import BUY, SELL

try:
    import gymnasium
    from gymnasium import spaces
except ImportError as error:
    raise MissingExtra("an environment for learners", "rl") from error

NAME = "coase/Market-v0"
SIDES = {"buy": (BUY,), "sell": (SELL,), "either": (BUY, SELL)}
Observation = NDArray[np.float32]


class MarketEnvironment(gymnasium.Env[Observation, Any]):
    """One learning trader in a market.

    After ``reset(seed=s)``, this and the following episodes are runs 0, 1, ... of ``coase.simulate(..., seed=s)``: the
    same limits, the same turns, and the same trades as with a trader that decides as the learner does. `info` holds
    `day`, `turn`, `limit`, `left`, and `gained`, the ticks gained in this episode.

    Also ``gymnasium.make("coase.market.environment:coase/Market-v0", traders={"zip": 11}, ...)``.

    Args:
        market: name of a market rule to which traders quote, or a `coase.MarketRule`.
        traders: the others, as in `coase.simulate`.
        demand: limits of all buyers, the learner's included; as in `coase.simulate`.
        supply: the same for sellers.
        side: "buy", "sell", or "either": it buys in even runs and sells in odd ones. A seller's seat needs an odd
            number of traders of one kind among the others.
        shades: the shades to choose from, each from 0 to 1: the action is then the number of one. None: the action is
            the shade itself.
        world: as in `coase.simulate`; the learner is the kind ``"Learner"``.
        render_mode: "ansi": `render` describes the market in a line.
        **rest: further arguments of `coase.simulate`: days, units, turns, low, high, budget, parameters of the rule.

    Raises:
        MissingExtra: gymnasium is not installed.
        UsageError: as for `coase.simulate`.
    """

    metadata: dict[str, Any] = {"render_modes": ["ansi"], "render_fps": 1}

    def __init__(
        self,
        market: Any = "double_auction",
        *,
        traders: Traders = {"zip": 11},  # noqa: B006 - read only
        demand: Schedule = Uniform(50, 150),  # noqa: B008
        supply: Schedule = Uniform(50, 150),  # noqa: B008
        side: str = "either",
        shades: Sequence[float] | None = None,
        world: World | None = None,
        render_mode: str | None = None,
        **rest: Any,
    ) -> None:
        if side not in SIDES:
            raise UsageError(f"side {side!r}", hint=f"one of {', '.join(SIDES)}", code="bad_side")
        self._seats = [
            Seats(market, traders, demand, supply, first=first, world=world, **rest) for first in SIDES[side]
        ]
        self.observation_space: spaces.Space[Observation] = observed()
        self.action_space = acted(shades)
        self._shades = None if shades is None else tuple(shades)
        self.render_mode = render_mode
        self._seed: int | None = None
        self._run = -1
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode and let the others trade until the learner's first turn.

        Where the run ends before that, the first step does nothing and ends the episode.

        Args:
            seed: of this and the following episodes; None goes on with the next run.
            options: none are known.
        """
        super().reset(seed=seed)
        if seed is not None or self._seed is None:
            self._seed = int(self.np_random.integers(2**63)) if seed is None else seed
            self._run = -1
        self._run += 1
        self._now = self._seats[self._run % len(self._seats)]
        self._now.start(self._seed, self._run)
        self._seat = self._now.turn()
        self._gained, self._over = self._now.gained()[0], False
        return self._seen(), self._info()

    def step(self, action: Any) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Quote, and let the others trade until the learner's next turn or the end of the run.

        Raises:
            UsageError: no action, or an episode that is over.
        """
        shade = shade_of(action, self._shades)
        if self._over:
            raise UsageError("the episode is over", hint="call reset", code="episode_over")
        if self._seat is not None:
            self._now.quote(0, shade)
            self._seat = self._now.turn()
        self._over = self._seat is None
        gained = self._now.gained()[0]
        reward, self._gained = (gained - self._gained) / self._now.scale, gained
        return self._seen(), reward, self._over, False, self._info()

    def render(self) -> str | None:
        """The market in a line, where `render_mode` is "ansi"."""
        return self._now.line(0) if self.render_mode == "ansi" else None

    @property
    def session(self) -> Session:
        """The episode so far: trades, limits and counts, as `coase.simulate` keeps them."""
        return self._now.session()

    def _seen(self) -> Observation:
        return np.array(self._now.features(0), np.float32)

    def _info(self) -> dict[str, Any]:
        view = self._now.view(0)
        return {
            "day": view.day,
            "turn": view.step,
            "limit": view.limit,
            "left": view.left,
            "gained": self._gained,
        }


def observed() -> spaces.Space[Observation]:
    """The space of observations: `FEATURES`, each from -1 to 1."""
    space: Any = spaces.Box(-1.0, 1.0, (len(FEATURES),), np.float32)
    return cast("spaces.Space[Observation]", space)


def acted(shades: Sequence[float] | None) -> spaces.Space[Any]:
    """The space of actions: a shade, or the number of one."""
    if shades is None:
        return spaces.Box(0.0, 1.0, (1,), np.float32)
    if not shades or not all(isinstance(s, (int, float)) and 0 <= s <= 1 for s in shades):
        raise UsageError(f"shades {str(shades)[:60]}", hint="numbers from 0 to 1", code="bad_shades")
    return spaces.Discrete(len(shades))


def shade_of(action: Any, shades: tuple[float, ...] | None) -> float:
    """The shade that an action means.

    Raises:
        UsageError: it is none.
    """
    given = np.asarray(action)
    if given.size == 1 and given.dtype.kind in ("iu" if shades is not None else "iuf"):
        value = given.reshape(-1)[0]
        if shades is not None and 0 <= value < len(shades):
            return float(shades[int(value)])
        if shades is None and 0 <= value <= 1:
            return float(value)
    wanted = "a number from 0 to 1" if shades is None else f"a whole number from 0 to {len(shades) - 1}"
    raise UsageError(f"action {str(action)[:60]}", hint=wanted, code="bad_action")


if NAME not in gymnasium.registry:
    gymnasium.register(NAME, entry_point="coase.market.environment:MarketEnvironment")
