"""JSON from outside: coase/terms/reading.py."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coase.terms.reading import read_json

leaves = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text())
values = st.recursive(
    leaves, lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)), max_leaves=20
)


@given(values)
def test_it_reads_what_json_reads(value: Any) -> None:
    """Integers of any size, text, bytes."""
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "ignore").decode()
    assert read_json(text) == json.loads(text)
    assert read_json(text.encode()) == json.loads(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[1,]", "NaN", "[Infinity]", b"\xff", '{"a": 1} x', "[" * 300, '{"a":' * 300]
)
def test_it_refuses_with_a_value_error(text: Any) -> None:
    """What is no JSON, what JSON has no word for, and nesting without end."""
    with pytest.raises(ValueError):  # noqa: PT011 - no other error is the point
        read_json(text)


def test_no_depth_ends_the_process() -> None:
    """Also where a library has raised the interpreter's recursion limit beyond its stack, as py_ecc does."""
    code = (
        "import sys; sys.setrecursionlimit(1_000_000)\n"
        "from coase.terms.reading import read_json\n"
        "for text in ('[' * 5_000_000, '{\"a\":' * 1_000_000):\n"
        "    try: read_json(text)\n"
        "    except ValueError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stdout.split()) == (0, ["refused", "refused"])
