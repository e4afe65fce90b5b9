"""A skill with columns: some parameters have a value of their own in each session of a batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from types import GenericAlias
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from coase import loading
from coase.errors import ConfigurationError, UsageError

Path = tuple[str, ...]  # ("beta",), or ("inner", "beta") where a skill is a parameter


class SkillArray:
    """Many skills of one class, as columns. `coase.skill` makes one where a value is an array.

    Args:
        first: the skill of session 0.
        columns: parameter -> one value a session; all of one length.
    """

    is_skill_array = True  # how coase.loading knows it, which cannot import this

    def __init__(self, first: Any, columns: Mapping[Path, Any]) -> None:
        self.first, self.columns = first, dict(columns)

    @classmethod
    def of(cls, kind: type[BaseModel], parameters: Mapping[str, Any]) -> SkillArray:
        """Check each value of each column by the rules of its field.

        Raises:
            ConfigurationError: no such parameter, or a value that its field refuses.
            UsageError: columns that are not of one length, or not of one dimension.
        """
        columns: dict[Path, Any] = {}
        single = dict(parameters)
        for name, value in parameters.items():
            if isinstance(value, SkillArray):
                columns |= {(name, *path): column for path, column in value.columns.items()}
                single[name] = value.first
            elif is_column(value):
                columns[(name,)] = column = _checked(kind, name, np.asarray(value))
                single[name] = column[0].item()
        if len({len(column) for column in columns.values()}) > 1:
            raise UsageError(
                f"{kind.__name__}: columns of {sorted({len(c) for c in columns.values()})} values",
                hint="give one value a session in each",
                code="bad_columns",
            )
        made = cls(loading.make(kind, single), columns)
        if any(getattr(kind.__pydantic_decorators__, v) for v in ("field_validators", "model_validators")):
            for row in range(len(made)):  # rules beyond a field's type are the class's own code
                loading.make(kind, dict(single) | {p[0]: c[row].item() for p, c in columns.items() if len(p) == 1})
        return made

    def at(self, session: int) -> Any:
        """The skill of one session."""
        values = {path: column[session].item() for path, column in self.columns.items()}
        return _replaced(self.first, values)

    def part(self, low: int, high: int) -> SkillArray:
        """Sessions low to high - 1. The skill `first` stays."""
        return SkillArray(self.first, {path: column[low:high] for path, column in self.columns.items()})

    @cached_property
    def _length(self) -> int:
        return len(next(iter(self.columns.values()), ()))

    def __len__(self) -> int:
        return self._length

    def __repr__(self) -> str:
        names = ", ".join(".".join(path) for path in self.columns)
        return f"SkillArray({type(self.first).__name__}, n={len(self)}, columns: {names})"


def is_column(value: object) -> bool:
    """Whether a parameter's value is one a session: an array of numpy or torch."""
    return getattr(value, "ndim", 0) > 0 and hasattr(value, "__array__")


def _checked(kind: type[BaseModel], name: str, values: Any) -> Any:
    field: Any = kind.model_fields.get(name)
    if field is None:
        raise ConfigurationError(f"{kind.__name__} has no parameter '{name}'", code="bad_parameters")
    if values.ndim != 1 or not values.size:
        raise UsageError(f"{name}: an array of shape {values.shape}", hint="one value a session", code="bad_columns")
    rule: Any = field.annotation
    for limit in field.metadata:
        rule = Annotated[rule, limit]
    try:
        every: Any = GenericAlias(list, (rule,))
        whole: Any = TypeAdapter(every)
        checked = whole.validate_python(values.tolist())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = first["loc"][0] if first["loc"] else "?"
        raise ConfigurationError(
            f"{kind.__name__}: {name}[{where}]: {first['msg']}", hint=f"it is {first['input']!r}", code="bad_parameters"
        ) from error
    return np.asarray(checked)


def _replaced(skill: Any, values: Mapping[Path, Any]) -> Any:
    own = {path[0]: value for path, value in values.items() if len(path) == 1}
    for name in {path[0] for path in values if len(path) > 1}:
        inside = {path[1:]: value for path, value in values.items() if path[0] == name}
        own[name] = _replaced(getattr(skill, name), inside)
    return skill.model_copy(update=own) if own else skill
