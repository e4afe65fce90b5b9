"""coase.agent.message."""

from __future__ import annotations

import contextlib
import hashlib
import json
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError
from uagents_core.models import Model as StockModel  # type: ignore[import-untyped]

from coase.agent.message import CEILING, MAX_BYTES, DealId, Message
from coase.errors import LocalProtocolError, TransportError


class Line(BaseModel):
    """Prose of a nested model."""

    description: str = Field(description="a property that happens to have this name")


class Offer(Message):
    """Prose that is not part of the wire."""

    amount: int = Field(ge=0, le=10**18, description="base units")
    lines: tuple[Line, ...] = ()


def test_the_schema_digest_is_what_it_always_was() -> None:
    """A change of pydantic or of the base class that changes the wire format breaks here first."""

    class Ping(Message):
        n: int = Field(ge=0)

    assert Ping.digest() == "model:186a4f380c4f2a3b86acd4fc1854455a8f77ad63c016047a8784854a343a9fae"


def test_prose_does_not_change_the_digest() -> None:
    """Docstrings and descriptions may be edited without losing every peer that has not upgraded."""
    with_prose = Offer.digest()

    class Line(BaseModel):
        description: str

    class Offered(Message):
        amount: int = Field(ge=0, le=10**18)
        lines: tuple[Line, ...] = ()

    Offered.__name__ = "Offer"
    bare = json.loads(Offered.schema_json())
    bare["title"] = "Offer"
    digest = hashlib.sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest()
    assert with_prose == f"model:{digest}"
    assert "description" in Offer.schema()["$defs"]["Line"]["properties"]


def test_stock_uagents_computes_our_digest() -> None:
    """Stock calls `schema_json`; it must come to the same digest as we do."""
    assert StockModel.build_schema_digest(Offer) == Offer.digest()


def test_the_digest_is_that_of_a_plain_pydantic_class() -> None:
    """Our overrides change who is asked for the schema, not the schema."""

    class Ping(BaseModel):
        deal: DealId
        n: int

    plain = dict(Ping.model_json_schema(), additionalProperties=False)
    digest = hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()

    class Ours(Message):
        n: int

    ours = dict(json.loads(Ours.schema_json()), title="Ping")
    assert digest == hashlib.sha256(json.dumps(ours, sort_keys=True).encode()).hexdigest()


def test_a_message_survives_the_wire() -> None:
    """What was encoded parses to an equal message."""
    sent = Offer(deal="d1", amount=7, lines=(Line(description="x"),))
    assert Offer.parse_raw(sent.encode()) == sent == Offer.parse_raw(sent.encode().encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        '{"deal": "d"}',
        '{"deal": "d", "amount": "1"}',
        '{"deal": "d", "amount": 1.0}',
        '{"deal": "d", "amount": true}',
        '{"deal": "d", "amount": NaN}',
        '{"deal": "d", "amount": -1}',
        '{"deal": "d", "amount": 1, "more": 1}',
        '{"deal": "", "amount": 1}',
        '{"deal": "a b", "amount": 1}',
        '{"deal": "d\\n", "amount": 1}',
        '{"deal": "' + "d" * 81 + '", "amount": 1}',
        '{"deal": "d", "amount": ' + "[" * 5_000 + "]" * 5_000 + "}",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    """Strict types, closed fields, bounded names: the parser says no with its own error and no other."""
    with pytest.raises(ValidationError):
        Offer.parse_raw(text)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(data: bytes) -> None:
    """Arbitrary bytes are refused with a validation error or parse to a message, nothing else."""
    with contextlib.suppress(ValidationError):
        assert isinstance(Offer.parse_raw(data), Offer)


def test_size_is_bounded_both_ways() -> None:
    """A message above the limit is neither sent nor parsed, and the error does not repeat it."""

    class Note(Message):
        text: str

    fits = Note(deal="d", text="x" * (MAX_BYTES - len('{"deal":"d","text":""}')))
    assert len(fits.encode()) == MAX_BYTES
    with pytest.raises(TransportError) as caught:
        Note(deal="d", text=fits.text + "x").encode()
    assert caught.value.code == "message_too_large"
    with pytest.raises(ValidationError) as refused:
        Note.parse_raw(fits.encode() + " ")
    assert refused.value.errors()[0]["type"] == "message_too_large"
    assert len(str(refused.value)) < 300


def test_a_class_may_raise_its_limit_up_to_the_ceiling() -> None:
    """Parts of files are larger than talk, but there is an end to it."""

    class Chunk(Message):
        max_bytes: ClassVar[int] = CEILING
        data: str

    assert len(Chunk.parse_raw(Chunk(deal="d", data="x" * 300_000).encode()).data) == 300_000
    with pytest.raises(LocalProtocolError):
        type("Huge", (Message,), {"max_bytes": CEILING + 1, "__module__": __name__})


def test_a_message_is_frozen() -> None:
    """What was signed or compared cannot change afterwards."""
    offer: Any = Offer(deal="d", amount=1)
    with pytest.raises(ValidationError):
        offer.amount = 2
