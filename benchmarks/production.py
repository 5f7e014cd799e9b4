"""What a deadline keeps, and a day in the life of a hosted reranker, compressed into minutes.

    python benchmarks/production.py [--calls 1000] [--minutes 4]

1. The built-in model on 100 passages with deadlines of 50 to 400 ms, while four other processes
   take the machine at random: how many answers come within the deadline plus one batch.
2. A stand-in for a hosted reranker with a latency tail (median 80 ms, 99 % below 2 s), 2 % errors,
   and an outage for a quarter of the time. Several ways to call it get the same 20 passages at the
   same moments: who answers within 300 ms.

The server is a stand-in on loopback and its latencies are drawn; what is measured is the library.
Writes benchmarks/results/production.json, .md and .png.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import data
from results_file import (
    machine_load,
    markdown_table,
    parser,
    write_results,
)

from secondpass import Ranking, Score, Stage, load
from secondpass.models.builtin.model import Builtin
from secondpass.models.remote import RemoteReranker
from secondpass.stages import Breaker, Fallback, Hedge, Pair
from secondpass.testing import RerankServer

DEADLINES = (0.05, 0.1, 0.2, 0.4)
DEADLINE, PER_SECOND, CANDIDATES = 0.3, 2.0, 20
TOLERANCE = 0.05
"""Seconds after the deadline that still count: a batch, and a busy event loop."""
MEDIAN, SPREAD, ERRORS = 0.08, 1.383, 0.02
"""Of the hosted model's latency: log-normal, so that 99 % are below 2 seconds."""
OUTAGE = (0.5, 0.75)
"""When nothing works, as shares of the whole time."""
HOSTED = "cohere:hosted"


class Timed:
    """The built-in model, which remembers how long its last batch took."""

    def __init__(self) -> None:
        self.model = Builtin()
        self.name, self.last_batch = self.model.name, 0.0

    def score(self, pairs: Sequence[Pair]) -> Sequence[float]:
        start = time.monotonic()
        scores = self.model.score(pairs)
        self.last_batch = time.monotonic() - start
        return scores


def main(arguments: list[str] | None = None) -> None:
    command = parser(__doc__)
    command.add_argument("--calls", type=int, default=1000)
    command.add_argument("--minutes", type=float, default=4.0)
    options = command.parse_args(arguments)
    data.needed(data.EVAL / "trec-dl19")
    rankings = list(data.rankings("trec-dl19", 100)[0].values())
    report = {
        "command": f"python benchmarks/production.py --calls {options.calls} "
        f"--minutes {options.minutes:g}",
        **machine_load(),
        "deadlines": measure_deadlines(options.calls, rankings),
        "minutes": options.minutes,
        "day": asyncio.run(
            live_through_a_day(options.minutes, [r.head(CANDIDATES) for r in rankings])
        ),
    }
    draw_day(report["day"], options.results / "production.png")
    write_results("production", report, page(report), options.results)


