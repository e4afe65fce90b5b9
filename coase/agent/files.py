"""Files between agents, in bounded chunks over the same messages as everything else, checked against their SHA-256."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import Awaitable, Callable

from coase.agent.blobs import Blobs
from coase.agent.message import Message
from coase.agent.messages import CHUNK_BYTES, Chunk, Fetch, Refuse
from coase.errors import DealError, RemoteProtocolError

MAX_FILE_BYTES = 64 * 1024 * 1024
Send = Callable[[str, Message], Awaitable[None]]


class FileExchange:
    """One agent's side of fetching and serving files.

    Args:
        blobs: the agent's store.
        send: carries a message to an agent address.
        entitled: whether an agent may have a file of a deal.
        patience: wall seconds to wait for each chunk.
    """

    def __init__(
        self, blobs: Blobs, send: Send, entitled: Callable[[str, str, str], bool], patience: float = 20.0
    ) -> None:
        self.blobs, self._send, self._entitled, self._patience = blobs, send, entitled, patience
        self._waiting: dict[tuple[str, str], asyncio.Queue[Chunk | Refuse]] = {}

    async def fetch(self, deal: str, peer: str, blob: str) -> bytes:
        """The file, from the store or from `peer`.

        Raises:
            DealError: the peer refused, fell silent, or what it sent is not that file.
        """
        if (body := self.blobs.get(blob)) is not None:
            return body
        queue = self._waiting.setdefault((peer, deal), asyncio.Queue(4))
        received = bytearray()
        total: int | None = None
        try:
            while total is None or len(received) < total:
                await self._send(peer, Fetch(deal=deal, blob=blob, offset=len(received)))
                chunk = await self._next(queue, blob, len(received))
                if total is None:
                    total = chunk.total
                data = base64.b64decode(chunk.data, validate=True)
                if chunk.total != total or total > MAX_FILE_BYTES or len(received) + len(data) > total:
                    raise RemoteProtocolError(f"the sizes of file {blob[:12]} do not fit", code="bad_chunk")
                if not data and total:
                    raise RemoteProtocolError(f"an empty chunk of file {blob[:12]}", code="bad_chunk")
                received += data
        except TimeoutError:
            raise DealError(f"{peer[:16]} does not send file {blob[:12]}", code="file_withheld") from None
        except binascii.Error:
            raise RemoteProtocolError(f"a chunk of file {blob[:12]} is not base64", code="bad_chunk") from None
        finally:
            del self._waiting[peer, deal]
        if self.blobs.put(bytes(received)) != blob:
            raise DealError(f"{peer[:16]} sent another file than {blob[:12]}", code="file_wrong")
        return bytes(received)

    async def _next(self, queue: asyncio.Queue[Chunk | Refuse], blob: str, offset: int) -> Chunk:
        async with asyncio.timeout(self._patience):
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

    async def serve(self, sender: str, request: Fetch) -> None:
        """Answer a request with a chunk, or say why not."""
        body = self.blobs.get(request.blob) if self._entitled(sender, request.deal, request.blob) else None
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
