"""Many independent tasks, over processes or Ray, resumable, with the same results for any number of workers.

A task is plain JSON, and so is its result: nothing else crosses between processes. What has been done is on disk before
anybody hears of it; asked again with the same file, only the rest is run. Results come in the order of the tasks, so
what is made of them does not depend on who finished first.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from importlib import import_module
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from threading import Thread
from time import monotonic
from typing import Any, Literal

from coase import crash
from coase.errors import ConfigurationError, MissingExtra, UsageError

Task = Mapping[str, Any]
Where = Literal["processes", "ray"]

_SCHEMA = """
pragma journal_mode = wal;
pragma synchronous = full;
create table if not exists done (key text primary key, result text not null);
"""
SPELL, MOST = 0.2, 64  # seconds, and tasks, that a worker is given at a time: a message costs as much as a small task
RETRIES = 2  # new pools after a worker has died (killed for want of memory, for example)


def key_of(work: str, task: Task) -> str:
    """What identifies a task: the SHA-256 of the work's name and the task as canonical JSON."""
    return hashlib.sha256(json.dumps([work, task], sort_keys=True, allow_nan=False).encode()).hexdigest()


def run(
    work: str,
    tasks: Sequence[Task],
    *,
    workers: int = 1,
    executor: Where = "processes",
    store: Path | None = None,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> list[Any]:
    """Do all tasks and return their results in the order of the tasks.

    Args:
        work: ``"package.module:function"``; the function takes a task and returns JSON.
        tasks: JSON objects.
        workers: processes; 1 runs everything in this one.
        executor: "ray" uses a Ray cluster of one's own (extra `ray`); never one that is shared with counterparties.
        store: a file that keeps what is done, for a resume.
        progress: called with how many tasks of how many are done.

    Raises:
        UsageError: not a number of workers, or no such executor.
        ConfigurationError: the store cannot be used, or workers die again and again.
    """
    if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= 1024:
        raise UsageError(f"workers={workers!r}", hint="a whole number from 1 to 1,024", code="bad_workers")
    if executor not in ("processes", "ray"):
        raise UsageError(f"executor={executor!r}", hint='"processes" or "ray"', code="bad_executor")
    keys = [key_of(work, task) for task in tasks]
    with _Store(store) as kept:
        done, of = kept.known(keys), len(set(keys))
        progress(len(done), of)
        left = {key: task for key, task in zip(keys, tasks, strict=True) if key not in done}
        for key, text in _results(work, left, workers, executor):
            crash.point("parallel before a result is kept")
            kept.add(key, text)
            crash.point("parallel after a result is kept")
            done[key] = text
            progress(len(done), of)
    return [json.loads(done[key]) for key in keys]


def call(work: str, text: str) -> str:
    """Do one task; text in and text out. What a worker runs."""
    module, _, name = work.partition(":")
    return json.dumps(getattr(import_module(module), name)(json.loads(text)), allow_nan=False)


def call_many(work: str, texts: Sequence[str]) -> list[str]:
    """Do tasks in turn, for `SPELL` seconds and a task at most; what is left over is for the next call.

    A task that fails ends the call before it, and fails when it is the first of one: what came before it is kept.
    """
    begun, results = monotonic(), list[str]()
    for text in texts:
        try:
            results.append(call(work, text))
        except Exception:
            if not results:
                raise
            break
        if monotonic() - begun > SPELL:
            break
    return results


class _Store:
    """What is done, in one SQLite file or in memory."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(path or ":memory:", isolation_level=None)
            self.db.executescript(_SCHEMA)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def known(self, keys: Sequence[str]) -> dict[str, str]:
        wanted = set(keys)
        try:
            return {key: text for key, text in self.db.execute("select key, result from done") if key in wanted}
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def add(self, key: str, text: str) -> None:
        try:
            self.db.execute("insert or replace into done values (?, ?)", (key, text))
        except sqlite3.Error as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigurationError:
        return ConfigurationError(
            f"results cannot be kept in {self.path}: {error}",
            hint="free some space, or choose another place; what was kept there before is still good",
            code="results_not_written",
        )

    def __enter__(self) -> _Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.db.close()


def _results(work: str, left: dict[str, Task], workers: int, executor: Where) -> Iterator[tuple[str, str]]:
    texts = {key: json.dumps(task, sort_keys=True, allow_nan=False) for key, task in left.items()}
    if executor == "ray":
        yield from _by_ray(work, texts, workers)
    elif workers == 1 or len(texts) <= 1:
        for key, text in texts.items():
            yield key, call(work, text)
    else:
        yield from _by_processes(work, texts, workers)


def _by_processes(work: str, texts: dict[str, str], workers: int) -> Iterator[tuple[str, str]]:
    for attempt in range(RETRIES + 1):
        try:
            # Spawned, not forked: a fork of a process that has started threads may hang.
            spawn = get_context("spawn")
            with ProcessPoolExecutor(min(workers, len(texts)), mp_context=spawn, initializer=_end_with_parent) as pool:
                waiting, size = deque(texts.items()), 1
                running: dict[Future[list[str]], list[tuple[str, str]]] = {}
                while texts:
                    while waiting and len(running) < 2 * workers:
                        share = -(-len(waiting) // (2 * workers))  # towards the end, of the same size for each
                        some = [waiting.popleft() for _ in range(min(size, share))]
                        running[pool.submit(call_many, work, [text for _, text in some])] = some
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        some = running.pop(future)
                        results = future.result()
                        size = min(MOST, 2 * size) if len(results) == len(some) else len(results)
                        waiting.extendleft(reversed(some[len(results) :]))
                        for (key, _), result in zip(some, results, strict=False):
                            del texts[key]
                            yield key, result
        except BrokenProcessPool as error:
            if attempt == RETRIES:
                raise ConfigurationError(
                    f"worker processes died {RETRIES + 1} times, with {len(texts)} tasks left",
                    hint="give them more memory, or use fewer workers; what is done is kept",
                    code="workers_died",
                ) from error
        else:
            return


def _end_with_parent() -> None:
    """Have this worker end when its parent is gone: killed, it tells nobody, and workers would wait for ever."""
    parent = parent_process()
    if parent is not None:
        Thread(target=_follow, args=(parent.sentinel,), daemon=True).start()


def _follow(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)


def _by_ray(work: str, texts: dict[str, str], workers: int) -> Iterator[tuple[str, str]]:
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("running over Ray", "ray") from error
    if not ray.is_initialized():
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False, configure_logging=False)
    remote: Any = ray.remote(call)
    waiting = iter(texts.items())
    running: dict[Any, str] = {}
    for _ in texts:
        for key, text in islice(waiting, 2 * workers - len(running)):
            running[remote.remote(work, text)] = key
        (ready,), _rest = ray.wait(list(running), num_returns=1)
        yield running.pop(ready), ray.get(ready)