def measure_deadlines(calls: int, rankings: Sequence[Ranking]) -> dict[str, Any]:
    """How late the answers of the built-in model are while the machine is taken at random."""
    timed = Timed()
    stage = Score(timed)
    stage(rankings[0])
    stop = multiprocessing.Event()
    others = [multiprocessing.Process(target=take_a_core, args=(stop, i)) for i in range(4)]
    for process in others:
        process.start()
    draw = random.Random(0)
    late: list[float] = []
    scored: dict[float, list[float]] = {seconds: [] for seconds in DEADLINES}
    within = 0
    for i in range(calls):
        seconds, ranking = draw.choice(DEADLINES), rankings[i % len(rankings)]
        start = time.monotonic()
        result = stage.within(seconds)(ranking)
        elapsed = time.monotonic() - start
        within += elapsed <= seconds + timed.last_batch
        late.append(elapsed - seconds)
        read = sum(candidate.trail[-1].score is not None for candidate in result)
        scored[seconds].append(read / len(result))
    stop.set()
    for process in others:
        process.join()
    late.sort()
    return {
        "calls": calls,
        "within_the_deadline_plus_one_batch": round(within / calls, 4),
        "milliseconds_after_the_deadline": {
            f"{percent} %": round(1000 * late[min(calls - 1, calls * percent // 100)], 1)
            for percent in (50, 90, 99, 100)
        },
        "share_scored": {
            f"{1000 * seconds:g} ms": round(statistics.fmean(shares), 3)
            for seconds, shares in scored.items() if shares
        },
    }  # fmt: skip


def take_a_core(stop: Any, seed: int) -> None:
    """Computes now and then, until told to stop."""
    draw = random.Random(seed)
    while not stop.is_set():
        until = time.monotonic() + draw.uniform(0.05, 1.5)
        while time.monotonic() < until:
            pass
        time.sleep(draw.uniform(0.05, 1.5))


def ways_to_call(url: str) -> dict[str, Stage]:
    def hosted(**options: Any) -> Stage:
        return RemoteReranker("cohere", "hosted", url=url, api_key="any", concurrency=64, **options)

    once, own = hosted(max_retries=0), load("builtin")
    return {
        "timeout 30 s, 2 retries": hosted(timeout=30, max_retries=2),
        "timeout 300 ms, 2 retries": hosted(timeout=DEADLINE, max_retries=2),
        "one deadline": once.within(DEADLINE),
        "and the order as it came": Fallback(once).within(DEADLINE),
        "and the built-in model": Fallback(once, own).within(DEADLINE),
        "and a breaker": Fallback(Breaker(once, rest=10), own).within(DEADLINE),
        "and a hedge": Fallback(Breaker(Hedge(once, 0.12), rest=10), own).within(DEADLINE),
    }


def weather(minutes: float, seed: int) -> Callable[[], float | str]:
    """What happens to a request now: a fault, or a latency in seconds."""
    draw, start, total = random.Random(seed), time.monotonic(), 60 * minutes

    def now() -> float | str:
        share = (time.monotonic() - start) / total
        if OUTAGE[0] <= share < OUTAGE[1]:
            return draw.choice(("overloaded", "hang"))
        if draw.random() < ERRORS:
            return "overloaded"
        return min(10.0, MEDIAN * draw.lognormvariate(0, SPREAD))

    return now


class Answer(NamedTuple):
    """Of one call: seconds since the start and until the answer, and who ranked."""

    moment: float
    seconds: float
    ranked_by: str


async def live_through_a_day(minutes: float, rankings: Sequence[Ranking]) -> dict[str, Any]:
    """Every way to call meets the same requests, one way after the other."""
    rows: dict[str, Any] = {}
    for name in ways_to_call("http://localhost"):
        with RerankServer(latency=weather(minutes, seed=0)) as server:
            stage = ways_to_call(server.url)[name]
            start, draw, moment = time.monotonic(), random.Random(1), 0.0
            calls: list[asyncio.Task[Answer]] = []
            while (moment := moment + draw.expovariate(PER_SECOND)) < 60 * minutes:
                ranking = rankings[len(calls) % len(rankings)]
                calls.append(asyncio.create_task(call_at(stage, ranking, start, moment)))
            answers = await asyncio.gather(*calls)
            rows[name] = summary(answers, minutes) | {
                "requests_per_call": round(len(server.requests) / len(answers), 2),
                "tasks_left": len(asyncio.all_tasks()) - 1,
            }
    return rows


async def call_at(stage: Stage, ranking: Ranking, start: float, moment: float) -> Answer:
    await asyncio.sleep(max(0.0, start + moment - time.monotonic()))
    began = time.monotonic()
    try:
        result = await stage.acall(ranking)
    except Exception as error:
        return Answer(moment, time.monotonic() - began, f"error: {type(error).__name__}")
    last = result[0].trail[-1]
    if sorted(result.ids) != sorted(ranking.ids):
        ranked_by = "candidates lost"
    elif last.score is None:
        ranked_by = "nobody"
    else:
        ranked_by = "hosted" if HOSTED in last.stage else "built-in"
    return Answer(moment, time.monotonic() - began, ranked_by)


def summary(answers: Sequence[Answer], minutes: float) -> dict[str, Any]:
    in_time = [answer for answer in answers if answer.seconds <= DEADLINE + TOLERANCE]
    ranked = Counter(answer.ranked_by for answer in in_time)
    seconds = sorted(answer.seconds for answer in answers)
    bins = [[0, 0] for _ in range(24)]
    for answer in answers:
        hour = bins[min(23, int(24 * answer.moment / (60 * minutes)))]
        hour[0] += 1
        hour[1] += answer in in_time and answer.ranked_by in ("hosted", "built-in")

    def share(count: int) -> float:
        return round(count / len(answers), 4)

    return {
        "calls": len(answers),
        "answered_in_time": share(sum(ranked[who] for who in ("hosted", "built-in", "nobody"))),
        "by_the_hosted_model": share(ranked["hosted"]),
        "by_the_built_in": share(ranked["built-in"]),
        "as_it_came": share(ranked["nobody"]),
        "errors": share(sum(answer.ranked_by.startswith("error") for answer in answers)),
        "lost": sum(answer.ranked_by == "candidates lost" for answer in answers),
        "milliseconds": {
            f"{percent} %": round(1000 * seconds[len(seconds) * percent // 100])
            for percent in (50, 99)
        },
        "ranked_by_hour": [round(good / count, 3) if count else None for count, good in bins],
    }


def draw_day(day: dict[str, Any], file: Path) -> None:
    """The share of calls that were reranked in time, over the day."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(24 * OUTAGE[0], 24 * OUTAGE[1], color="0.92", label="outage")
    for name, row in day.items():
        axes.plot(range(24), [100 * (one or 0) for one in row["ranked_by_hour"]], label=name)
    axes.set_xlabel("hour of the compressed day")
    axes.set_ylabel(f"% reranked within {1000 * DEADLINE:g} ms")
    axes.set_ylim(-2, 102)
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=120)


def page(report: dict[str, Any]) -> list[str]:
    deadlines, day = report["deadlines"], report["day"]
    rows = [
        [
            name,
            *(f"{100 * row[key]:.1f} %" for key in (
                "answered_in_time", "by_the_hosted_model", "by_the_built_in", "as_it_came", "errors"
            )),
            *row["milliseconds"].values(),
            row["requests_per_call"],
        ]
        for name, row in day.items()
    ]  # fmt: skip
    head = ["", "answered in time", "by the hosted model", "by the built-in", "as it came",
            "errors", "median ms", "99 % ms", "requests per call"]  # fmt: skip
    late = deadlines["milliseconds_after_the_deadline"]
    shares = ", ".join(
        f"{100 * share:.0f} % in {key}" for key, share in deadlines["share_scored"].items()
    )
    return [
        f"`{report['command']}` on {report['processor']}, {report['processors']} processors.",
        "",
        f"{deadlines['calls']} calls of the built-in model on 100 passages, deadlines of 50 to 400 "
        "ms, four other processes at random: "
        f"{100 * deadlines['within_the_deadline_plus_one_batch']:.1f} % within the deadline plus "
        f"one batch; {late['50 %']} ms after the deadline in the median, {late['99 %']} ms at "
        f"99 %. Candidates scored: {shares}.",
        "",
        f"A day in {report['minutes']:g} minutes for each row, {next(iter(day.values()))['calls']} "
        f"calls with {CANDIDATES} passages. In time: within {1000 * DEADLINE:g} ms and "
        f"{1000 * TOLERANCE:g} ms more. Each row adds to the one above it, from the third on. "
        f"Answers lost: {sum(row['lost'] for row in day.values())}; tasks left: "
        f"{sum(row['tasks_left'] for row in day.values())}.",
        "",
        *markdown_table(head, rows),
        "",
        "![The share reranked in time over the day](production.png)",
    ]


if __name__ == "__main__":
    main()
