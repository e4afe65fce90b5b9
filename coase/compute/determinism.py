"""In which class of machines a result is exact to the bit."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from coase.errors import JobRefused

LONGEST = 128


@dataclass(frozen=True)
class DeterminismClass:
    """Within one class the same job gives the same bits; PyTorch promises nothing beyond.

    Args:
        device: `cpu` or `cuda`.
        capability: the instruction set that torch uses, or the compute capability of the GPU.
        processor: the model of the CPU or GPU: libraries choose other kernels for other makers and models.
        torch: its version.
        threads: sums of partial sums depend on their number.
    """

    device: str
    capability: str
    processor: str
    torch: str
    threads: int

    def as_dict(self) -> dict[str, Any]:
        """For a result."""
        return asdict(self)

    @classmethod
    def parse(cls, given: Any) -> DeterminismClass:
        """A class that somebody claims.

        Raises:
            JobRefused: `class_malformed`.
        """
        names = set(cls.__dataclass_fields__)
        if not isinstance(given, dict) or set(given) != names:
            raise JobRefused(f"a determinism class has {', '.join(sorted(names))}", code="class_malformed")
        for name, value in given.items():
            if type(value) is not (int if name == "threads" else str) or len(str(value)) > LONGEST:
                raise JobRefused(f"the determinism class's {name} is not usable", code="class_malformed")
        return cls(**given)
