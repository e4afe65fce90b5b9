"""Code in the documentation runs as it stands."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [(page.name, number, code) for page in PAGES for number, code in enumerate(BLOCK.findall(page.read_text()), 1)]


@pytest.mark.parametrize(("page", "number", "code"), BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS])
def test_a_python_block_runs(page: str, number: int, code: str, tmp_path: Path) -> None:
    """Each block by itself, in an empty folder, with a home of its own."""
    script = tmp_path / "block.py"
    script.write_text(code)
    environment = {**os.environ, "COASE_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, cwd=tmp_path, env=environment, timeout=200
    )
    assert done.returncode == 0, f"{page}, block {number}: {done.stderr[-3000:]}"


def test_links_between_pages_lead_somewhere() -> None:
    """Every relative link in the pages names a file that exists."""
    for page in [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
