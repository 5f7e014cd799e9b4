"""Jobs on a real Ray, in a process of their own, whose results `test_ray.py` reads.

Ray leaves processes and sockets behind it, which in the tests' own process would be warnings.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import ray
import ray.data

from secondpass import InvalidInputError
from secondpass.serve.batch import EncodeBatch, RerankBatch, rerank_parquet


def kill_an_actor(parts: Path, killed: list[int]) -> None:
    """SIGKILL to one of this Ray's actors as soon as a part is written."""
    while not list(parts.glob("part-*.parquet")):
        time.sleep(0.01)
    for pid in below(os.getpid()):
        if b"PartWriter" in command(pid):
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
            return


def below(pid: int) -> list[int]:
    """The processes that a process has started, and those that they have."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            parents[int(path.parent.name)] = int(fields[1])
        except OSError:
            continue  # it has ended
    found: set[int] = set()
    new = {pid}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return sorted(found)


def command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""


def refusal(source: Path, **options: Any) -> str:
    try:
        rerank_parquet(source, source.with_name("no.parquet"), ray=True, **options)
    except InvalidInputError as error:
        return str(error)
    return "nothing was refused"


def main(source: Path) -> dict[str, Any]:
    said: dict[str, Any] = {}
    seen: list[tuple[int, int]] = []
    report = rerank_parquet(
        source, source.with_name("ray.parquet"), ray=True, rows_per_part=8,
        on_progress=lambda *now: seen.append(now),
    )  # fmt: skip
    said["actors"], said["progress"] = report.actors, seen
    out = source.with_name("killed.parquet")
    killed: list[int] = []
    killer = threading.Thread(
        target=kill_an_actor, args=(out.with_name(f"{out.name}.parts"), killed), daemon=True
    )
    killer.start()
    rerank_parquet(source, out, ray=True, actors=2, rows_per_part=1)
    killer.join(10)
    said["killed"] = len(killed)
    options: dict[str, Any] = {
        "batch_format": "pyarrow",
        "batch_size": 32,
        "compute": ray.data.ActorPoolStrategy(size=1),
    }
    dataset = ray.data.read_parquet(str(source)).map_batches(
        RerankBatch, fn_constructor_args=("builtin",), fn_constructor_kwargs={"threads": 1},
        **options,
    )  # fmt: skip
    said["scores"] = {row["row"]: row["score"] for row in dataset.take_all()}
    store = source.with_name("corpus.vectors")
    # half a processor each: what splits the rows needs one too, or nobody ever gets on
    options |= {"compute": ray.data.ActorPoolStrategy(size=2), "num_cpus": 0.5}
    dataset = (
        ray.data.read_parquet(str(source))
        .repartition(4)
        .map_batches(EncodeBatch, fn_constructor_args=(str(store),), **options)
    )
    said["encoded"] = sum(row["texts"] for row in dataset.take_all())
    said["large"] = refusal(source, cpus_per_actor=64)
    said["many"] = refusal(source, actors=3, rows_per_part=8)
    return said


def start_ray(tries: int = 3) -> None:
    """Again where its processes did not come up in time, as on a machine that does other things."""
    for left in reversed(range(tries)):
        try:
            ray.init(
                num_cpus=2, object_store_memory=100_000_000, include_dashboard=False,
                log_to_driver=False,
            )  # fmt: skip
            return
        except Exception as error:  # Ray raises just that
            if not left or "timed out during startup" not in str(error):
                raise
            ray.shutdown()


if __name__ == "__main__":
    start_ray()
    ray.data.DataContext.get_current().enable_progress_bars = False
    results = main(Path(sys.argv[1]))
    rows = pq.read_metadata(sys.argv[1]).num_rows
    Path(sys.argv[2]).write_text(json.dumps({"rows": rows, **results}), encoding="utf-8")
    ray.shutdown()
