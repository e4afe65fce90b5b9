"""Content (skills, agents, studies) by name, by class or by path.

A name is looked up in the content that ships with coase, then among the entry points of other distributions (groups
``coase.skills``, ``coase.agents``, ``coase.studies``, ``coase.mechanisms``); a name that both have is an error. A file
of one's own is named by its path only: ``./my_haggler.py``, or ``./my_haggler.py:Patient`` when it holds several.
Loading a file runs it, so paths come from the owner, never from a counterparty.

A class is content of a kind when its attribute `content_kind` says so: ``"skills"`` for skills.
"""

from __future__ import annotations

import difflib
import hashlib
import importlib.machinery
import importlib.metadata
import importlib.util
import inspect
import json
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from importlib.abc import SourceLoader
from pathlib import Path
from types import ModuleType
from typing import Any, TypeGuard, TypeVar, overload

from pydantic import BaseModel, ValidationError

from coase.errors import ConfigurationError, UnknownName, UsageError

FOLDERS = {"skills": "skills", "agents": "agents", "studies": "simulation", "examples": "examples"}
SINGULAR = {
    "skills": "skill",
    "agents": "agent",
    "studies": "study",
    "examples": "example",
    "mechanisms": "mechanism",  # those that ship are in the library
}
TAKERS = {
    "skills": "coase check and coase tournament take skills",
    "agents": "coase run takes agents, each in a TOML file that names its code",
    "studies": "coase simulate takes studies",
}
LARGEST_FILE = 2**20  # bytes
_PARAMETERS = re.compile(r":(?=[^\W\d]\w*=)")  # the first one: values may hold colons, "openai:gpt-5-mini" does

