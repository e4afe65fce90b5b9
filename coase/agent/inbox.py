"""What stands between a transport and a handler: bounds on the way in, and what went wrong on the way through."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

from pydantic import ValidationError

from coase.agent.message import Message
from coase.agent.transport import Handler
from coase.errors import TransportError

_ADDRESS_LENGTH = 65
_log = logging.getLogger("coase.agent")


def is_agent_address(text: object) -> bool:
    """Whether it has the form of an agent address. Senders like ``user1...`` sign nothing and are not agents."""
    return isinstance(text, str) and len(text) == _ADDRESS_LENGTH and text.startswith("agent1") and text.isascii()


@dataclass(frozen=True)
class Limits:
    """Bounds of one endpoint.

    Args:
        waiting: most messages that wait for the handler.
        per_sender: most of them from one sender, so that no single peer can shut the others out.
        bytes_waiting: most bytes in all messages that wait.
        handler_seconds: after this long a handler is cancelled; what it was doing belongs in a task of its own.
        failures: most failures kept.
    """

    waiting: int = 4_096
    per_sender: int = 512
    bytes_waiting: int = 32 * 1024 * 1024
    handler_seconds: float = 30.0
    failures: int = 256


class Inbox:
    """The books of one endpoint: who waits, what was refused, what failed."""

    def __init__(self, name: str, limits: Limits | None = None) -> None:
        self.name = name
        self.limits = limits or Limits()
        self.failures: list[BaseException] = []
        self.refused: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._total = 0
        self._bytes = 0

    def admit(self, sender: str, model: type[Message] | None, size: int) -> str:
        """Count an arrival of `size` bytes in, or refuse it. Returns the reason, empty when it may wait its turn."""
        reason = ""
        if not is_agent_address(sender):
            reason = "unsigned_sender"
        elif model is None:
            reason = "unknown_message"
        elif size > model.max_bytes:
            reason = "message_too_large"
        elif (
            self._total >= self.limits.waiting
            or self._waiting[sender] >= self.limits.per_sender
            or self._bytes + size > self.limits.bytes_waiting
        ):
            reason = "inbox_full"
        if reason:
            self.refuse(reason, sender)
        else:
            self._waiting[sender] += 1
            self._total += 1
            self._bytes += size
        return reason

    def release(self, sender: str, size: int) -> None:
        """Count an arrival out: its turn has come."""
        self._total -= 1
        self._bytes -= size
        self._waiting[sender] -= 1
        if self._waiting[sender] <= 0:
            del self._waiting[sender]

    def refuse(self, reason: str, sender: str) -> None:
        """Note that an arrival was turned away."""
        self.refused[reason] += 1
        _log.info("%s: refused a message from %.24r: %s", self.name, sender, reason)

    def fail(self, error: BaseException) -> None:
        """Note what a handler raised."""
        if len(self.failures) < self.limits.failures:
            self.failures.append(error)
        _log.error("%s: a handler failed", self.name, exc_info=error)

    def parse(self, model: type[Message], sender: str, text: str) -> Message | None:
        """The message in the text, or a refusal."""
        try:
            return model.parse_raw(text)
        except ValidationError:
            self.refuse("malformed", sender)
        except Exception as error:  # noqa: BLE001  # a message class with a validator that raises something else
            self.refuse("malformed", sender)
            self.fail(error)
        return None

    async def run(self, handler: Handler, sender: str, message: Message) -> None:
        """Run a handler to its end or its time limit; what it raises becomes a failure, not the end of the agent."""
        task = asyncio.current_task()
        limit = asyncio.timeout(self.limits.handler_seconds)
        try:
            async with limit:
                await handler(sender, message)
        except TimeoutError as error:
            if limit.expired():
                slow = TransportError(
                    f"a handler of {self.name} did not return within {self.limits.handler_seconds:g} s",
                    hint="move the work into a task of its own",
                    code="slow_handler",
                )
                slow.__cause__ = error
                self.fail(slow)
            else:
                self.fail(error)
        except asyncio.CancelledError as error:
            if task is not None and task.cancelling():
                raise
            self.fail(error)  # something the handler waited for was cancelled, not the handler
        except Exception as error:  # noqa: BLE001  # an agent outlives whatever its handlers raise
            self.fail(error)
