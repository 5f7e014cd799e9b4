"""The service under load, by locust: latency against rate, overload, recovery, a killed worker.

    pip install ".[server]" locust
    python benchmarks/service.py                       about 8 minutes; writes results/service.json
    python benchmarks/service.py --seconds 5 --users 2 --results /tmp   a small run: it works
    python benchmarks/service.py --model onnx:FOLDER --name service-minilm --soak 1800
    python benchmarks/service.py --infinity PYTHON HF_FOLDER --model onnx:FOLDER

Each answer is compared with the library's own scores of the same texts; an answer is lost if the
connection broke or nothing came. `--locust PYTHON` is one that has locust, `--infinity` one that
has infinity-emb, and a folder of the weights of `--model` for it. All runs on one machine, callers
included.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from results_file import RESULTS, machine_load, write_results
from service_page import page

SIZES = (10, 10, 10, 10, 50, 50, 200)
"""Documents of a request where nothing else is said; callers take them in turn."""
QUERY = "who wrote Faust?"
Record = tuple[float, str, int, float]


def documents(count: int) -> list[str]:
    """Texts of 20 to 140 words, always the same."""
    words = ("goethe", "wrote", "the", "play", "faust", "cats", "sleep", "rust", "never", "does")
    return [
        " ".join(words[(i * 7 + j) % len(words)] for j in range(20 + 37 * i % 121))
        for i in range(count)
    ]


class Load:
    """Calls by locust.

    Args:
        python: That has locust.
        sizes: Documents of the requests, in turn.
        expected: Scores of `documents` by number.
        path: Of the service's API.
        tolerance: How far a score may be from the expected one.
    """

    def __init__(
        self,
        python: str,
        sizes: Sequence[int],
        expected: dict[int, list[float]],
        path: str,
        tolerance: float,
    ) -> None:
        self.python = python
        bodies = {n: json.dumps({"query": QUERY, "documents": documents(n)}) for n in expected}
        self.plan = {
            "sizes": sizes, "bodies": bodies, "expected": expected, "path": path,
            "tolerance": tolerance,
        }  # fmt: skip

    def __call__(
        self, url: str, phases: Sequence[tuple[float, float]], users: int = 1
    ) -> list[Record]:
        """What came of each request, in the order of their beginnings.

        Args:
            url: Of the service.
            phases: Seconds, and requests a second; 0: a closed loop of all users.
            users: In a closed loop.
        """
        seconds = sum(of for of, _ in phases)
        with tempfile.TemporaryDirectory() as folder:
            plan, out = Path(folder, "plan.json"), Path(folder, "out.json")
            said = {**self.plan, "phases": phases, "users": users, "out": str(out)}
            plan.write_text(json.dumps(said), encoding="utf-8")
            command = [
                self.python, "-m", "locust", "--headless", "--only-summary", "--host", url,
                "-f", str(Path(__file__).with_name("callers.py")), "-u", str(users),
                "-r", str(users), "--stop-timeout", "120", "--exit-code-on-error", "0",
            ]  # fmt: skip
            done = subprocess.run(
                command, env={**os.environ, "PLAN": str(plan)}, timeout=seconds + 400,
                capture_output=True, text=True, check=False,
            )  # fmt: skip
            if not out.exists():
                raise SystemExit(done.stdout + done.stderr)
            return sorted(tuple(one) for one in json.loads(out.read_text(encoding="utf-8")))


def summary(records: Sequence[Record], seconds: float) -> dict[str, Any]:
    """Counts by outcome, and milliseconds of the right answers by number of documents."""
    right = [(size, took) for _, outcome, size, took in records if outcome == "right"]
    times = {
        str(size): quantiles([took for of, took in right if size in (of, "all")])
        for size in ("all", *sorted({size for size, _ in right}))
    }
    return {
        "requests": len(records),
        "answered_per_second": round(len(right) / seconds, 2),
        "outcomes": dict(Counter(outcome for _, outcome, _, _ in records)),
        "milliseconds": times,
    }


def quantiles(values: Sequence[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    of = {"50": 0.5, "95": 0.95, "99": 0.99}
    return {name: round(ordered[int(q * (len(ordered) - 1))], 1) for name, q in of.items()}


@contextlib.contextmanager
def running(command: list[str], port: int, ready: str) -> Iterator[tuple[str, int]]:
    """A service that is ready: its address and its process."""
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    url, ends = f"http://127.0.0.1:{port}", time.monotonic() + 300
    try:
        while True:
            try:
                urllib.request.urlopen(url + ready, timeout=5).close()
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > ends:
                    raise SystemExit(f"did not start: {' '.join(command)}") from None
                time.sleep(0.1)
        yield url, process.pid
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def serving(model: str, workers: int) -> contextlib.AbstractContextManager[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "secondpass", "serve", f"served={model}", "--port", str(port)]
    return running([*command, "--workers", str(workers)], port, "/health/ready")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def ask(url: str, size: int) -> float:
    """Milliseconds of one request."""
    body = json.dumps({"query": QUERY, "documents": documents(size)}).encode()
    request = urllib.request.Request(f"{url}/rank", body, {"Content-Type": "application/json"})
    began = time.perf_counter()
    urllib.request.urlopen(request, timeout=120).read()
    return round(1000 * (time.perf_counter() - began), 1)


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(one) for one in path.read_text().split()] if path.exists() else []


def megabytes(pid: int) -> float:
    """Of a process and those that it started; pages that they share count once."""
    total = 0
    for one in (pid, *children(pid)):
        with contextlib.suppress(OSError):
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
            total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total / 1024, 1)


def recovery(
    records: Sequence[Record], ended: float, small_size: int, calm: float
) -> dict[str, Any]:
    """How soon after an overload all is as before it: `calm` milliseconds for the small ones."""
    after = [one for one in records if one[0] >= ended]
    refused = [at - ended for at, outcome, _, _ in after if outcome != "right"]
    small = [
        (at - ended, took) for at, o, size, took in after if o == "right" and size == small_size
    ]
    slow = [at for at, took in small if took > 3 * calm]
    return {
        "seconds_until_the_last_refusal": round(max(refused, default=0.0), 2),
        "seconds_until_small_ones_are_fast": round(max(slow, default=0.0), 2),
        "small_before_ms": calm,
        "small_after_ms": quantiles([took for _, took in small]) if small else {},
    }


def kill_one(load: Load, model: str, seconds: float) -> dict[str, Any]:
    """Four callers of two workers, of which one is killed."""
    with serving(model, 2) as (url, pid):
        before, seen = set(children(pid)), {}

        def kill() -> None:
            time.sleep(seconds / 2 + 3)  # locust takes some seconds to begin
            os.kill(min(before), signal.SIGKILL)
            at = time.monotonic()
            while len(set(children(pid)) - {min(before)}) < 2:
                time.sleep(0.01)
            seen["milliseconds_until_replaced"] = round(1000 * (time.monotonic() - at))

        killer = threading.Thread(target=kill)
        killer.start()
        records = load(url, [(seconds + 6, 0)], users=4)
        killer.join()
    return {"callers": 4, **summary(records, seconds + 6), **seen}


def soak(load: Load, url: str, pid: int, rate: float, seconds: float) -> dict[str, Any]:
    """Half of what it can take, for long: memory at twelve times, after a first minute."""
    memory: list[float] = []
    ended = threading.Event()

    def watch() -> None:
        ended.wait(min(60.0, seconds / 6))
        while not ended.is_set():
            memory.append(megabytes(pid))
            ended.wait(seconds / 12)

    watcher = threading.Thread(target=watch)
    watcher.start()
    records = load(url, [(seconds, rate)])
    ended.set()
    watcher.join()
    return {"seconds": seconds, "rate": rate, **summary(records, seconds), "megabytes": memory}


def expected_scores(model: str, sizes: Sequence[int]) -> dict[int, list[float]]:
    from secondpass import Ranking
    from secondpass import load as load_model

    stage, expected = load_model(model), {}
    for size in sorted(set(sizes)):
        ranking = stage(Ranking.of(QUERY, documents(size)))
        scores = dict(zip(ranking.indices, ranking.scores, strict=True))
        expected[size] = [scores[i] for i in range(size)]
    return expected


def squeezed(expected: dict[int, list[float]]) -> dict[int, list[float]]:
    """Raw scores as infinity gives them."""
    every = [score for scores in expected.values() for score in scores]
    if min(every) >= 0 and max(every) <= 1:
        return expected
    return {n: [1 / (1 + math.exp(-s)) for s in scores] for n, scores in expected.items()}


def without_paths(text: str) -> str:
    """Where something lies on this machine says nothing to a reader on another."""
    return re.sub(r"(?<![\w.])/\S+", "PATH", text)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="Of the requests.")
    parser.add_argument("--users", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--soak", type=float, default=0, help="Seconds at half of the rate.")
    parser.add_argument("--locust", default=sys.executable, help="A python that has locust.")
    parser.add_argument("--infinity", nargs=2, metavar=("PYTHON", "FOLDER"))
    parser.add_argument("--name", default="service", help="Of the files of results.")
    parser.add_argument("--results", type=Path, default=RESULTS)
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given)
    sizes = options.sizes
    small = min(sizes)
    expected = expected_scores(options.model, sizes)
    load = Load(options.locust, sizes, expected, "/rank", 1e-5)
    seconds = options.seconds
    report: dict[str, Any] = {
        "command": without_paths(" ".join(["python benchmarks/service.py", *given])),
        "model": without_paths(options.model), **machine_load(), "sizes": sizes,
    }  # fmt: skip
    with serving(options.model, 1) as (url, pid):
        ask(url, small)
        report["alone_ms"] = {n: min(ask(url, n) for _ in range(3)) for n in sorted(set(sizes))}
        closed = {n: summary(load(url, [(seconds, 0)], n), seconds) for n in options.users}
        report["closed_loop"] = closed
        most = max(run["answered_per_second"] for run in closed.values())
        report["open_loop"] = {
            share: {"rate": round(most * share, 2)}
            | summary(load(url, [(seconds, most * share)]), seconds)
            for share in (0.25, 0.5, 0.75, 1.0)
        }
        phases = [(seconds, most * share) for share in (0.25, 3.0, 0.25)]
        records = load(url, phases)
        parts = [[o for o in records if i * seconds <= o[0] < (i + 1) * seconds] for i in range(3)]
        report["overload"] = {"rate": round(3 * most, 2), **summary(parts[1], seconds)}
        before = summary(parts[0], seconds)["milliseconds"]
        calm = before.get(str(small), {}).get("50", report["alone_ms"][small])
        report["recovery"] = recovery(records, 2 * seconds, small, calm)
        report["megabytes"] = {1: megabytes(pid)}
        if options.soak:
            report["soak"] = soak(load, url, pid, most / 2, options.soak)
    with serving(options.model, 4) as (url, pid):
        load(url, [(min(seconds, 5), 0)], users=8)
        report["megabytes"][4] = megabytes(pid)
    report["killed_worker"] = kill_one(load, options.model, seconds)
    if options.infinity:
        python, folder = options.infinity
        port = free_port()
        script = str(Path(python).with_name("infinity_emb"))
        command = [script, "v2", "--model-id", folder, "--port", str(port)]
        with running(
            [*command, "--device", "cpu", "--engine", "torch", "--host", "127.0.0.1"],
            port,
            "/health",
        ) as (u, _):
            theirs = Load(options.locust, sizes, squeezed(expected), "/rerank", 0.05)
            report["infinity"] = {
                n: summary(theirs(u, [(seconds, 0)], n), seconds) for n in options.users
            }
    write_results(options.name, report, page(report), options.results)
    every = json.dumps(report)
    if "WRONG" in every or '"lost"' in json.dumps({**report, "killed_worker": {}}):
        raise SystemExit("a wrong or a lost answer")


if __name__ == "__main__":
    main()
