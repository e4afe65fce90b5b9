"""Files by their content: an agent's own store. A name is the SHA-256 of the bytes, so nothing can be swapped."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from coase.errors import DealError

_NAME = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Blobs:
    """A folder of files named by their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, body: bytes) -> str:
        """Store bytes (atomically, once) and return their name."""
        name = hashlib.sha256(body).hexdigest()
        path = self.folder / name
        if self.get(name) is None:  # absent, or no longer what it was
            temporary = self.folder / f".{name}.{os.getpid()}"
            with temporary.open("wb") as file:
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(path)
        return name

    def get(self, name: str) -> bytes | None:
        """The bytes, or None when they are not here or no longer what they were."""
        if not _NAME.fullmatch(name):
            return None
        try:
            body = (self.folder / name).read_bytes()
        except FileNotFoundError:
            return None
        return body if hashlib.sha256(body).hexdigest() == name else None

    def need(self, name: str) -> bytes:
        """The bytes; `DealError` when they are not here."""
        body = self.get(name)
        if body is None:
            raise DealError(f"the file {name[:12]} is not in the store", code="blob_missing")
        return body

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None
