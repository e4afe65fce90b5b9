"""The compiled contracts that ship."""

from __future__ import annotations

import pytest

from coase.errors import ConfigurationError
from coase.settlement.artifacts import artifact


@pytest.mark.parametrize("name", ["TestDollar", "ServiceEscrow"])
def test_the_contracts_ship(name: str) -> None:
    """Each has an ABI and code that fits the EVM's limit for creation (EIP-3860)."""
    found = artifact(name)
    assert any(entry["type"] == "function" for entry in found.abi)
    assert 1000 < len(found.bytecode) <= 49_152


@pytest.mark.parametrize("name", ["Nothing", "../errors", "", "abi/TestDollar"])
def test_others_do_not(name: str) -> None:
    """An unknown name is refused, and no name reaches out of the folder."""
    with pytest.raises(ConfigurationError) as caught:
        artifact(name)
    assert caught.value.code == "missing_artifact"
