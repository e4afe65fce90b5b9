"""docs/skills.md: every skill that ships is in it, as it is; its commands work."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import coase
from coase import loading
from coase.cli.app import app
from coase.negotiation.inside import rung_of

PAGE = Path(__file__).parents[2] / "docs" / "skills.md"
SECTIONS = dict(re.findall(r"^### `(\w+)`\n(.*?)(?=^##|\Z)", PAGE.read_text(), re.MULTILINE | re.DOTALL))
NAMES = loading.names("skills")


def command(name: str) -> list[str]:
    """The words of the command that a section tells to try."""
    found = re.findall(r"^- Try: `(.+)`$", SECTIONS[name], re.MULTILINE)
    assert len(found) == 1
    return shlex.split(found[0])


def default(value: Any) -> str:
    """How a parameter's default is written."""
    if isinstance(value, coase.Negotiator):
        origin = loading.origin(value)
        assert origin is not None
        return f"`{origin.name}`"
    if isinstance(value, str):
        return f"`{value}`" if value else '""'
    return str(value)


def test_every_skill_is_listed() -> None:
    """Each file of skills/ has a section, and each section a file."""
    assert sorted(SECTIONS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_section_says_what_the_file_says(name: str) -> None:
    """Each parameter with its default, the rung, and a source."""
    kind, text = loading.find("skills", name), " ".join(SECTIONS[name].split())
    for field, info in kind.model_fields.items():
        shown = default(info.get_default(call_default_factory=True))
        assert f"`{field}` = {shown}" in text, field
    assert ("Parameters: none" in text) == (not kind.model_fields)
    if issubclass(kind, coase.Negotiator):
        assert f"Rung: `{rung_of(kind)}`" in text
    assert "- Source: " in text
    assert "- Use it " in text


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("llm", "from_negmas")])
def test_its_command_runs(name: str) -> None:
    """As it is written. A check of a trader takes long: there it is the command's words that are looked at."""
    words = command(name)
    assert any(word.partition(":")[0] == name for word in words[2:])
    if words[:2] == ["coase", "check"]:
        assert words[2:] == [name]
        return
    ran = CliRunner().invoke(app, words[1:])
    assert ran.exit_code == 0, ran.output
