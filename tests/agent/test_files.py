"""Files between agents."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coase.agent import files as files_module
from coase.agent.blobs import Blobs
from coase.agent.files import MAX_FILE_BYTES, TRIES, FileExchange
from coase.agent.message import Message
from coase.agent.messages import CHUNK_BYTES, Chunk, Fetch, Refuse
from coase.errors import CoaseError, DealError, RemoteProtocolError

BODY = bytes(range(256)) * 3000  # three chunks
BLOB = hashlib.sha256(BODY).hexdigest()


class Pair:
    """Two exchanges joined by a wire that a test may cut or bend."""

    def __init__(self, folder: Path) -> None:
        self.wire: Callable[[Message], list[Message]] = lambda message: [message]
        self.sent: list[Message] = []
        self.allowed = True
        self.taker = FileExchange(Blobs(folder / "taker"), self._to_giver, lambda *_: False, patience=20.0)
        self.giver = FileExchange(Blobs(folder / "giver"), self._to_taker, lambda *_: self.allowed, patience=20.0)

    async def _to_giver(self, to: str, message: Message) -> None:
        self.sent.append(message)
        for copy in self.wire(message):
            assert isinstance(copy, Fetch)
            await self.giver.serve("taker", copy)

    async def _to_taker(self, to: str, message: Message) -> None:
        for copy in self.wire(message):
            assert isinstance(copy, (Chunk, Refuse))
            self.taker.receive("giver", copy)


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """A giver that has the file and a taker that wants it."""
    made = Pair(tmp_path)
    made.giver.blobs.put(BODY)
    return made


async def _refused(pair: Pair) -> CoaseError:
    with pytest.raises((DealError, RemoteProtocolError)) as caught:
        await pair.taker.fetch("deal", "giver", BLOB)
    assert pair.taker.blobs.get(BLOB) is None
    assert caught.value.message
    return caught.value


async def test_a_file_crosses_in_chunks_and_is_kept(pair: Pair) -> None:
    """Three chunks, one request each; the second time it is in the store."""
    assert await pair.taker.fetch("deal", "giver", BLOB) == BODY
    assert len(pair.sent) == 3
    assert await pair.taker.fetch("deal", "giver", BLOB) == BODY
    assert len(pair.sent) == 3


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1])
async def test_sizes_around_a_chunk(pair: Pair, size: int) -> None:
    """No file is too small, and the edges of chunks do not matter."""
    blob = pair.giver.blobs.put(b"x" * size)
    assert await pair.taker.fetch("deal", "giver", blob) == b"x" * size


async def test_lost_requests_and_chunks_are_asked_for_again(pair: Pair) -> None:
    """Every other message is lost, and the file arrives all the same."""
    pair.taker.patience = 0.02 * TRIES
    count = 0

    def lossy(message: Message) -> list[Message]:
        nonlocal count
        count += 1
        return [] if count % 3 == 1 else [message]

    pair.wire = lossy
    assert await pair.taker.fetch("deal", "giver", BLOB) == BODY


async def test_doubled_and_late_chunks_do_no_harm(pair: Pair) -> None:
    """A chunk that comes twice counts once."""
    pair.wire = lambda message: [message, message] if isinstance(message, Chunk) else [message]
    assert await pair.taker.fetch("deal", "giver", BLOB) == BODY


async def test_two_tasks_may_want_the_same(pair: Pair) -> None:
    """Fetches of one deal take turns."""
    other = pair.giver.blobs.put(b"other")
    got = await asyncio.gather(*(pair.taker.fetch("deal", "giver", blob) for blob in (BLOB, other, BLOB)))
    assert got == [BODY, b"other", BODY]


async def test_a_silent_giver(pair: Pair) -> None:
    """Somebody who says nothing withholds the file, after a bounded number of requests."""
    pair.taker.patience = 0.01
    pair.wire = lambda message: []
    assert (await _refused(pair)).code == "file_withheld"
    assert len(pair.sent) == TRIES


async def test_a_refusal_is_passed_on(pair: Pair) -> None:
    """Who is not entitled is told, and so is who asks for what is not there."""
    pair.allowed = False
    assert (await _refused(pair)).code == "file_refused"
    pair.allowed = True
    with pytest.raises(DealError) as caught:
        await pair.taker.fetch("deal", "giver", "ab" * 32)
    assert caught.value.code == "file_refused"


async def test_an_offset_beyond_the_end_is_refused(pair: Pair) -> None:
    """Reading past the end is answered with a refusal, not with an exception."""
    answers: list[Message] = []

    def keep(message: Message) -> list[Message]:
        answers.append(message)
        return []

    pair.wire = keep
    await pair.giver.serve("taker", Fetch(deal="deal", blob=BLOB, offset=len(BODY) + 1))
    assert isinstance(answers[0], Refuse)
    assert answers[0].code == "no_such_file"


def _bent(pair: Pair, **changes: object) -> None:
    def bend(message: Message) -> list[Message]:
        return [message.model_copy(update=changes)] if isinstance(message, Chunk) else [message]

    pair.wire = bend


@pytest.mark.parametrize(
    "changes",
    [
        {"data": "A"},  # base64 of nothing
        {"data": "AAA"},
        {"data": ""},
        {"data": "AAAA"},  # a trickle: it would take 64 million requests
        {"total": MAX_FILE_BYTES + 1},
        {"total": 2**40 - 1},
        {"total": 0},
        {"total": 5},
    ],
)
async def test_chunks_that_are_none(pair: Pair, changes: dict[str, object]) -> None:
    """Malformed base64, sizes beyond all bounds and trickles end the transfer at the first chunk."""
    _bent(pair, **changes)
    assert (await _refused(pair)).code in ("bad_chunk", "file_wrong")
    assert len(pair.sent) == 1


async def test_a_total_that_changes(pair: Pair) -> None:
    """A file does not grow while it is sent."""

    def grow(message: Message) -> list[Message]:
        if isinstance(message, Chunk) and message.offset:
            return [message.model_copy(update={"total": message.total + CHUNK_BYTES})]
        return [message]

    pair.wire = grow
    assert (await _refused(pair)).code == "bad_chunk"


async def test_another_file(pair: Pair) -> None:
    """Bytes that do not hash to the name are refused and not kept."""
    _bent(pair, data=base64.b64encode(b"y" * CHUNK_BYTES).decode(), total=CHUNK_BYTES)
    assert (await _refused(pair)).code == "file_wrong"
    assert list(pair.taker.blobs.folder.iterdir()) == []


async def test_chunks_of_other_files_and_offsets_are_not_taken(pair: Pair) -> None:
    """However many arrive, patience for the right one runs out."""
    pair.taker.patience = 0.02
    _bent(pair, offset=7)
    assert (await _refused(pair)).code == "file_withheld"
    _bent(pair, blob="ab" * 32)
    assert (await _refused(pair)).code == "file_withheld"


async def test_nobody_is_waited_for_when_nothing_was_asked(pair: Pair) -> None:
    """Unasked chunks are nobody's, and one deal's queue is bounded."""
    chunk = Chunk(deal="deal", blob=BLOB, offset=0, total=1, data="AA==")
    assert not pair.taker.receive("giver", chunk)
    pair.wire = lambda message: [message] * 100 if isinstance(message, Chunk) else [message]
    assert await pair.taker.fetch("deal", "giver", BLOB) == BODY


def test_a_chunk_is_bounded() -> None:
    """A chunk cannot carry more than a chunk, whatever else its sender wants."""
    fields: dict[str, Any] = {"deal": "deal", "blob": BLOB, "offset": 0, "total": 1}
    Chunk(**fields, data=base64.b64encode(b"x" * CHUNK_BYTES).decode())
    for data in ("AAAA" * (CHUNK_BYTES // 3 + 3), "AA AA", "@@@@"):
        with pytest.raises(ValidationError):
            Chunk(**fields, data=data)
    full = Chunk(**{**fields, "total": 2**40 - 1}, data=base64.b64encode(b"x" * CHUNK_BYTES).decode())
    assert len(full.encode()) <= Chunk.max_bytes


async def test_the_file_that_is_being_sent_is_read_once(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sending n chunks does not hash the file n times."""
    reads: list[str] = []
    get = pair.giver.blobs.get

    def counted(name: str) -> bytes | None:
        reads.append(name)
        return get(name)

    monkeypatch.setattr(pair.giver.blobs, "get", counted)
    await pair.taker.fetch("deal", "giver", BLOB)
    assert reads == [BLOB]
    assert files_module.TRIES == TRIES
