"""The one class that an author of a study writes: cells that are measured one by one, and what they show.

A study is a file of `simulation/` (``simulation/NAME/study.py``) or of one's own (``./my_study.py``). Its fields are
its parameters; `cells` is the grid; `measure` does one cell and is a pure function of the cell and its seed, so that
cells run anywhere, in any order, and never twice after a kill. `show` turns all rows into findings and pictures.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Cell = Mapping[str, Any]
Row = dict[str, Any]
Confidence = Literal["A", "B", "C"]
Several = TypeVar("Several", bound=Sequence[Any])


def _differ(values: Several) -> Several:
    if len(set(values)) < len(values):
        raise ValueError("a value comes twice")
    return values


DIFFERENT = AfterValidator(_differ)
"""For a field that spans a grid: ``Annotated[tuple[int, ...], DIFFERENT]``."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of ours beside a known one.

    Args:
        what: what is compared.
        ours: our figure.
        known: the published or derived figure; None where there is only ours.
        error: standard error of ours; 0 for an exact one.
        source: where the known figure is from.
        confidence: A proven or recomputed, B read in the source, C secondary.
        tolerance: the most that ours may differ; None means three standard errors.
        why: an honest sentence where the two differ for a known reason.
    """

    what: str
    ours: float
    known: float | None = None
    error: float = 0.0
    source: str = ""
    confidence: Confidence = "A"
    tolerance: float | None = None
    why: str = ""

    @property
    def agrees(self) -> bool | None:
        """Whether ours is as near as it should be; None where nothing is known."""
        if self.known is None:
            return None
        room = 3 * self.error if self.tolerance is None else self.tolerance
        return math.isfinite(self.ours) and abs(self.ours - self.known) <= room + 1e-12

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        names = ("what", "ours", "known", "error", "source", "confidence", "why")
        return {**{name: getattr(self, name) for name in names}, "agrees": self.agrees}


@dataclass(frozen=True)
class Picture:
    """A figure of a report with the sentence below it."""

    figure: Figure
    caption: str


@dataclass(frozen=True)
class Shown:
    """What the rows of a study show.

    Args:
        findings: the answer to the question, in sentences; the first is the headline.
        comparisons: our figures beside known ones.
        summary: a small table for people: rows with equal keys.
        pictures: made when asked, since drawing takes time and matplotlib.
    """

    findings: Sequence[str]
    comparisons: Sequence[Comparison] = ()
    summary: Sequence[Row] = ()
    pictures: Iterable[Picture] = field(default=(), compare=False)


class Study(BaseModel):
    """An experiment: a question, a method, cells to measure, and what they show. Fields are parameters."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    content_kind: ClassVar[str] = "studies"  # how coase.loading recognises a study in a file
    question: ClassVar[str] = ""
    method: ClassVar[str] = ""
    quick: ClassVar[Mapping[str, Any]] = {}  # parameters for a look in seconds; what the tests run

    seed: int = Field(default=1, ge=0, lt=2**63, description="of all randomness")

    def cells(self) -> Sequence[Cell]:
        """The grid: JSON objects, each a unit of work of about a second."""
        raise NotImplementedError

    def measure(self, cell: Cell, seed: int) -> list[Row]:
        """Rows of plain numbers and texts for one cell, from the parameters, the cell and the seed alone."""
        raise NotImplementedError

    def show(self, rows: Sequence[Row]) -> Shown:
        """What all rows together show."""
        raise NotImplementedError
