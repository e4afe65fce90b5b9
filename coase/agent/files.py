"""Files between agents, in bounded chunks over the same messages as everything else, checked against their SHA-256."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import weakref
from collections.abc import Awaitable, Callable

from coase.agent.blobs import Blobs
from coase.agent.message import Message
from coase.agent.messages import CHUNK_BYTES, Chunk, Fetch, Refuse
from coase.errors import DealError, RemoteProtocolError

MAX_FILE_BYTES = 64 * 1024 * 1024
TRIES = 4  # at a chunk: a request or its answer may be lost
Send = Callable[[str, Message], Awaitable[object]]


class FileExchange:
    """One agent's side of fetching and serving files.

    Args:
        blobs: the agent's store.
        send: carries a message to an agent address.
        entitled: whether an agent may have a file of a deal.
        patience: wall seconds to wait for each chunk, all tries together.
    """

    def __init__(
        self, blobs: Blobs, send: Send, entitled: Callable[[str, str, str], bool], patience: float = 20.0
    ) -> None:
        self.blobs, self._send, self._entitled, self.patience = blobs, send, entitled, patience
        self._waiting: dict[tuple[str, str], asyncio.Queue[Chunk | Refuse]] = {}
        self._turns: weakref.WeakValueDictionary[tuple[str, str], asyncio.Lock] = weakref.WeakValueDictionary()
        self._serving = ("", b"")  # the file asked for last: chunks are asked for one by one

    async def fetch(self, deal: str, peer: str, blob: str) -> bytes:
        """The file, from the store or from `peer`.

        Raises:
            DealError: the peer refused, fell silent, or what it sent is not that file.
            RemoteProtocolError: it sent chunks that are none.
        """
        if (body := self.blobs.get(blob)) is not None:
            return body
        async with self._turns.setdefault((peer, deal), asyncio.Lock()):
            queue = self._waiting[peer, deal] = asyncio.Queue(4)
            try:
                body = await self._received(queue, deal, peer, blob)
            finally:
                del self._waiting[peer, deal]
        if hashlib.sha256(body).hexdigest() != blob:
            raise DealError(f"{peer[:16]} sent another file than {blob[:12]}", code="file_wrong")
        self.blobs.put(body)
        return body

    async def _received(self, queue: asyncio.Queue[Chunk | Refuse], deal: str, peer: str, blob: str) -> bytes:
        received = bytearray()
        total: int | None = None
        while total is None or len(received) < total:
            chunk = await self._chunk(queue, peer, Fetch(deal=deal, blob=blob, offset=len(received)))
            total = chunk.total if total is None else total
            try:
                data = base64.b64decode(chunk.data, validate=True)
            except binascii.Error:
                raise RemoteProtocolError(f"a chunk of file {blob[:12]} is not base64", code="bad_chunk") from None
            # Full chunks but for the last: a file has an end, and nobody can make it take forever.
            if chunk.total != total or total > MAX_FILE_BYTES or len(data) != min(CHUNK_BYTES, total - len(received)):
                raise RemoteProtocolError(f"the sizes of file {blob[:12]} do not fit", code="bad_chunk")
            received += data
        return bytes(received)

    async def _chunk(self, queue: asyncio.Queue[Chunk | Refuse], peer: str, request: Fetch) -> Chunk:
        for _ in range(TRIES):
            await self._send(peer, request)
            try:
                return await self._next(queue, request.blob, request.offset)
            except TimeoutError:
                continue
        raise DealError(f"{peer[:16]} does not send file {request.blob[:12]}", code="file_withheld")

    async def _next(self, queue: asyncio.Queue[Chunk | Refuse], blob: str, offset: int) -> Chunk:
        async with asyncio.timeout(self.patience / TRIES):
            while True:
                answer = await queue.get()
                if isinstance(answer, Refuse):
                    raise DealError(f"file {blob[:12]} was refused: {answer.reason}", code="file_refused")
                if answer.blob == blob and answer.offset == offset:
                    return answer

    def receive(self, sender: str, message: Chunk | Refuse) -> bool:
        """Take a chunk or a refusal that somebody here waits for; False when nobody does."""
        queue = self._waiting.get((sender, message.deal))
        if queue is None or queue.full():
            return False
        queue.put_nowait(message)
        return True

    def _file(self, blob: str) -> bytes | None:
        if self._serving[0] != blob:
            body = self.blobs.get(blob)
            if body is None:
                return None
            self._serving = (blob, body)
        return self._serving[1]

    async def serve(self, sender: str, request: Fetch) -> None:
        """Answer a request with a chunk, or say why not."""
        body = self._file(request.blob) if self._entitled(sender, request.deal, request.blob) else None
        if body is None or request.offset > len(body):
            await self._send(
                sender, Refuse(deal=request.deal, code="no_such_file", reason="not yours to have, or not here")
            )
            return
        part = body[request.offset : request.offset + CHUNK_BYTES]
        await self._send(
            sender,
            Chunk(
                deal=request.deal,
                blob=request.blob,
                offset=request.offset,
                total=len(body),
                data=base64.b64encode(part).decode(),
            ),
        )
