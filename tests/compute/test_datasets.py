"""The bundled digits."""

from __future__ import annotations

import importlib.util
import sys

import numpy as np
import pytest

from coase.compute import datasets
from coase.errors import MissingExtra


def test_the_digits_are_as_described() -> None:
    """Shapes, types, range, and the known number of images of each digit."""
    x, y = datasets.digits()
    assert (x.shape, y.shape) == ((1797, 64), (1797,))
    assert x.dtype == np.float32
    assert y.dtype == np.int64
    assert (x.min(), x.max()) == (0, 1)
    assert np.bincount(y).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert not x.flags.writeable
    assert "sklearn" not in sys.modules


def test_without_scikit_learn_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is in its wheel."""
    datasets.digits.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra) as missing:
        datasets.digits()
    assert missing.value.extra == "compute"
