"""Everybody who takes part, and what became of them: workers are kept, failures are rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from speed.contender import Contender
from speed.process import AbsentError, Process, WorkerError
from speed.source import Source
from speed.workloads import Workloads

LOAD_SECONDS = 240


@dataclass(slots=True)
class Arena:
    """Workers of all contenders, kept loaded between jobs; only one runs at a time.

    Attributes:
        folders: The weights by form.
        texts: The file of the workloads, for workers; `workloads` are the same.
        pythons: Interpreter by contender name, where not this one.
        extra: Environment variables for all workers.
        seconds: A job's limit.
        most_mb: A worker's limit of memory.
        absent: Why a contender takes no part at all.
        failed: Why a contender has no figure in the part that runs now.
        versions: Packages of each worker's Python.
        tell: Called with a line of progress.
    """

    contenders: Sequence[Contender]
    folders: Mapping[str, Path]
    texts: Path
    workloads: Workloads
    source: Source
    scratch: Path
    threads: int
    pythons: Mapping[str, str]
    extra: dict[str, str]
    seconds: float
    most_mb: float
    tell: Callable[[str], None]
    workers: dict[str, Process] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    versions: dict[str, dict[str, str]] = field(default_factory=dict)

    def present(self, *, ours: bool = False) -> list[Contender]:
        """Who is still in, in order."""
        out = {*self.absent, *self.failed}
        return [c for c in self.contenders if c.name not in out and (c.ours or not ours)]

    def ask(self, who: Contender, job: dict[str, Any]) -> dict[str, Any] | None:
        """The kept worker's answer; None, and out for this part, where it failed."""
        try:
            if who.name not in self.workers:
                self.workers[who.name] = self._started(who)
                self._load(self.workers[who.name], who)
            return self.workers[who.name].ask(job, self.seconds)
        except WorkerError as error:
            self._note(who, error)
            self.drop(who)
            return None

    @contextmanager
    def fresh(self, who: Contender | None, *, load: bool = True) -> Iterator[Process | None]:
        """A new process with the contender loaded, ended afterwards; failures are noted."""
        process = self._started(who)
        try:
            yield process if not load or who is None or self._loads(process, who) else None
        except WorkerError as error:
            if who is None:
                raise
            self._note(who, error)
        finally:
            process.close()

    def _loads(self, process: Process, who: Contender) -> bool:
        """Whether it could be loaded; why not is noted."""
        try:
            self._load(process, who)
        except WorkerError as error:
            self._note(who, error)
            return False
        return True

    def drop(self, who: Contender) -> None:
        """End its kept worker."""
        if worker := self.workers.pop(who.name, None):
            worker.close()

    def close(self) -> None:
        for who in self.contenders:
            self.drop(who)

    def _started(self, who: Contender | None) -> Process:
        name = "calls" if who is None else who.name
        log = self.scratch / (re.sub(r"\W+", "-", name) + ".log")
        return Process(self.pythons.get(name, ""), self.threads, self.extra, log, self.most_mb)

    def _load(self, process: Process, who: Contender) -> None:
        self.tell(f"  loads {who.name}")
        done = process.ask(who.job(self.folders, self.threads), LOAD_SECONDS)
        self.versions[who.name] = done["versions"]
        process.ask({"do": "read", "path": str(self.texts)}, self.seconds)

    def _note(self, who: Contender, error: WorkerError) -> None:
        where = self.absent if isinstance(error, AbsentError) else self.failed
        # where it was is nobody's business but this machine's
        message = str(error).replace(str(self.scratch), "SCRATCH").replace(str(Path.home()), "~")
        where[who.name] = message
        self.tell(f"  {who.name}: {message}")
