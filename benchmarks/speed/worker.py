"""One contender in a process of its own: JSON jobs on stdin, an answer each on stdout, by lines.

Run by `speed.process`, with whatever Python has the library; imports nothing but what it is told.
Jobs: load, rank (lists of a workload, one after the other), many (lists at once), memory, call.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PACKAGES = (
    "secondpass", "numpy", "onnxruntime", "tokenizers", "openvino", "nncf", "torch",
    "transformers", "sentence-transformers", "optimum", "optimum-onnx", "optimum-intel",
    "FlashRank", "rerankers", "llama-index-core", "langchain-core", "haystack-ai",
    "sentence-transformers-haystack",
)  # fmt: skip
ABSENT = ("MissingExtraError", "UnknownModelError", "ImportError", "ModuleNotFoundError")


class Worker:
    """Keeps its model between jobs, so that contenders can take turns."""

    def __init__(self) -> None:
        self.peer: Any = None
        self.texts: dict[str, Any] = {}

    def do(self, job: dict[str, Any]) -> dict[str, Any]:
        done: dict[str, Any] = getattr(self, job.pop("do"))(**job)
        return done

    def load(
        self, kind: str, model: str, options: dict[str, Any], threads: int,
        needs: list[str], remedy: str,
    ) -> dict[str, Any]:  # fmt: skip
        missing = [module for module in needs if not _found(module)]
        if missing:
            why = f"not installed: {', '.join(missing)}" + (f". {remedy}" if remedy else "")
            return {"absent": why}
        start = time.perf_counter()
        try:
            module = importlib.import_module(f"speed.contenders.{kind}")
            imported = time.perf_counter()
            self.peer = module.Peer(model, options, threads)
        except Exception as error:
            if type(error).__name__ in ABSENT:
                return {"absent": f"{type(error).__name__}: {error}"}
            raise
        return {
            "import_s": imported - start,
            "load_s": time.perf_counter() - imported,
            "versions": _versions(),
        }

    def read(self, path: str) -> dict[str, Any]:
        self.texts = json.loads(Path(path).read_text(encoding="utf-8"))
        return {}

    def rank(self, workload: str, lists: list[int]) -> dict[str, Any]:
        seconds, orders = [], []
        for place in lists:
            one = self.texts[workload][place]
            given = self.peer.given(one["query"], one["texts"])
            start = time.perf_counter()
            done = self.peer.run(given)
            seconds.append(time.perf_counter() - start)
            orders.append(self.peer.order(done))
        return {"seconds": seconds, "orders": orders}

    def many(self, workload: str, way: str, threads: int) -> dict[str, Any]:
        """All lists of a workload as one burst: at once, in threads, or one after the other."""
        given = [self.peer.given(one["query"], one["texts"]) for one in self.texts[workload]]
        if way == "at once" and not hasattr(self.peer, "many"):
            return {"seconds": None}
        start = time.perf_counter()
        if way == "at once":
            self.peer.many(given)
        elif way == "threads":
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(self.peer.run, given))
        else:
            for one in given:
                self.peer.run(one)
        return {"seconds": time.perf_counter() - start}

    def first(self, query: str, texts: list[str]) -> dict[str, Any]:
        """The first answer of a new process; the clock is the runner's."""
        self.peer.order(self.peer.run(self.peer.given(query, texts)))
        return {}

    def memory(self) -> dict[str, Any]:
        return {"peak_mb": _status("VmHWM"), "now_mb": _status("VmRSS")}

    def call(self, function: str, arguments: dict[str, Any]) -> dict[str, Any]:
        module, _, name = function.partition(":")
        done: dict[str, Any] = getattr(importlib.import_module(module), name)(**arguments)
        return done


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:
        return False


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    return found


def _status(key: str) -> float:
    """Megabytes; /proc's peak, since getrusage's can be the parent's, from before exec."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024
    except OSError:
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


def _end_with_parent() -> None:
    if sys.platform == "linux":  # between jobs it is stopped, so it would not see stdin close
        ctypes.CDLL(None).prctl(1, 9)


def main() -> None:
    _end_with_parent()
    threads = int(os.environ["SPEED_THREADS"])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # libraries print
    worker = Worker()
    for line in sys.stdin:
        try:
            answer = worker.do(json.loads(line))
        except BaseException as error:
            answer = {"failed": f"{type(error).__name__}: {error}"[:600]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    main()
