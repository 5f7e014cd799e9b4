"""From a demand to machines, memory, disk and money, by measured unit costs: `secondpass plan`."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secondpass.core.errors import InvalidInputError

HOURS = 730
"""Of a month."""
BUSY = 0.6
"""Share of the time that processors may be busy: beyond it requests wait for each other."""
SERVICE_SHARE = 0.4
"""Of the target latency that computing may take; the rest is waiting, network and tails."""
CORES = (2, 4, 8, 16, 32, 64)
"""Of one machine."""
WORKER_GB, SYSTEM_GB = 0.25, 1.0
"""Memory of a worker process (`benchmarks/results/footprint.md`), and of everything else."""
CORES_A_WORKER = 4
COPIES = 2
"""Of what is on disk."""


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What one processor core does.

    Attributes:
        processor: Its kind, and where it was measured.
        read: Pairs per second by words of a text, where every text is read: at least one point.
        stored: Pairs per second where the texts' vectors are stored; None: unknown.
        bytes_a_word: Of stored vectors.
        small: The same two of a small store (`.small`); None: unknown.
    """

    processor: str
    read: tuple[tuple[float, float], ...]
    stored: float | None
    bytes_a_word: float
    small: tuple[float, float] | None = None

    def pairs_per_second(self, words: float) -> float:
        """Of texts of so many words: between and beyond the points a power law through them."""
        points = sorted(self.read)
        if len(points) == 1:
            return points[0][1] * points[0][0] / words
        (x0, y0), (x1, y1) = points[0], points[-1]
        power = math.log(y1 / y0) / math.log(x1 / x0)
        return float(y0 * (words / x0) ** power)


XEON = UnitCosts(
    processor="Intel Xeon at 2.5 GHz with VNNI, the built-in model",
    read=((63.0, 54.0),),  # benchmarks/results/short_texts.md: 2 processors
    stored=606.0,  # benchmarks/split.py: 2 processors, from a local file
    bytes_a_word=555.0,  # benchmarks/results/split.md, trec-dl19: with the file's own share
    small=(577.0, 133.0),  # likewise
)
"""Measured for this library; other kinds are what `secondpass bench` says there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What is to be served.

    Attributes:
        requests_per_second: At the busiest time.
        candidates: Of a request.
        words: Of a candidate, on average.
        latency: Target in seconds, for about 95 % of the requests.
        corpus: Passages whose vectors may be stored; 0 for none.
        usd_per_core_hour: Price of a core, with its memory.
        usd_per_gb_month: Price of disk.
    """

    requests_per_second: float
    candidates: int
    words: float
    latency: float
    corpus: int
    usd_per_core_hour: float
    usd_per_gb_month: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalePlan:
    """One way to serve it.

    Attributes:
        way: "each text read", "vectors stored" or "vectors stored small".
        machines: With one to spare; 0 where it cannot be done.
        cores: Of each machine.
        memory_gb: Of each machine, without what the system uses to keep files in memory.
        disk_gb: Over all machines, each thing twice.
        encode_core_hours: To read the corpus once.
        usd_per_month: Machines and disk.
        usd_once: Reading the corpus.
        milliseconds: That computing one request takes on an idle machine.
        limit: What cannot be done, and what could; empty where all can.
    """

    way: str
    machines: int
    cores: int
    memory_gb: float
    disk_gb: float
    encode_core_hours: float
    usd_per_month: float
    usd_once: float
    milliseconds: float
    limit: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


def plan_scale(demand: Demand, costs: UnitCosts = XEON) -> list[ScalePlan]:
    """Each way to serve a demand: reading every text, and, for a corpus, from stored vectors.

    Args:
        demand: See `Demand`.
        costs: Of one core.
    """
    reading = costs.pairs_per_second(demand.words)
    plans = [_plan("each text read", demand, reading, disk_gb=0.0, encode_hours=0.0)]
    hours = demand.corpus / reading / 3600
    stored = None if costs.stored is None else (costs.stored, costs.bytes_a_word)
    for way, of in (("vectors stored", stored), ("vectors stored small", costs.small)):
        if demand.corpus and of is not None:
            rate, bytes_a_word = of
            disk = demand.corpus * demand.words * bytes_a_word * COPIES / 1e9
            plans.append(_plan(way, demand, rate, disk, hours))
    return plans


