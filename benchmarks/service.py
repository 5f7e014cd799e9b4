"""The service under load, by locust: latency against rate, overload, recovery, a killed worker.

    pip install ".[server]" locust
    python benchmarks/service.py                       about 8 minutes; writes results/service.json
    python benchmarks/service.py --seconds 5 --users 2 a small run that shows that it works
    python benchmarks/service.py --model onnx:FOLDER --soak 1800

Each answer is compared with the library's own scores of the same texts. It measures one machine on
which the callers run too.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results/service.json"
SIZES = (10, 10, 10, 10, 50, 50, 200)
"""Documents of a request; a caller takes them in turn."""
QUERY = "who wrote Faust?"


def documents(count: int) -> list[str]:
    """Texts of 20 to 140 words, always the same."""
    words = ("goethe", "wrote", "the", "play", "faust", "cats", "sleep", "rust", "never", "does")
    return [
        " ".join(words[(i * 7 + j) % len(words)] for j in range(20 + 37 * i % 121))
        for i in range(count)
    ]


def locustfile(expected: dict[int, list[float]]) -> str:
    """What the callers do, for locust."""
    return f"""
import itertools, json
from locust import FastHttpUser, constant_throughput, task
EXPECTED = {{int(k): v for k, v in json.loads({json.dumps(json.dumps(expected))}).items()}}
BODIES = {{n: json.dumps({{"query": {QUERY!r}, "documents": texts}}) for n, texts in
    json.loads({json.dumps(json.dumps({n: documents(n) for n in set(SIZES)}))}).items()}}
SIZES = itertools.cycle({SIZES!r})

class Caller(FastHttpUser):
    rate = float(__import__("os").environ["RATE"])
    wait_time = constant_throughput(rate) if rate else (lambda self: 0)

    @task
    def rank(self):
        size = next(SIZES)
        with self.client.post("/rank", data=BODIES[str(size)], name=f"/rank {{size}}",
            headers={{"Content-Type": "application/json"}}, catch_response=True) as response:
            if response.status_code == 429 and int(response.headers["Retry-After"]) >= 1:
                response.failure("429")
            elif response.status_code != 200:
                response.failure(f"status {{response.status_code}}")
            else:
                answer = response.json()
                if answer["status"] == "partial":
                    response.failure("partial")
                    return
                scores = [0.0] * size
                for one in answer["candidates"]:
                    scores[one["position"]] = one["score"]
                if max(abs(a - b) for a, b in zip(scores, EXPECTED[size])) > 1e-5:
                    response.failure("WRONG ANSWER")
"""


def load(url: str, file: Path, users: int, rate: float, seconds: float) -> dict[str, Any]:
    """One run of locust.

    Args:
        url: Of the service.
        file: What callers do.
        users: How many.
        rate: Requests a second of each; 0: the next as soon as the last is answered.
        seconds: How long.
    """
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                sys.executable, "-m", "locust", "--headless", "--only-summary", "-f", str(file),
                "--host", url, "-u", str(users), "-r", str(users), "-t", f"{seconds:g}s",
                "--stop-timeout", "60", "--csv", f"{folder}/run", "--exit-code-on-error", "0",
            ],
            env={**os.environ, "RATE": str(rate)}, check=True, capture_output=True,
            timeout=seconds + 180,
        )  # fmt: skip
        with Path(folder, "run_stats.csv").open() as stats:
            rows = {row["Name"]: row for row in csv.DictReader(stats)}
        with Path(folder, "run_failures.csv").open() as failures:
            failed = {r["Error"][-60:]: int(r["Occurrences"]) for r in csv.DictReader(failures)}
    total = rows["Aggregated"]
    return {
        "users": users,
        "asked_per_second": users * rate or None,
        "requests": int(total["Request Count"]),
        "answered_per_second": float(total["Requests/s"]),
        "failures": failed,
        "milliseconds": {
            name: {p: float(row[p]) for p in ("50%", "95%", "99%") if row[p] not in ("", "N/A")}
            for name, row in rows.items()
        },
    }


@contextlib.contextmanager
def service(model: str, workers: int) -> Any:
    """A running service: its address and its process."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "secondpass", "serve", f"served={model}", "--port", str(port)]
    process = subprocess.Popen([*command, "--workers", str(workers)], stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()
                break
            time.sleep(0.1)
        yield url, process
    finally:
        process.terminate()
        process.wait(60)


def ask(url: str, size: int) -> float:
    """Seconds of one request."""
    body = json.dumps({"query": QUERY, "documents": documents(size)}).encode()
    request = urllib.request.Request(
        f"{url}/rank", body, {"Content-Type": "application/json"}, method="POST"
    )
    began = time.perf_counter()
    urllib.request.urlopen(request, timeout=120).read()
    return time.perf_counter() - began


def resident(pid: int) -> int:
    """Kilobytes of a process, where the system says."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("VmRSS")), 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="builtin")
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--users", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--soak", type=float, default=0, help="Seconds at half of the rate.")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()

    from secondpass import Ranking
    from secondpass import load as load_model

    stage = load_model(options.model)
    expected: dict[int, list[float]] = {}
    for size in set(SIZES):
        ranking = stage(Ranking.of(QUERY, documents(size)))
        scores = dict(zip(ranking.indices, ranking.scores, strict=True))
        expected[size] = [scores[i] for i in range(size)]

    result: dict[str, Any] = {"model": options.model, "sizes": SIZES, "workers": options.workers}
    with (
        tempfile.TemporaryDirectory() as folder,
        service(options.model, options.workers) as (url, process),
    ):
        file = Path(folder, "callers.py")
        file.write_text(locustfile(expected), encoding="utf-8")
        ask(url, 10)
        result["alone_seconds"] = {size: ask(url, size) for size in sorted(set(SIZES))}
        result["closed_loop"] = [load(url, file, u, 0, options.seconds) for u in options.users]
        most = max(run["answered_per_second"] for run in result["closed_loop"])
        result["open_loop"] = []
        for share in (0.25, 0.5, 0.75, 1.0, 3.0):
            users = max(4, round(most * share * 12))  # enough that none waits for another's answer
            run = load(url, file, users, most * share / users, options.seconds)
            result["open_loop"].append({"share_of_capacity": share, **run})
        result["seconds_after_overload"] = [ask(url, 10) for _ in range(5)]
        if options.soak:
            before = resident(process.pid)
            users = 8
            run = load(url, file, users, most * 0.5 / users, options.soak)
            result["soak"] = {**run, "kilobytes": [before, resident(process.pid)]}
    text = json.dumps(result, indent=2)
    options.out.write_text(text + "\n", encoding="utf-8")
    print(text)
    if "WRONG" in text:
        raise SystemExit("a wrong answer")


if __name__ == "__main__":
    main()
