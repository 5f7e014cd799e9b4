"""Time a model on this machine: one query at a time, at each depth."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from secondpass.bench.autotune import (
    SettingsTried,
    check_settings,
    settings_to_try,
    try_settings,
)
from secondpass.bench.cold_start import ColdStart, measure_cold_start
from secondpass.bench.result import Latency, Speed, WorkloadSpeed
from secondpass.bench.workload import builtin_workloads, check_workloads, new_ranking
from secondpass.core.errors import InvalidInputError, RecipeError
from secondpass.core.recipe import Recipe
from secondpass.core.recipe.parts import omitted_arguments
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock, percentile, time_call
from secondpass.evaluate.systems import System, as_reranker
from secondpass.models.batching import count_processors
from secondpass.models.fastest import choose

DEPTHS = (1, 10, 20, 50, 100, 200)
ROUNDS_AT_LEAST, ROUNDS_AT_MOST = 3, 20
Launch = Callable[[Mapping[str, Any], str, Sequence[str]], ColdStart]
"""Takes a recipe, a query and texts; see `measure_cold_start`."""


def measure(
    model: System,
    workloads: Mapping[str, Sequence[str]] | None = None,
    *,
    depths: Sequence[int] = DEPTHS,
    budget: float = 0.2,
    seconds: float = 15.0,
    settings: Sequence[Mapping[str, int | None]] | None = None,
    launch: Launch | None = measure_cold_start,
    on_progress: Callable[[int, int], None] | None = None,
    clock: Clock = time.perf_counter,
) -> Speed:
    """How fast a model is here.

    Latency is that of one query at a time. A model behind an API is really called, and paid for.

    Args:
        model: A model string, a stage, or a recipe; not a retriever.
        workloads: Texts by a name; `builtin_workloads` if None.
        depths: The numbers of candidates of a query.
        budget: In seconds: how many candidates can be reranked in this time?
        seconds: How long to time each workload, about; three rounds are made in any case.
        settings: Values of ``token_budget`` and ``threads`` to try where the model has them;
            `settings_to_try` if None, nothing if empty.
        launch: Starts a new process for the cold start and memory; None for none.
        on_progress: Called with (steps done, steps in all).
        clock: For tests.

    Raises:
        InvalidInputError: A retriever, no depth, no text, or a number out of range.
        SecondPassError: What loading and running the model may raise.
    """
    stage = as_reranker(model, "and bench times rerankers")
    if not depths or min(depths) < 1 or budget <= 0 or seconds < 0:
        raise InvalidInputError(
            f"depths={list(depths)}, budget={budget}, seconds={seconds}: depths are 1 or more, and "
            "times are positive"
        )
    depths = sorted(set(depths))
    workloads = builtin_workloads(max(400, depths[-1])) if workloads is None else dict(workloads)
    check_workloads(workloads)
    settings = settings_to_try(count_processors()) if settings is None else settings
    check_settings(settings)
    steps = _Steps(len(settings) + ROUNDS_AT_MOST * len(workloads), on_progress)
    notes = [
        f"{name} has {len(texts)} texts, so they come again at larger depths"
        for name, texts in workloads.items()
        if len(texts) < depths[-1]
    ]
    if isinstance(model, str) and model.startswith("fastest:"):
        notes.append(f"{model}: {choose(model.partition(':')[2])}")
    tried = _try_settings(
        stage, list(workloads.values()), settings, clock=clock, steps=steps, notes=notes
    )
    speeds = []
    for number, (name, texts) in enumerate(workloads.items()):
        on_round = partial(steps.after, len(settings) + number * ROUNDS_AT_MOST)
        latencies = measure_latencies(
            stage, texts, depths, seconds=seconds, clock=clock, on_round=on_round
        )
        fits, or_more = candidates_within(latencies, budget)
        speeds.append(
            WorkloadSpeed(
                name=name,
                mean_words=fmean(len(t.split()) for t in texts),
                latencies=latencies,
                fits=fits,
                or_more=or_more,
            )
        )
    steps.at(steps.total)
    cold_start = _cold_start(stage, workloads, depths[-1], launch, notes)
    return Speed(
        model=stage.name,
        machine=f"{count_processors()} processors, {platform.system()}, "
        f"Python {platform.python_version()}",
        budget=budget,
        workloads=tuple(speeds),
        settings=tried,
        cold_start=cold_start,
        notes=tuple(notes),
    )


def measure_latencies(
    stage: Stage,
    texts: Sequence[str],
    depths: Sequence[int],
    *,
    seconds: float,
    clock: Clock,
    on_round: Callable[[int], None],
) -> tuple[Latency, ...]:
    """Time one query at a time, all depths in turn, after two warm-up runs.

    Args:
        stage: What is timed.
        texts: See `new_ranking`.
        depths: Rising.
        seconds: No new round begins after this long, but `ROUNDS_AT_LEAST` are always made.
        clock: Seconds.
        on_round: Called after each round with the number of rounds done.
    """
    for turn in (-1, -2):
        stage(new_ranking(texts, depths[0], turn))
    seconds_of: dict[int, list[float]] = {depth: [] for depth in depths}
    for turn in _rounds(seconds, clock):
        for index, depth in enumerate(depths):
            ranking = new_ranking(texts, depth, turn * len(depths) + index)
            seconds_of[depth].append(time_call(partial(stage, ranking), clock))
        on_round(turn + 1)
    return tuple(
        Latency(depth, p50=percentile(times, 50), p95=percentile(times, 95), runs=len(times))
        for depth, times in seconds_of.items()
    )


def _rounds(seconds: float, clock: Clock) -> Iterator[int]:
    start = clock()
    for turn in range(ROUNDS_AT_MOST):
        if turn >= ROUNDS_AT_LEAST and clock() - start >= seconds:
            break
        yield turn


def candidates_within(latencies: Sequence[Latency], budget: float) -> tuple[int, bool]:
    """The number of candidates that 95 % of the queries get through in `budget` seconds.

    Interpolated linearly between the depths measured.

    Returns:
        The number, and whether it is only the largest depth measured, so that more may fit.
    """
    depth, seconds = 0, 0.0
    for latency in latencies:
        if latency.p95 > budget:
            share = max(0.0, budget - seconds) / (latency.p95 - seconds)
            return depth + int(share * (latency.depth - depth)), False
        depth, seconds = latency.depth, latency.p95
    return depth, True


class _Steps:
    def __init__(self, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self.total, self.on_progress = total, on_progress

    def after(self, before: int, done: int) -> None:
        self.at(before + done)

    def at(self, done: int) -> None:
        if self.on_progress is not None:
            self.on_progress(done, self.total)


def _try_settings(
    stage: Stage,
    workloads: Sequence[Sequence[str]],
    settings: Sequence[Mapping[str, int | None]],
    *,
    clock: Clock,
    steps: _Steps,
    notes: list[str],
) -> SettingsTried | None:
    if not settings:
        return None
    try:
        tried = try_settings(stage, workloads, settings, clock=clock, on_setting=steps.at)
    except RecipeError as error:
        notes.append(f"no other setting was tried: {error}")
        return None
    if tried is None:
        notes.append("no other setting was tried: the model has no token_budget")
    return tried


def _cold_start(
    stage: Stage,
    workloads: Mapping[str, Sequence[str]],
    depth: int,
    launch: Launch | None,
    notes: list[str],
) -> ColdStart | None:
    if launch is None:
        return None
    longest = max(workloads.values(), key=lambda texts: fmean(map(len, texts)))
    ranking = new_ranking(longest, depth, 0)
    try:
        recipe = Recipe.of(stage).to_dict()
    except RecipeError as error:
        notes.append(f"no new process was started: {error}")
        return None
    if apart := [
        p for p in omitted_arguments(stage) if p.endswith((".trust_remote_code", ".vectors"))
    ]:
        notes.append(f"no new process was started: no recipe may hold {', '.join(apart)}")
        return None
    return launch(recipe, ranking.query, [c.text for c in ranking])
