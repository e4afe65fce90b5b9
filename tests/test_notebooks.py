"""Every notebook in examples/ runs from its first cell to its last."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "examples").glob("*.ipynb"))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, need: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a fresh kernel of this Python; each cell of code says something, and none is stored with its output."""
    need("nbclient")
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("JUPYTER_PATH", str(_kernel(tmp_path)))
    reader: Any = nbformat  # it has no types
    book = reader.read(path, as_version=4)
    assert not any(cell.get("outputs") for cell in book.cells)
    NotebookClient(book, timeout=200, kernel_name="this", resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert all(cell["outputs"] for cell in book.cells if cell.cell_type == "code")


def _kernel(folder: Path) -> Path:
    """A Jupyter folder whose kernel `this` is the Python that runs the tests."""
    import json

    place = folder / "jupyter" / "kernels" / "this"
    place.mkdir(parents=True)
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    text = json.dumps({"argv": command, "display_name": "this", "language": "python"})
    (place / "kernel.json").write_text(text)
    return folder / "jupyter"
