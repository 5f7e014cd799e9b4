"""A worker seen from the runner: asked, limited in time and memory, stopped while others work."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
THREADS = (
    "SPEED_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "RAYON_NUM_THREADS", "NUMEXPR_NUM_THREADS",
)  # fmt: skip
QUIET = (
    "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK",
    "HF_HUB_DISABLE_PROGRESS_BARS", "PYTHONDONTWRITEBYTECODE",
)  # fmt: skip
STOP, CONTINUE = getattr(signal, "SIGSTOP", None), getattr(signal, "SIGCONT", None)


class WorkerError(Exception):
    """A contender failed; the message is the row's reason."""


class AbsentError(WorkerError):
    """A contender is not installed."""


def environment(threads: int, extra: dict[str, str]) -> dict[str, str]:
    """The same for every worker: threads, no network, no telemetry."""
    paths = [ROOT / "src", ROOT / "adapters/langchain-secondpass"]
    paths.append(ROOT / "adapters/llama-index-postprocessor-secondpass")
    settings = {
        **dict.fromkeys(THREADS, str(threads)),
        **dict.fromkeys(QUIET, "1"),
        "HAYSTACK_TELEMETRY_ENABLED": "False",
        "ANONYMIZED_TELEMETRY": "False",
        "OPENVINO_TELEMETRY": "0",
        "TOKENIZERS_PARALLELISM": "true",
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        **extra,
    }
    return {**os.environ, **settings}


class Process:
    """One worker. Its standard error goes to `log`.

    Args:
        python: The interpreter.
        threads: Processor threads it may use.
        extra: Environment variables added.
        log: Where its standard error goes.
        most_mb: Killed when it uses more memory.
    """

    def __init__(
        self, python: str, threads: int, extra: dict[str, str], log: Path, most_mb: float
    ) -> None:
        self.log, self.most_mb = log, most_mb
        with log.open("w") as errors:
            self.process = subprocess.Popen(
                [python or sys.executable, str(HERE / "worker.py")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                env=environment(threads, extra),
            )  # fmt: skip
        self._lines: queue.Queue[str | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, job: dict[str, Any], seconds: float) -> dict[str, Any]:
        """Its answer to a job.

        Raises:
            AbsentError: The library is not installed.
            WorkerError: It failed, died, took too long (and was killed) or too much memory.
        """
        self._signal(CONTINUE)
        try:
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps(job) + "\n")
            self.process.stdin.flush()
        except OSError as error:
            raise WorkerError(self._died()) from error
        answer = self._answer(time.monotonic() + seconds, seconds)
        self._signal(STOP)
        if "absent" in answer:
            raise AbsentError(answer["absent"])
        if "failed" in answer:
            raise WorkerError(answer["failed"])
        return answer

    def _answer(self, deadline: float, seconds: float) -> dict[str, Any]:
        while True:
            try:
                line = self._lines.get(timeout=0.2)
            except queue.Empty:
                if time.monotonic() > deadline:
                    self.close()
                    raise WorkerError(f"killed after {seconds:.0f} s") from None
                if (used := self._memory()) > self.most_mb:
                    self.close()
                    raise WorkerError(f"killed at {used:,.0f} MB of memory") from None
                continue
            if line is None:
                raise WorkerError(self._died())
            return dict(json.loads(line))

    def close(self) -> None:
        self.process.kill()  # kills a stopped process too
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        with contextlib.suppress(ValueError, OSError):  # closed under it
            for line in self.process.stdout:
                self._lines.put(line)
        self._lines.put(None)

    def _signal(self, which: signal.Signals | None) -> None:
        if which is not None and self.process.poll() is None:
            self.process.send_signal(which)

    def _memory(self) -> float:
        try:
            status = Path(f"/proc/{self.process.pid}/status").read_text()
            return (
                next(
                    int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")
                )
                / 1024
            )
        except (OSError, StopIteration):
            return 0.0

    def _died(self) -> str:
        code = self.process.wait()
        errors = (
            self.log.read_text(errors="replace").strip().splitlines() if self.log.exists() else []
        )
        return f"its process ended with code {code}" + (f": {errors[-1][:300]}" if errors else "")