Content = TypeVar("Content", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where content came from. With the parameters it identifies a skill across processes.

    Attributes:
        kind: "skills", "agents" or "studies".
        name: its name, or its full path when it was loaded by path.
        sha256: of the file, hexadecimal; of an installed distribution's content, empty.
        distribution: the name and version of the distribution that brought it, or empty.
    """

    kind: str
    name: str
    sha256: str = ""
    distribution: str = ""


_origins: dict[str, Origin] = {}  # by module name
_loaded: dict[tuple[str, Path, str], ModuleType] = {}


@overload
def skill(what: type[Content], /, **parameters: Any) -> Content: ...
@overload
def skill(what: str | os.PathLike[str], /, **parameters: Any) -> Any: ...
def skill(what: Any, /, **parameters: Any) -> Any:
    """A skill by name (``"boulware"``), by path (``"./my_haggler.py"``) or by class, with these parameters.

    Where a value is an array, one value a session, it is a `SkillArray`, for `negotiate_many`.

    Raises:
        UnknownName: no skill of this name, or no file at this path.
        ConfigurationError: the file does not load, holds no skill or several, or the parameters are wrong.
    """
    return make(what if isinstance(what, type) else find("skills", what), parameters)


def load_agent(what: Any, /, **parameters: Any) -> Any:
    """An agent by name (``"gpu_provider"``), by path or by class, with these parameters; errors as for `skill`."""
    return make(what if isinstance(what, type) else find("agents", what), parameters)


def is_path(text: str) -> bool:
    """Whether a text names a file of one's own rather than content by name."""
    path = text.rpartition(":")[0] if ".py:" in text else text
    return path.endswith(".py") or "/" in path or os.sep in path


def described(text: str) -> tuple[str, dict[str, Any]]:
    """A name or a path, and the parameters after it: ``"boulware:beta=0.2"`` is ``("boulware", {"beta": 0.2})``.

    Raises:
        UsageError: a parameter is not ``name=value``.
    """
    begun = _PARAMETERS.search(text)
    name, colon, tail = (text[: begun.start()], ":", text[begun.end() :]) if begun else text.rpartition(":")
    if not colon or "=" not in tail:
        return text, {}
    parameters: dict[str, Any] = {}
    for part in tail.split(","):
        key, equals, value = part.partition("=")
        if not equals or not key.isidentifier():
            raise UsageError(f"'{part}' in '{text}' is not name=value", hint="for example boulware:beta=0.2")
        try:
            parameters[key] = json.loads(value)
        except ValueError:
            parameters[key] = value
    return name, parameters


def content(kind: str) -> Path:
    """The folder of shipped content: the wheel's when installed, the clone's otherwise."""
    if kind not in FOLDERS:
        raise UsageError(f"no content of kind '{kind}'", hint=f"one of {', '.join(FOLDERS)}", code="unknown_kind")
    package = Path(__file__).parent
    installed = package / "content" / FOLDERS[kind]
    return installed if installed.is_dir() else package.parent / FOLDERS[kind]


def names(kind: str) -> list[str]:
    """The names of all content of a kind, shipped or installed, sorted."""
    return sorted({*_shipped(kind), *_installed(kind)})


def find(kind: str, what: str | os.PathLike[str], *, known: Iterable[str] = ()) -> type[Any]:
    """The class of the content with this name or path. `known` are further names, to be listed when none fits.

    Raises:
        UnknownName: nothing of this name, or no file at this path.
        ConfigurationError: it does not load, holds nothing of this kind or several, or the name is taken twice.
    """
    text = os.fspath(what) if isinstance(what, (str, os.PathLike)) else None
    if not isinstance(text, str):
        raise UsageError(
            f"{what!r} is neither a name nor a path", hint="coase.skill takes also a class", code="bad_name"
        )
    path, _, chosen = text.rpartition(":") if ".py:" in text else (text, "", "")
    if isinstance(what, os.PathLike) or is_path(path):
        file = Path(path).expanduser()
        if not file.is_file():
            raise UnknownName(f"no file {path}", hint="paths start from the current folder")
        return _only_class(load(file, kind), kind, path, chosen)
    shipped, installed = _shipped(kind), _installed(kind)
    holders = [*(["coase"] if text in shipped else []), *(_brought_by(point) for point in installed.get(text, ()))]
    if len(holders) > 1:
        raise ConfigurationError(
            f"the {SINGULAR[kind]} '{text}' comes from {' and from '.join(holders)}",
            hint="uninstall one of them, or load a file by its path",
            code="name_clash",
        )
    if not holders:
        raise _unknown(kind, text, sorted({*shipped, *installed, *known}))
    if text in shipped:
        return _only_class(load(shipped[text], kind, name=text), kind, text, "")
    return _installed_class(kind, installed[text][0])


def make(kind: type[Any], parameters: dict[str, Any]) -> Any:
    """An instance of a content class with these parameters; `ConfigurationError` says which are wrong."""
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        raise UsageError(f"{kind!r} is not a class of content", hint="a subclass of coase.Negotiator", code="bad_class")
    if any(getattr(value, "ndim", 0) or getattr(value, "is_skill_array", False) for value in parameters.values()):
        array_of = getattr(kind, "array_of", None)  # a value a session: only skills that run in batches take it
        if array_of is not None:
            return array_of(parameters)
    try:
        return kind(**parameters)
    except ValidationError as error:
        told = ((".".join(map(str, e["loc"])) or "it", e["msg"].removeprefix("Value error, ")) for e in error.errors())
        wrong = "; ".join(f"{where}: {what}" for where, what in told)
        has = ", ".join(f"{n} ({_kind_of(f.annotation)})" for n, f in kind.model_fields.items())
        raise ConfigurationError(
            f"wrong parameters for {kind.__name__}: {wrong}", hint=f"it has {has or 'none'}", code="bad_parameters"
        ) from error


def load(path: str | os.PathLike[str], kind: str, *, name: str = "") -> ModuleType:
    """Run a Python file and return its module. The bytes that are hashed are the bytes that run; the same bytes at the
    same path give the same module again.

    Raises:
        ConfigurationError: the file is not readable, too large, or raises.
    """
    file = Path(path).resolve()
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise ConfigurationError(f"{path} is larger than {LARGEST_FILE:,} bytes", code="file_too_large")
        source = file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"cannot read {path}: {error.strerror}", code="unreadable_file") from error
    digest = hashlib.sha256(source).hexdigest()
    if (kind, file, digest) in _loaded:
        return _loaded[kind, file, digest]
    where = hashlib.sha256(str(file).encode()).hexdigest()[:8]
    module_name = f"coase_{kind}_{file.stem}_{where}_{digest[:8]}".replace("-", "_")
    spec = importlib.machinery.ModuleSpec(module_name, _Bytes(file, source), origin=str(file))
    spec.has_location = True
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # pydantic resolves annotations here
    _origins[module_name] = Origin(kind, name or str(file), digest)
    try:
        _Bytes(file, source).exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[module_name], _origins[module_name]
        raise ConfigurationError(
            f"{path} does not load: {type(error).__name__}: {error}{_line_in(error, file)}",
            hint=f"run it alone: python {path}",
            code="file_does_not_load",
        ) from error
    return _loaded.setdefault((kind, file, digest), module)


def origin(what: object) -> Origin | None:
    """Where a class or an instance was loaded from by name or path; None when it was not."""
    return _origins.get((what if isinstance(what, type) else type(what)).__module__)


