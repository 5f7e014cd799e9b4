"""`deploy/ray_serve.py` on a real Ray Serve, in a process whose answers `test_ray_serve.py` reads.

Ray leaves processes and sockets behind it, which in the tests' own process would be warnings.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import ray
from ray import serve

ROOT = Path(__file__).parents[2]
QUERY = "who wrote Faust?"
DOCUMENTS = ["Cats sleep all day.", "Goethe wrote the play Faust.", "Rust never sleeps."]


def post(url: str, body: Any, headers: dict[str, str] | None = None) -> tuple[int, Any, Any]:
    """Status, headers and JSON of an answer; status 0 where the connection broke."""
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})}
    )
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.status, lower(answer.headers), json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        said = json.loads(text) if text.startswith("{") else text
        return error.code, lower(error.headers), said
    except OSError as error:
        return 0, {}, str(error)


def lower(headers: Any) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def ask_until(stop: threading.Event, url: str, statuses: list[tuple[int, Any]]) -> None:
    body = {"query": QUERY, "documents": DOCUMENTS}
    while not stop.is_set():
        status, _, said = post(f"{url}/rank", body)
        statuses.append((status, [c["id"] for c in said["candidates"]] if status == 200 else said))


def main(out: Path) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    sys.path.insert(0, str(ROOT))  # as `serve run` does with the folder that it is started in
    ray.init(
        num_cpus=2, object_store_memory=100_000_000, include_dashboard=False, log_to_driver=False
    )
    serve.start(http_options={"host": "127.0.0.1", "port": port})
    module = importlib.import_module("deploy.ray_serve")
    serve.run(module.app, name="secondpass")
    url = f"http://127.0.0.1:{port}"
    said: dict[str, Any] = {}
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health/ready", timeout=60) as answer:
                said["ready"] = answer.status
                break
        except OSError:
            time.sleep(0.2)
    said["own"] = post(f"{url}/rank", {"query": QUERY, "documents": DOCUMENTS})
    v2 = {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS, "top_n": 2}
    said["cohere"] = post(f"{url}/v2/rerank", v2)
    said["unknown"] = post(f"{url}/v2/rerank", {**v2, "model": "no such"})
    said["jina"] = post(f"{url}/v1/rerank", {"query": QUERY, "documents": DOCUMENTS})
    said["tei"] = post(f"{url}/rerank", {"query": QUERY, "texts": DOCUMENTS})
    said["score"] = post(f"{url}/score", {"text_1": QUERY, "text_2": DOCUMENTS})
    said["malformed"] = post(f"{url}/rank", {"query": 3})
    long = {"query": QUERY, "documents": [f"word {i} " * 200 for i in range(200)]}
    said["hurried"] = post(f"{url}/rank", long, {"Secondpass-Deadline-Ms": "300"})
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        said["metrics"] = answer.read().decode()
    deployment = serve.status().applications["secondpass"].deployments["secondpass"]
    said["replicas"] = {str(k): v for k, v in deployment.replica_states.items()}
    # a replica that is killed: Ray starts another, and what is asked then is answered
    statuses: list[tuple[int, Any]] = []
    stop = threading.Event()
    callers = [threading.Thread(target=ask_until, args=(stop, url, statuses)) for _ in range(2)]
    for caller in callers:
        caller.start()
    while not statuses:
        time.sleep(0.01)
    said["killed"] = kill_a_replica()
    count = len(statuses)
    while sum(status == 200 for status, _ in statuses[count:]) < 10:
        time.sleep(0.05)
    stop.set()
    for caller in callers:
        caller.join()
    said["around"] = statuses
    out.write_text(json.dumps(said), encoding="utf-8")
    serve.shutdown()
    ray.shutdown()


def kill_a_replica() -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            named = path.read_bytes()
            parent = int(path.parent.joinpath("stat").read_text().rpartition(")")[2].split()[1])
        except (OSError, IndexError):
            continue  # it has ended
        if b"ServeReplica:secondpass" in named and parent in descendants(os.getpid()):
            os.kill(int(path.parent.name), signal.SIGKILL)
            return int(path.parent.name)
    return 0


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, new = set(), {pid}
    while new:
        found |= new
        new = {child for child, parent in parents.items() if parent in new} - found
    return found


if __name__ == "__main__":
    main(Path(sys.argv[1]))
