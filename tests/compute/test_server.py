"""The market's side of a worker server, against servers that misbehave."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from coase.compute import bubblewrap, server
from coase.compute.server import WorkerServer
from coase.errors import JobFailed

READY = 'print(\'{"ready": true, "threads": 1}\', flush=True); import sys; line = sys.stdin.readline()\n'


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write a server's program."""
    package = tmp_path / "coase"
    (package / "compute").mkdir(parents=True)
    monkeypatch.setattr(server, "_package", lambda: package)
    monkeypatch.setattr(bubblewrap, "program", lambda: None)
    return package / "compute" / "zygote.py"


def say(fake: Path, program: str) -> None:
    """Make this the server's program."""
    fake.write_text(program)


async def end(program: str, fake: Path, tmp_path: Path) -> JobFailed:
    """Run a job on a server; return the error it ends with."""
    say(fake, program)
    worker = WorkerServer(tmp_path, {})

    async def run() -> None:
        await worker.start()
        await worker.ready()
        await worker.order("job", {}, lambda step: None).ended

    try:
        with pytest.raises(JobFailed) as failed:
            await run()
    finally:
        await worker.stop()
    assert not worker.alive
    return failed.value


async def test_one_that_cannot_start_says_why(fake: Path, tmp_path: Path) -> None:
    """The last line of its log is in the error, and what to do is in the hint."""
    error = await end("raise RuntimeError('no such library')", fake, tmp_path)
    assert error.code == "worker_server_ended"
    assert error.message == "the worker server ended: RuntimeError: no such library"
    assert "coase doctor" in error.hint


@pytest.mark.parametrize(
    "nonsense",
    ["not json", "[]", "7", '{"id": "job", "pid": "many"}', '{"id": "job", "step": {}}', '{"id": []}', "x" * 100_000],
    ids=lambda text: text[:16],
)
async def test_one_that_talks_nonsense_is_dead(fake: Path, tmp_path: Path, nonsense: str) -> None:
    """It is killed, although it would go on for ever, and its jobs fail."""
    program = READY + f"print({nonsense!r}, flush=True)\nimport signal\nsignal.pause()"
    assert (await end(program, fake, tmp_path)).code == "worker_server_ended"


async def test_one_that_dies_fails_its_jobs_and_takes_no_more(fake: Path, tmp_path: Path) -> None:
    """An order to a dead one fails at once."""
    say(fake, READY)
    worker = WorkerServer(tmp_path, {})
    await worker.start()
    await worker.ready()
    assert worker.worker("job") is None
    with pytest.raises(JobFailed):
        await worker.order("job", {}, lambda step: None).ended
    assert not worker.alive
    with pytest.raises(JobFailed):
        await worker.order("late", {}, lambda step: None).ended
    await worker.cancel("late")
    worker.forget("late")
    await worker.stop()


async def test_one_that_will_not_end_is_killed(fake: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing its input should be enough; when it is not, its patience is limited."""
    monkeypatch.setattr(server, "PATIENCE", 0.05)
    say(fake, READY + "import signal\nsignal.pause()")
    worker = WorkerServer(tmp_path, {})
    await worker.start()
    await worker.ready()
    ticket = worker.order("job", {}, lambda step: None)
    await worker.cancel("job")  # deaf to this, too
    await worker.stop()
    with pytest.raises(JobFailed):
        ticket.ended.result()


async def test_stopping_one_that_never_started(tmp_path: Path) -> None:
    """Does nothing."""
    worker = WorkerServer(tmp_path, {})
    await worker.stop()
    assert not worker.alive
    assert worker.pid == 0


async def test_news_of_unknown_and_ended_jobs_is_ignored(fake: Path, tmp_path: Path) -> None:
    """A job that was forgotten, and a second end."""
    reports = [
        {"id": "other", "pid": 1},
        {"id": "job", "pid": 12},
        {"id": "job", "step": 3},
        {"id": "job", "code": 0},
        {"id": "job", "code": 1},
    ]
    lines = "".join(json.dumps(report) + "\n" for report in reports)
    say(fake, READY + f"print({lines!r}, end='', flush=True); sys.stdin.read()")
    worker = WorkerServer(tmp_path, {})
    await worker.start()
    steps: list[int] = []
    try:
        await worker.ready()
        ticket = worker.order("job", {}, steps.append)
        assert (await ticket.ended)["code"] == 0
        assert (ticket.pid, steps) == (12, [3])
        assert worker.worker("job") is None
    finally:
        await worker.stop()
    worker.forget("job")


def test_packages_are_found_for_an_isolated_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also those that only this process's path leads to."""
    monkeypatch.delitem(sys.modules, "torch", raising=False)  # another test may have imported it
    folders = server._folders()
    assert folders
    assert all(Path(folder).is_dir() for folder in folders)
    assert any((Path(folder) / "torch").is_dir() for folder in folders)
    assert all((Path(folder) / "pyseccomp.py").is_file() or (Path(folder) / "torch").is_dir() for folder in folders)
    assert "torch" not in sys.modules
