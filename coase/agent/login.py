"""How an agent shows a broker who it is: the user name is its address, the password a fresh signature.

The password is ``seconds:nonce:signature``. The signature covers the realm, so that one broker cannot log in at another
with it, and it works once. Each agent has a connection of its own, which speaks for exactly the agent that signed in.
"""

from __future__ import annotations

import heapq
import re
import secrets

from coase.agent.envelope import Clock, hash_text, sign_digest, verify_digest, wall_clock
from coase.agent.inbox import is_agent_address
from coase.errors import SignatureError
from coase.identity import Identity

WINDOW = 60
"""Seconds by which the clocks of agent and broker may differ."""

_PASSWORD = re.compile(r"([0-9]{1,12}):([0-9a-f]{32}):(sig1[02-9ac-hj-np-z]{100,120})", re.ASCII)


def password(key: Identity, realm: str, now: int) -> str:
    """A password that is good for one login within `WINDOW` seconds of `now`."""
    nonce = secrets.token_hex(16)
    return f"{now}:{nonce}:{sign_digest(key, _digest(realm, key.address, now, nonce))}"


class Doorkeeper:
    """Checks passwords.

    Args:
        realm: the broker's name for itself; agents must use the same.
        clock: the broker's.
        most: logins remembered; more within two windows are refused.
    """

    def __init__(self, realm: str, clock: Clock = wall_clock, most: int = 65_536) -> None:
        self._realm, self._clock, self._most = realm, clock, most
        self._used: set[str] = set()
        self._by_time: list[tuple[int, str]] = []

    def check(self, username: object, given: object) -> str:
        """The reason to refuse this login; empty when it is good, which uses it up."""
        if not is_agent_address(username):
            return "not_an_agent"
        match = _PASSWORD.fullmatch(given) if isinstance(given, str) else None
        if match is None:
            return "bad_password"
        seconds, nonce, signature = int(match[1]), match[2], match[3]
        now = self._clock()
        if abs(now - seconds) > WINDOW:
            return "stale_password"
        while self._by_time and self._by_time[0][0] < now - WINDOW:
            self._used.discard(heapq.heappop(self._by_time)[1])
        mark = f"{username}:{seconds}:{nonce}"
        if mark in self._used:
            return "used_password"
        try:
            verify_digest(str(username), _digest(self._realm, str(username), seconds, nonce), signature)
        except SignatureError:
            return "bad_password"
        if len(self._used) >= self._most:
            return "busy"
        self._used.add(mark)
        heapq.heappush(self._by_time, (seconds, mark))
        return ""


def _digest(realm: str, address: str, seconds: int, nonce: str) -> bytes:
    return hash_text(f"coase-mqtt-login/1\n{realm}\n{address}\n{seconds}\n{nonce}")
