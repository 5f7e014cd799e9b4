"""The parts of a job on Ray: actors that load the model once, as many as the work is worth."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.serve.batch.parts import TablePart, part_values
from secondpass.serve.batch.rerank_batch import RerankBatch

if TYPE_CHECKING:
    from secondpass.serve.batch.job import PartJob

WORTH_AN_ACTOR_S = 20.0
"""Seconds of work for which another actor is started; starting one takes a few."""
_SAMPLE = 64
"""Rows at most that measure the rate."""


class PartWriter:
    """An actor: does the parts that it is given. A part that is done twice is written twice alike.

    Args:
        job: What to do.
    """

    def __init__(self, job: PartJob) -> None:
        self.work = job.worker()

    def __call__(self, batch: Mapping[str, Any]) -> dict[str, Any]:
        """Number and rows of each part that was done."""
        rows = []
        for number, path, start, stop in zip(*(batch[name] for name in _NAMES), strict=True):
            rows.append(self.work(TablePart(int(number), str(path), int(start), int(stop))))
        return {"number": batch["number"], "rows": rows}


_NAMES = ("number", "path", "start", "stop")


def run_on_ray(
    job: PartJob,
    parts: Sequence[TablePart],
    pairs: int,
    on_rows: Callable[[int], None],
    *,
    actors: int | None,
    cpus: int,
    gpus: float,
) -> int:
    """Do the parts on the cluster of RAY_ADDRESS, or on this machine.

    An actor that dies is started again, and the part that it had is done again.

    Args:
        job: What to do.
        parts: Those that are missing.
        pairs: Of query and text in them, about.
        on_rows: Called with the number of rows of each part that was done.
        actors: How many; None: `pool_size`.
        cpus: Processors of each.
        gpus: GPUs of each.

    Returns:
        The number of actors, at most.

    Raises:
        MissingExtraError: Ray is not installed.
        InvalidInputError: The cluster has no room for one actor.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent home
    try:
        ray: Any = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise MissingExtraError("secondpass batch --ray", "ray") from error
    ours = not ray.is_initialized()
    if ours:
        ray.init(log_to_driver=False, include_dashboard=False)
    try:
        room = _room(ray.cluster_resources(), cpus, gpus)
        if actors is None:
            actors = pool_size(pairs, _rate(job, parts), room, len(parts))
        actors = min(actors, len(parts))
        if actors > room:
            raise InvalidInputError(
                f"{actors} actors of {cpus} CPUs and {gpus:g} GPUs do not fit: the cluster has "
                f"room for {room}"
            )
        dataset = ray.data.from_items(
            [part_values(part) for part in parts], override_num_blocks=len(parts)
        ).map_batches(
            PartWriter,
            fn_constructor_args=(job,),
            batch_size=1,
            compute=ray.data.ActorPoolStrategy(size=actors),
            num_cpus=cpus,
            num_gpus=gpus or None,
        )
        for row in dataset.iter_rows():
            on_rows(int(row["rows"]))
    finally:
        if ours:
            ray.shutdown()
    return actors


def pool_size(pairs: int, rate: float, room: int, parts: int) -> int:
    """The number of actors: as many as there is room for, if each has work for a while.

    Args:
        pairs: To be scored.
        rate: Pairs per second of one actor.
        room: The most that fit into the cluster.
        parts: Of the job.
    """
    worth = math.ceil(pairs / max(rate, 1e-9) / WORTH_AN_ACTOR_S)
    return max(1, min(worth, room, parts))


def _room(resources: Mapping[str, float], cpus: int, gpus: float) -> int:
    room = int(resources.get("CPU", 0) // cpus)
    if gpus:
        room = min(room, int(resources.get("GPU", 0) / gpus))
    if room < 1:
        raise InvalidInputError(
            f"an actor of {cpus} CPUs and {gpus:g} GPUs does not fit: the cluster has "
            f"{resources.get('CPU', 0):g} CPUs and {resources.get('GPU', 0):g} GPUs"
        )
    return room


def _rate(job: PartJob, parts: Sequence[TablePart]) -> float:
    """Pairs per second, of the first rows, here."""
    rerank = RerankBatch(job.recipe, job.columns, threads=job.threads)
    first = parts[0]
    sample = replace(first, stop=min(first.stop, first.start + _SAMPLE)).read()
    texts = sample.column(job.columns.text_of(sample.schema, job.name)).to_pylist()
    pairs = sum(len(one) if isinstance(one, list) else 1 for one in texts if one is not None)
    rerank.rank(sample.slice(0, 1), job.name)  # warms up
    began = time.perf_counter()
    rerank.rank(sample, job.name)
    return pairs / max(time.perf_counter() - began, 1e-9)
