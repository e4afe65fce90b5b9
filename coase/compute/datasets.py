"""Real data that is at hand: the digits that scikit-learn bundles, read without importing it."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from coase.errors import MissingExtra


@lru_cache(1)
def digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Optical recognition of handwritten digits (Alpaydin and Kaynak 1998, UCI), the test part.

    Returns:
        x: float32 (1797, 64), grey values from 0 to 1 of 8x8 images, row by row.
        y: int64 (1797,), the digits 0 to 9.

    Raises:
        MissingExtra: scikit-learn, whose wheel carries the file, is not installed.
    """
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise MissingExtra("the bundled digits", "compute")
    path = Path(found.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
    with gzip.open(path) as file:
        rows = np.array(list(csv.reader(io.TextIOWrapper(file, "ascii"))), np.float64)
    x, y = (rows[:, :-1] / 16).astype(np.float32), rows[:, -1].astype(np.int64)
    x.flags.writeable = y.flags.writeable = False
    return x, y
