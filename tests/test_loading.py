"""Content by name, by class, by path and by entry point: coase/loading.py."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import coase
from coase import loading
from coase.errors import ConfigurationError, UnknownName, UsageError

PATIENT = '''
"""A skill of one's own."""
from __future__ import annotations
from typing import Any
import coase

class Patient(coase.Negotiator):
    """Hold firm."""
    beta: float = 0.2
    def target(self, t: Any) -> Any:
        """Concede late."""
        return 1 - t ** (1 / self.beta)
'''


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a file with this text."""

    def write(text: str) -> Path:
        path = tmp_path / "my_haggler.py"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Installs a distribution that brings entry points."""

    def install(name: str, points: dict[str, str], source: str = PATIENT) -> None:
        folder = tmp_path / name
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (folder / f"{name}_skills.py").write_text(source)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = [f"{key} = {value}" for key, value in points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[coase.skills]", *lines, ""]))
        monkeypatch.syspath_prepend(str(folder))
        loading._installed.cache_clear()

    yield install
    loading._installed.cache_clear()


def test_shipped_skills_load_by_name() -> None:
    """A name gives an instance with its defaults or the parameters given, and knows its file's hash."""
    skill = coase.skill("boulware", beta=0.5)
    path = loading.content("skills") / "boulware.py"
    assert (type(skill).__name__, skill.beta) == ("Boulware", 0.5)
    assert loading.origin(skill) == loading.Origin(
        "skills", "boulware", hashlib.sha256(path.read_bytes()).hexdigest(), ""
    )
    assert type(coase.skill("boulware")) is type(skill)


def test_classes_are_given_their_parameters() -> None:
    """A class of one's own goes the same way."""

    class Mine(coase.Negotiator):
        """Has a parameter."""

        x: int = 1

    assert coase.skill(Mine, x=3) == Mine(x=3)
    assert loading.origin(Mine) is None


def test_files_load_by_path(write: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative and absolute paths, as text or `Path`; the same bytes give the same class."""
    path = write(PATIENT)
    monkeypatch.chdir(path.parent)
    skills = [coase.skill(p, beta=0.3) for p in ("./my_haggler.py", "my_haggler.py", str(path), path)]
    assert all(skill == skills[0] for skill in skills)
    origin = loading.origin(skills[0])
    assert origin is not None
    assert (origin.name, origin.sha256) == (str(path.resolve()), hashlib.sha256(path.read_bytes()).hexdigest())
    assert not list(path.parent.glob("__pycache__"))


def test_a_changed_file_is_another_skill(write: Callable[[str], Path]) -> None:
    """The hash tells versions apart, and the old class stays what it was."""
    old = coase.skill(write(PATIENT))
    new = coase.skill(write(PATIENT.replace("0.2", "0.4")))
    assert (old.beta, new.beta) == (0.2, 0.4)
    hashes = {origin.sha256 for skill in (old, new) if (origin := loading.origin(skill))}
    assert len(hashes) == 2


def test_one_of_several_is_named_after_a_colon(write: Callable[[str], Path]) -> None:
    """A file with two skills says which there are, and `path:Name` takes one."""
    path = write(PATIENT + "\n\nclass Hasty(Patient):\n    '''Soft.'''\n    beta: float = 5\n")
    with pytest.raises(ConfigurationError, match="holds several: Patient, Hasty") as caught:
        coase.skill(path)
    assert caught.value.code == "several_in_file"
    assert coase.skill(f"{path}:Hasty").beta == 5
    with pytest.raises(UnknownName, match="Hasti") as unknown:
        coase.skill(f"{path}:Hasti")
    assert "did you mean Hasty?" in unknown.value.hint


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("x = 1", "nothing_in_file", "holds no skill"),
        (
            "import coase\nclass Mine(coase.Study): pass",
            "nothing_in_file",
            "Mine is for another command: coase simulate takes studies",
        ),
        ("import coase\nfrom coase import Negotiator", "nothing_in_file", "holds no skill"),
        ("import coase\nclass _Base(coase.Negotiator): pass", "nothing_in_file", "holds no skill"),
        ("1 / 0", "file_does_not_load", r"ZeroDivisionError: division by zero \(line 1\)"),
        ("import nonsense_module", "file_does_not_load", "nonsense_module"),
        ("def f(:", "file_does_not_load", "SyntaxError"),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1") + "\n\x00", "file_does_not_load", "my_haggler.py"),
        ("#" * (2**20 + 1), "file_too_large", "larger than"),
    ],
)
def test_files_that_are_no_skill_say_why(write: Callable[[str], Path], text: str, code: str, says: str) -> None:
    """A file that does not load, or holds nothing, is refused with its name and the reason; nothing of it stays."""
    path = write(text)
    before = set(sys.modules)
    for _ in range(2):
        with pytest.raises(ConfigurationError, match=says) as caught:
            coase.skill(path)
        assert caught.value.code == code
    if code == "file_does_not_load":
        assert not [name for name in set(sys.modules) - before if name.startswith("coase_skills")]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("boulwar", "did you mean boulware?"),
        ("tit", "did you mean tit_for_tat?"),
        ("Conceder", "did you mean conceder?"),
        ("zzz", "tit_for_tat"),
    ],
)
def test_unknown_names_come_with_close_ones(name: str, hint: str) -> None:
    """A misspelt name is guessed; otherwise all names are listed."""
    with pytest.raises(UnknownName) as caught:
        coase.skill(name)
    assert hint in caught.value.hint


@pytest.mark.parametrize("path", ["./nowhere.py", "nowhere.py:Thing", "/", ".", Path("nowhere")])
def test_paths_to_nothing_are_unknown(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path that leads to no file says so, and a name is never looked for in the current folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "local.py").write_text(PATIENT)
    for what in (path, "local"):
        with pytest.raises(UnknownName):
            coase.skill(what)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"beta": "firm"}, "beta: Input should be a valid number"),
        ({"beta": 0}, "beta: Input should be greater than 0"),
        ({"betta": 1}, "betta: Extra inputs are not permitted"),
    ],
)
def test_wrong_parameters_say_which_there_are(parameters: dict[str, Any], says: str) -> None:
    """The error names the parameter and what is wrong with it, and lists those that the skill has."""
    with pytest.raises(ConfigurationError, match=says) as caught:
        coase.skill("boulware", **parameters)
    assert caught.value.code == "bad_parameters"
    assert "beta (float)" in caught.value.hint


@pytest.mark.parametrize("what", [3, None, b"boulware", int, object()])
def test_what_is_neither_name_nor_class_is_refused(what: Any) -> None:
    """Anything else is the caller's mistake."""
    with pytest.raises(UsageError):
        coase.skill(what)


def test_other_distributions_add_skills(install: Callable[..., None]) -> None:
    """An entry point makes a skill known by its name, and the origin says who brought it."""
    install("hagglers", {"patient": "hagglers_skills:Patient"})
    skill = coase.skill("patient", beta=0.7)
    assert skill.beta == 0.7
    assert "patient" in loading.names("skills")
    assert loading.origin(skill) == loading.Origin("skills", "patient", "", "hagglers 1.0")


def test_a_name_that_two_bring_is_an_error(install: Callable[..., None]) -> None:
    """Nobody shadows a shipped skill or another distribution's."""
    install("thieves", {"boulware": "thieves_skills:Patient", "patient": "thieves_skills:Patient"})
    install("hagglers", {"patient": "hagglers_skills:Patient"})
    for name, holders in (("boulware", ["coase", "thieves 1.0"]), ("patient", ["hagglers 1.0", "thieves 1.0"])):
        with pytest.raises(ConfigurationError) as caught:
            coase.skill(name)
        assert caught.value.code == "name_clash"
        assert all(holder in caught.value.message for holder in holders)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("broken_skills:Missing", "entry_point_does_not_load"),
        ("broken_absent:Patient", "entry_point_does_not_load"),
        ("broken_skills:coase", "nothing_in_file"),
    ],
)
def test_broken_entry_points_name_their_distribution(install: Callable[..., None], value: str, code: str) -> None:
    """Whose fault it is can be read from the error."""
    install("broken", {"odd": value})
    with pytest.raises(ConfigurationError, match=r"broken 1\.0") as caught:
        coase.skill("odd")
    assert caught.value.code == code


def test_folders_of_content_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wheel's folder comes before the clone's, an item is a file or a folder, and private files are left out."""
    assert loading.content("skills").name == "skills"
    package = tmp_path / "coase"
    (package / "content" / "simulation" / "bubble").mkdir(parents=True)
    monkeypatch.setattr(loading, "__file__", str(package / "loading.py"))
    assert loading.content("studies") == package / "content" / "simulation"
    assert loading.content("agents") == tmp_path / "agents"
    (package / "content" / "simulation" / "bubble" / "study.py").write_text("")
    (package / "content" / "simulation" / "crash.py").write_text("")
    (package / "content" / "simulation" / "_shared.py").write_text("")
    assert loading.names("studies") == ["bubble", "crash"]
    with pytest.raises(UsageError):
        loading.content("poems")


def test_importing_coase_is_light() -> None:
    """`import coase` brings no heavy package, and neither do negotiating and loading a skill."""
    code = (
        "import sys, coase; light = set(sys.modules); assert 'numpy' not in light and 'pydantic' not in light;"
        "coase.negotiate(coase.skill('boulware'), coase.skill('tit_for_tat'), coase.Domain(price=range(9)));"
        "heavy = {'torch','ray','web3','uagents','langchain','numba','eth_account','sqlalchemy','matplotlib',"
        "'safetensors','ethereum'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_names_of_the_library_load_when_first_used() -> None:
    """What bargaining needs is found under `coase`, is listed, and is the thing itself; other names are not there."""
    names = {"Accept", "AlternatingOffers", "Ask", "Domain", "Negotiator", "Now", "Player", "Problem", "Propose"}
    names |= {"Result", "Trace", "Walk", "negotiate", "session_seed", "skill"}
    assert names <= set(dir(coase))
    assert all(getattr(coase, name).__name__ == name for name in names)
    with pytest.raises(AttributeError, match="no attribute 'Nonsense'"):
        _ = coase.Nonsense
