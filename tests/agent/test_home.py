"""Where state lives."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from coase.agent.home import find_home, read_json, usable, write_json
from coase.errors import ConfigurationError


def test_the_order_of_homes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag, then the variable, then ./.coase, then the user's folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COASE_HOME", raising=False)
    assert find_home().name == "coase"
    assert not find_home().is_relative_to(tmp_path)
    (tmp_path / ".coase").mkdir()
    assert find_home() == Path(".coase")
    monkeypatch.setenv("COASE_HOME", "~/elsewhere")
    assert find_home() == Path.home() / "elsewhere"
    assert find_home(tmp_path / "flag") == tmp_path / "flag"


def test_a_folder_is_made_and_left_clean(tmp_path: Path) -> None:
    """Checking that a folder can be written leaves nothing in it."""
    folder = usable(tmp_path / "a" / "b")
    assert list(folder.iterdir()) == []


def test_a_home_that_cannot_be_written(tmp_path: Path) -> None:
    """A file in the way is an error with a way out, not a traceback."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigurationError, match="cannot be written") as caught:
        usable(tmp_path / "file" / "home")
    assert caught.value.code == "home_not_writable"
    assert "--home" in caught.value.hint


def test_json_is_replaced_in_one_step_and_private(tmp_path: Path) -> None:
    """What is read is what was written last; only the owner may read it; nothing else is left."""
    path = tmp_path / "market.json"
    assert read_json(path) is None
    write_json(path, {"seed": 1})
    write_json(path, {"seed": 2})
    assert read_json(path) == {"seed": 2}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("text", [b"{", b"\xff\xfe", b""])
def test_a_file_that_is_not_json(tmp_path: Path, text: bytes) -> None:
    """A damaged file is named."""
    path = tmp_path / "market.json"
    path.write_bytes(text)
    with pytest.raises(ConfigurationError, match=r"market\.json") as caught:
        read_json(path)
    assert caught.value.code == "unreadable_file"