def unit_costs(path: str | os.PathLike[str]) -> UnitCosts:
    """Of the machine where ``secondpass bench --json`` was run.

    Args:
        path: Its output. Rates of stored vectors are not in it, so those stay as measured here.

    Raises:
        InvalidInputError: It is not such a file.
    """
    try:
        report = json.loads(Path(path).read_text(encoding="utf-8"))
        cores = int(report["machine"].split()[0])
        points = tuple(
            (float(one["mean_words"]), float(one["pairs_per_second"]) / cores)
            for one in report["workloads"]
        )
        if not points or min(min(point) for point in points) <= 0:
            raise ValueError("no rate is positive")
        processor = f"{report['model']} on {report['machine']}"
    except OSError as error:
        raise InvalidInputError(f"cannot read {os.fspath(path)}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidInputError(
            f"{os.fspath(path)} is not what `secondpass bench --json` prints: {error!r}"
        ) from error
    return UnitCosts(processor, points, XEON.stored, XEON.bytes_a_word, XEON.small)


def _plan(way: str, demand: Demand, rate: float, disk_gb: float, encode_hours: float) -> ScalePlan:
    work = demand.candidates / rate  # core-seconds of a request
    least = work / (demand.latency * SERVICE_SHARE)
    fitting = [cores for cores in CORES if cores >= least]
    once = encode_hours * demand.usd_per_core_hour
    if not fitting:
        most = int(CORES[-1] * demand.latency * SERVICE_SHARE * rate)
        return ScalePlan(
            way=way, machines=0, cores=CORES[-1], memory_gb=0.0, disk_gb=disk_gb,
            encode_core_hours=encode_hours, usd_per_month=0.0, usd_once=once,
            milliseconds=1000 * work / CORES[-1],
            limit=f"{CORES[-1]} cores rerank {most} candidates in that time: ask for fewer "
            "candidates, shorter texts, more time, or store the vectors",
        )  # fmt: skip
    needed = demand.requests_per_second * work / BUSY
    cores = _machine(fitting, needed)
    machines = _machines(needed, cores)
    compute = machines * cores * demand.usd_per_core_hour * HOURS
    return ScalePlan(
        way=way,
        machines=machines,
        cores=cores,
        memory_gb=SYSTEM_GB + WORKER_GB * math.ceil(cores / CORES_A_WORKER),
        disk_gb=disk_gb,
        encode_core_hours=encode_hours,
        usd_per_month=compute + disk_gb * demand.usd_per_gb_month,
        usd_once=once,
        milliseconds=1000 * work / cores,
    )


def _machine(fitting: Sequence[int], needed: float) -> int:
    """The largest size with which hardly more cores are paid for than with any other."""
    paid = {cores: _machines(needed, cores) * cores for cores in fitting}
    return max(cores for cores in fitting if paid[cores] <= 1.1 * min(paid.values()))


def _machines(needed: float, cores: int) -> int:
    """With one to spare; a billionth of a core too few is rounding."""
    return max(1, math.ceil(needed / cores - 1e-9)) + 1


def plan_table(plans: Sequence[ScalePlan]) -> Mapping[str, list[str]]:
    """The rows of a table by their heads, for people."""
    rows: dict[str, list[str]] = {}
    for plan in plans:
        fits = not plan.limit
        cells = {
            "machines": f"{plan.machines} of {plan.cores} cores" if fits else "-",
            "memory of each": f"{plan.memory_gb:.1f} GB" if fits else "-",
            "a request computes for": f"{plan.milliseconds:.1f} ms",
            "disk": f"{plan.disk_gb:,.0f} GB" if plan.disk_gb else "-",
            "reading the corpus once": (
                f"{plan.encode_core_hours:,.0f} core hours, {plan.usd_once:,.0f} USD"
                if plan.encode_core_hours
                else "-"
            ),
            "a month": f"{plan.usd_per_month:,.0f} USD" if fits else "-",
        }
        for head, cell in cells.items():
            rows.setdefault(head, []).append(cell)
    return rows
