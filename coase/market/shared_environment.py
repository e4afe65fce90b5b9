"""A market as a PettingZoo environment: several traders learn at once, among shipped ones.

Turns are those of `coase.simulate`, drawn at random, so the environment is of PettingZoo's agent-environment cycle:
whoever is drawn acts. Observations, actions and rewards are those of `coase.market.environment`; a reward is paid when
it is earned, also in another's turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from coase.errors import MissingExtra, UsageError
from coase.market.crowd import Traders, World
from coase.market.environment import Observation, acted, observed, shade_of
from coase.market.schedule import Schedule, Uniform
from coase.market.seats import Seats
from coase.market.session import Session

try:
    from pettingzoo import AECEnv
except ImportError as error:
    raise MissingExtra("an environment for several learners", "rl") from error


class SharedMarketEnvironment(AECEnv[str, Observation, Any]):  # type: ignore[misc]
    """Several learning traders in one market: ``trader_0`` buys, ``trader_1`` sells, and so on in turn.

    After ``reset(seed=s)``, this and the following episodes are runs 0, 1, ... of ``coase.simulate(..., seed=s)``. All
    agents end with the run.

    Args:
        market: name of a market rule to which traders quote, or a `coase.MarketRule`.
        learners: how many, at least one.
        traders: the others, as in `coase.simulate`; none are needed beside two learners.
        demand: limits of all buyers, learners included; as in `coase.simulate`.
        supply: the same for sellers.
        shades: as for `MarketEnvironment`.
        world: as in `coase.simulate`; learners are the kind ``"Learner"``.
        render_mode: "ansi": `render` describes the market in a line.
        **rest: further arguments of `coase.simulate`: days, units, turns, low, high, budget, parameters of the rule.

    Raises:
        MissingExtra: gymnasium or pettingzoo is not installed.
        UsageError: as for `coase.simulate`.
    """

    metadata: dict[str, Any] = {
        "name": "coase_market_v0",
        "render_modes": ["ansi"],
        "render_fps": 1,
        "is_parallelizable": False,
    }

    def __init__(
        self,
        market: Any = "double_auction",
        *,
        learners: int = 2,
        traders: Traders = {"zip": 10},  # noqa: B006 - read only
        demand: Schedule = Uniform(50, 150),  # noqa: B008
        supply: Schedule = Uniform(50, 150),  # noqa: B008
        shades: Sequence[float] | None = None,
        world: World | None = None,
        render_mode: str | None = None,
        **rest: Any,
    ) -> None:
        self._seats = Seats(market, traders, demand, supply, learners=learners, world=world, **rest)
        self.possible_agents = [f"trader_{seat}" for seat in range(learners)]
        self.observation_spaces = {agent: observed() for agent in self.possible_agents}
        self.action_spaces = {agent: acted(shades) for agent in self.possible_agents}
        self._shades = None if shades is None else tuple(shades)
        self.render_mode = render_mode
        self._seed: int | None = None
        self._run = -1
        self.agents: list[str] = []

    def observation_space(self, agent: str) -> Any:
        """The same object each time."""
        return self.observation_spaces[agent]

    def action_space(self, agent: str) -> Any:
        """The same object each time."""
        return self.action_spaces[agent]

    def reset(self, seed: int | None = None, options: dict[str, Any] | None = None) -> None:
        """Begin an episode and let the others trade until a learner's first turn.

        Args:
            seed: of this and the following episodes; None goes on with the next run, and begins with seed 0.
            options: none are known.
        """
        if seed is not None or self._seed is None:
            self._seed, self._run = seed or 0, -1
        self._run += 1
        self.agents = [*self.possible_agents]
        self.rewards = dict.fromkeys(self.agents, 0.0)
        self._cumulative_rewards = dict.fromkeys(self.agents, 0.0)
        self.terminations = dict.fromkeys(self.agents, False)
        self.truncations = dict.fromkeys(self.agents, False)
        self.infos: dict[str, dict[str, Any]] = {agent: {} for agent in self.agents}
        self._skip_agent_selection = None
        self._seats.start(self._seed, self._run)
        self._gained = [0] * len(self.agents)
        self.agent_selection = self.agents[0]
        self._go_on()

    def step(self, action: Any) -> None:
        """Quote for the agent whose turn it is, and let the others trade until a learner's next turn or the end.

        Raises:
            UsageError: no action, or an episode that is over.
        """
        if not self.agents:
            raise UsageError("the episode is over", hint="call reset", code="episode_over")
        agent = self.agent_selection
        if self.terminations[agent]:
            self._was_dead_step(action)
            return
        shade = shade_of(action, self._shades)
        self._cumulative_rewards[agent] = 0.0
        self._seats.quote(self.possible_agents.index(agent), shade)
        self._go_on()

    def observe(self, agent: str) -> Observation:
        """What an agent sees now; in another's turn its own quote is part of the market."""
        return np.array(self._seats.features(self.possible_agents.index(agent)), np.float32)

    def render(self) -> str | None:
        """The market in a line, as the agent whose turn it is sees it, where `render_mode` is "ansi"."""
        return self._seats.line(self.possible_agents.index(self.agent_selection)) if self.render_mode else None

    def close(self) -> None:
        """Nothing is held open."""

    @property
    def session(self) -> Session:
        """The episode so far: trades, limits and counts, as `coase.simulate` keeps them."""
        return self._seats.session()

    def _go_on(self) -> None:
        """To a learner's next turn, or to the end, and pay what was gained meanwhile."""
        seat = self._seats.turn()
        gained = self._seats.gained()
        for number, agent in enumerate(self.possible_agents):
            self.rewards[agent] = (gained[number] - self._gained[number]) / self._seats.scale
            self.infos[agent] = {"gained": gained[number]}
        self._gained = gained
        self._accumulate_rewards()
        if seat is None:
            self.terminations = dict.fromkeys(self.agents, True)
            self.agent_selection = self.agents[0]
        else:
            self.agent_selection = self.possible_agents[seat]
