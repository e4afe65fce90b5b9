"""The extra `chain` is optional, and says so."""

from __future__ import annotations

import subprocess
import sys

import pytest

MODULES = ("evm", "provider", "embedded", "rpc", "node", "signing", "reverts", "outbox", "escrow", "deploy")


def python(code: str) -> str:
    """What a fresh interpreter prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("missing", ["web3", "ethereum", "eth_account", "eth_abi"])
def test_what_is_missing_is_named(missing: str) -> None:
    """Without one of the libraries each module either loads or asks for the extra; none fails otherwise."""
    code = f"""
import sys, importlib
sys.modules[{missing!r}] = None
from coase.errors import MissingExtra
asked = []
for name in {MODULES!r}:
    try:
        importlib.import_module("coase.settlement." + name)
    except MissingExtra as error:
        assert error.extra == "chain" and "coase[chain]" in error.hint
        asked.append(name)
print(len(asked) > 0)
"""
    assert python(code) == "True"


def test_plain_imports_stay_light() -> None:
    """`coase`, the seam and the plain values load none of the libraries."""
    code = """
import sys
import coase, coase.settlement, coase.settlement.backend, coase.settlement.records, coase.settlement.artifacts
print([name for name in ("web3", "ethereum", "eth_account", "eth_abi", "aiohttp") if name in sys.modules])
"""
    assert python(code) == "[]"
