"""The base of every message between agents: frozen, closed, strict, bounded, and about one deal.

A message crosses the wire as a uAgents message: JSON plus a *schema digest*, the SHA-256 of its JSON schema, by which
the receiver finds the class. Stock uAgents knows pydantic v1 only, but of a class it calls just ``schema``,
``schema_json`` and ``parse_raw``: a pydantic v2 class that defines these three needs no patch in uAgents.
"""

from __future__ import annotations

import functools
import hashlib
import json
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.json_schema import DEFAULT_REF_TEMPLATE
from pydantic_core import InitErrorDetails, PydanticCustomError

from coase.errors import LocalProtocolError, TransportError

MAX_BYTES = 65_536
"""Most bytes of JSON in a message of a class that says nothing else."""

CEILING = 524_288
"""Most bytes that a class may allow itself: what is larger travels in parts, by hash."""

DealId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,79}$")]
"""Names a deal: 1 to 80 letters, digits, ``._:-``, starting with a letter or a digit."""


class Message(BaseModel):
    """What one agent says to another. Subclass it, give each field a bounded type, and that is the whole protocol.

    Values are strict: ``1`` is not ``"1"``, ``1.0`` is not ``1``, and there is no NaN. Unknown fields are refused.
    Docstrings and field descriptions are not part of the wire format: they may change without changing the digest.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    max_bytes: ClassVar[int] = MAX_BYTES
    """Most bytes of JSON, at most `CEILING`."""

    deal: DealId

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        if not 0 < cls.max_bytes <= CEILING:
            raise LocalProtocolError(f"{cls.__name__}.max_bytes is {cls.max_bytes}, the ceiling is {CEILING}")

    def encode(self) -> str:
        """The JSON that travels; `TransportError` (``message_too_large``) above `max_bytes`."""
        text = self.model_dump_json()
        size = len(text.encode())
        if size > self.max_bytes:
            raise TransportError(
                f"a {type(self).__name__} of {size} bytes is above the limit of {self.max_bytes}",
                hint="send a hash and offer the data elsewhere",
                code="message_too_large",
            )
        return text

    @classmethod
    def digest(cls) -> str:
        """The uAgents schema digest, ``model:`` and 64 hexadecimal digits."""
        return "model:" + hashlib.sha256(_schema_json(cls, sort_keys=True).encode()).hexdigest()

    @classmethod
    def parse_raw(cls, b: str | bytes, **_: Any) -> Self:  # pydantic's own is deprecated
        """A message from JSON; `pydantic.ValidationError` for anything else, too long included."""
        data = b.encode("utf-8", "surrogatepass") if isinstance(b, str) else b
        if len(data) > cls.max_bytes:
            wrong = PydanticCustomError("message_too_large", "more than {limit} bytes", {"limit": cls.max_bytes})
            # The bytes themselves are left out: errors are logged and sent back.
            raise ValidationError.from_exception_data(cls.__name__, [InitErrorDetails(type=wrong, input=len(data))])
        return cls.model_validate_json(data)

    @classmethod
    def schema(cls, by_alias: bool = True, ref_template: str = DEFAULT_REF_TEMPLATE) -> dict[str, Any]:
        """The JSON schema without prose."""
        schema: dict[str, Any] = _without_prose(cls.model_json_schema(by_alias, ref_template))
        return schema

    @classmethod
    def schema_json(cls, **options: Any) -> str:
        """`schema` as text; `options` are those of `json.dumps`."""
        return _schema_json(cls, **options)


@functools.lru_cache(1024)
def _schema_json(cls: type[Message], **options: Any) -> str:
    return json.dumps(cls.schema(), **options)


def _without_prose(schema: Any) -> Any:
    """Drop the keyword ``description`` at every level, but not a property of that name."""
    if isinstance(schema, list):
        return [_without_prose(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {}
    for key, value in schema.items():
        if key in ("properties", "$defs"):
            kept[key] = {name: _without_prose(inner) for name, inner in value.items()}
        elif key in ("default", "const", "enum", "examples"):
            kept[key] = value
        elif key != "description":
            kept[key] = _without_prose(value)
    return kept