class _Bytes(SourceLoader):
    """Runs the bytes that were hashed, and leaves no cache file behind."""

    def __init__(self, path: Path, source: bytes) -> None:
        self.path, self.source = str(path), source

    def get_filename(self, fullname: str) -> str:
        return self.path

    def get_data(self, path: str | bytes) -> bytes:
        if path != self.path:
            raise OSError(f"only {self.path} is loaded here")
        return self.source


def _shipped(kind: str) -> dict[str, Path]:
    if kind in SINGULAR and kind not in FOLDERS:
        return {}
    folder = content(kind)
    found = {path.stem: path for path in folder.glob("*.py") if not path.stem.startswith("_")}
    inside = f"{SINGULAR[kind]}.py"
    return found | {path.parent.name: path for path in folder.glob(f"*/{inside}")}


@lru_cache(8)
def _installed(kind: str) -> dict[str, tuple[importlib.metadata.EntryPoint, ...]]:
    points: dict[str, tuple[importlib.metadata.EntryPoint, ...]] = {}
    for point in importlib.metadata.entry_points(group=f"coase.{kind}"):
        points[point.name] = (*points.get(point.name, ()), point)
    return points


def _installed_class(kind: str, point: importlib.metadata.EntryPoint) -> type[Any]:
    try:
        found = point.load()
    except Exception as error:
        raise ConfigurationError(
            f"the {SINGULAR[kind]} '{point.name}' of {_brought_by(point)} does not load: "
            f"{type(error).__name__}: {error}",
            code="entry_point_does_not_load",
        ) from error
    if not _is_content(found, kind):
        raise ConfigurationError(
            f"'{point.value}' of {_brought_by(point)} is not a {SINGULAR[kind]}", code="nothing_in_file"
        )
    _origins.setdefault(found.__module__, Origin(kind, point.name, distribution=_brought_by(point)))
    return found


def _only_class(module: ModuleType, kind: str, label: str, chosen: str) -> type[Any]:
    found = {
        name: value
        for name, value in vars(module).items()
        if _is_content(value, kind) and value.__module__ == module.__name__ and not name.startswith("_")
    }
    if chosen:
        if chosen not in found:
            raise _unknown(kind, chosen, sorted(found), where=f" in {label}")
        return found[chosen]
    if not found:
        raise _nothing(module, kind, label)
    if len(found) > 1:
        raise ConfigurationError(
            f"{label} holds several: {', '.join(found)}",
            hint=f"choose one: {label}:{next(iter(found))}, or one {SINGULAR[kind]} a file",
            code="several_in_file",
        )
    return next(iter(found.values()))


def _nothing(module: ModuleType, kind: str, label: str) -> ConfigurationError:
    """The refusal of a file with nothing of this kind; it names what else the file holds, and who takes that."""
    what = f"{label} holds no {SINGULAR[kind]}"
    hint = "a skill is a class such as: class Patient(coase.Negotiator)" if kind == "skills" else ""
    for other, taken in TAKERS.items():
        for name, value in vars(module).items():
            if _is_content(value, other) and value.__module__ == module.__name__:
                what, hint = f"{label} holds no {SINGULAR[kind]}; {name} is for another command: {taken}", ""
    return ConfigurationError(what, hint=hint, code="nothing_in_file")


def _is_content(value: object, kind: str) -> TypeGuard[type[Any]]:
    return isinstance(value, type) and getattr(value, "content_kind", None) == kind and not inspect.isabstract(value)


def _unknown(kind: str, name: str, known: list[str], *, where: str = "") -> UnknownName:
    low = name.lower()
    begun = [one for one in known if len(low) > 1 and one.startswith(low)]
    close = list(dict.fromkeys([*begun, *difflib.get_close_matches(low, known, 3)]))[:3]
    listed = f"there are {', '.join(known)}" if known else "there are none"
    hint = f"did you mean {' or '.join(close)}?" if close else f"{listed}; files go by path: ./my_{SINGULAR[kind]}.py"
    return UnknownName(f"no {SINGULAR[kind]} '{name}'{where}", hint=hint)


def _brought_by(point: importlib.metadata.EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.value


def _kind_of(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or str(annotation)


def _line_in(error: BaseException, file: Path) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        return ""  # its own text names the line
    frame, line = error.__traceback__, 0
    while frame is not None:
        if frame.tb_frame.f_code.co_filename == str(file):
            line = frame.tb_lineno
        frame = frame.tb_next
    return f" (line {line})" if line else ""
