"""Who takes part: a skill as data (name or path, the file's hash, parameters), so that any process can make it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coase import loading
from coase.errors import ConfigurationError, UnknownName, UsageError
from coase.negotiation.skill import Negotiator

NESTED = "skill"  # the key that tells a skill in a field from plain JSON


@dataclass(frozen=True)
class Entry:
    """One participant.

    Args:
        label: its name in tables.
        spec: ``{"skill": name or path, "sha256": of the file, "parameters": {...}}``, or None for a class that no file
            brought.
        shipped: it comes with coase, and is trusted to run in this process.
        alone: the skill itself where there is no spec.
    """

    label: str
    spec: Mapping[str, Any] | None
    shipped: bool
    alone: Negotiator | None = field(default=None, compare=False)


def entry(what: Any) -> Entry:
    """The entry of a name, a path (both with parameters if need be: ``"boulware:beta=0.2"``), a class or a skill.

    A file of one's own is not loaded here: that happens in a process that may be killed.

    Raises:
        UnknownName: no skill of this name, or no file at this path.
        ConfigurationError: the parameters of a shipped skill are wrong.
        UsageError: something else than a skill.
    """
    if isinstance(what, str | os.PathLike):
        text, parameters = loading.described(os.fspath(what))
        if loading.is_path(text):
            return _file(text, parameters)
        what = loading.skill(text, **parameters)
    elif isinstance(what, type):
        what = loading.make(what, {})
    if not isinstance(what, Negotiator):
        raise UsageError(
            f"{what!r} is not a negotiating skill",
            hint='give names, paths or instances: ["boulware", "./my_haggler.py"]',
            code="not_a_skill",
        )
    spec = describe(what)
    if spec is None:
        return Entry(_label(type(what).__name__, _changed(what)), None, False, what)
    return Entry(_label(_stem(spec["skill"]), _changed(what)), spec, _is_shipped(spec))


def entries(given: Sequence[Any]) -> list[Entry]:
    """All entries; `UsageError` for none, or where two have one label."""
    if isinstance(given, str) or not isinstance(given, Sequence) or not given:
        raise UsageError(f"{given!r} are no skills", hint='["boulware", "./my_haggler.py"]', code="no_skills")
    found = [entry(what) for what in given]
    labels = [one.label for one in found]
    twice = sorted({label for label in labels if labels.count(label) > 1})
    if twice:
        raise UsageError(f"{', '.join(twice)} comes twice", hint="each skill once; parameters tell them apart")
    return found


def describe(skill: Negotiator) -> dict[str, Any] | None:
    """The skill as data, skills in its fields included; None where no file brought its class."""
    origin = loading.origin(skill)
    if origin is None:
        return None
    parameters: dict[str, Any] = {}
    plain = skill.model_dump(mode="json")
    for name in type(skill).model_fields:
        value = getattr(skill, name)
        inner = describe(value) if isinstance(value, Negotiator) else plain[name]
        if inner is None and isinstance(value, Negotiator):
            return None
        parameters[name] = inner
    return {"skill": origin.name, "sha256": origin.sha256, "parameters": parameters}


def build(spec: Mapping[str, Any]) -> Negotiator:
    """The skill that `describe` described; `ConfigurationError` where the file is another one now."""
    kind = loading.find("skills", spec["skill"])
    origin = loading.origin(kind)
    if spec["sha256"] and (origin is None or origin.sha256 != spec["sha256"]):
        raise ConfigurationError(
            f"the skill {spec['skill']} is not the file that this run began with",
            hint="start again in another folder",
            code="other_skill",
        )
    nested = {k: build(v) if isinstance(v, dict) and NESTED in v else v for k, v in spec["parameters"].items()}
    made = loading.make(kind, nested)
    if not isinstance(made, Negotiator):
        raise ConfigurationError(f"{spec['skill']} is no negotiating skill", code="not_a_skill")
    return made


def _file(text: str, parameters: dict[str, Any]) -> Entry:
    path, _, chosen = text.rpartition(":") if ".py:" in text else (text, "", "")
    file = Path(path).expanduser()
    if not file.is_file():
        raise UnknownName(f"no file {path}", hint="paths start from the current folder")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    name = str(file.resolve()) + (f":{chosen}" if chosen else "")
    return Entry(
        _label(chosen or file.stem, parameters), {"skill": name, "sha256": digest, "parameters": parameters}, False
    )


def _is_shipped(spec: Mapping[str, Any]) -> bool:
    inner = [v for v in spec["parameters"].values() if isinstance(v, dict) and NESTED in v]
    trusted = bool(spec["sha256"]) and not loading.is_path(spec["skill"])
    return trusted and not loading.find("skills", spec["skill"]).foreign and all(_is_shipped(v) for v in inner)


def _changed(skill: Negotiator) -> dict[str, Any]:
    fields = type(skill).model_fields
    usual = {name: field.get_default(call_default_factory=True) for name, field in fields.items()}
    return {n: getattr(skill, n) for n in fields if getattr(skill, n) != usual[n]}


def _stem(name: str) -> str:
    path, _, chosen = name.rpartition(":") if ".py:" in name else (name, "", "")
    return chosen or (Path(path).stem if loading.is_path(path) else path)


def _label(name: str, parameters: Mapping[str, Any]) -> str:
    inside = ",".join(f"{key}={_short(value)}" for key, value in parameters.items())
    return f"{name}({inside})" if inside else name


def _short(value: Any) -> str:
    if isinstance(value, Negotiator):
        return _label(type(value).__name__.lower(), _changed(value))
    text = str(value)
    return text if len(text) <= 24 else text[:21] + "..."
