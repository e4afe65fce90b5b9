"""Files by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coase.agent.blobs import Blobs
from coase.errors import DealError


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    """An empty store."""
    return Blobs(tmp_path / "blobs")


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200))
def test_what_goes_in_comes_out(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    """A name is the SHA-256 of the bytes; storing twice is storing once."""
    blobs = Blobs(tmp_path_factory.mktemp("blobs"))
    name = blobs.put(body)
    assert name == hashlib.sha256(body).hexdigest() == blobs.put(body)
    assert blobs.get(name) == blobs.need(name) == body
    assert name in blobs
    assert [path.name for path in blobs.folder.iterdir()] == [name]


def test_a_swapped_file_is_no_file(blobs: Blobs) -> None:
    """Bytes that are no longer what they were are not handed out, and are repaired when they come again."""
    name = blobs.put(b"right")
    (blobs.folder / name).write_bytes(b"wrong")
    assert blobs.get(name) is None
    assert name not in blobs
    with pytest.raises(DealError, match=name[:12]) as caught:
        blobs.need(name)
    assert caught.value.code == "blob_missing"
    assert blobs.put(b"right") == name
    assert blobs.need(name) == b"right"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "a" * 63, "A" * 64, "a" * 64 + "\n", "a" * 64])
def test_names_are_hashes(blobs: Blobs, name: str) -> None:
    """Nothing outside the folder can be named, and what is not there is None."""
    assert blobs.get(name) is None
