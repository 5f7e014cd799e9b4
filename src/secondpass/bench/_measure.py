"""Time a model on this machine."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from statistics import fmean
from typing import Any

from secondpass.bench.autotune import (
    SettingsTried,
    check_settings,
    settings_to_try,
    tried_settings,
)
from secondpass.bench.cold_start import ColdStart, in_new_process
from secondpass.bench.latency import DEPTHS, ROUNDS_AT_MOST, fitting, latencies
from secondpass.bench.result import Speed, WorkloadSpeed
from secondpass.bench.workload import asked, builtin_workloads, check
from secondpass.core.errors import InvalidInputError, RecipeError
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock
from secondpass.evaluate.framework_retriever import FrameworkRetriever
from secondpass.evaluate.systems import System, as_ranker
from secondpass.models.batching import count_processors
from secondpass.recipe import Recipe
from secondpass.recipe.writing import left_out

Launch = Callable[[Mapping[str, Any], str, Sequence[str]], ColdStart]
"""Takes a recipe, a query and texts; see `in_new_process`."""


def measure(
    model: System,
    workloads: Mapping[str, Sequence[str]] | None = None,
    *,
    depths: Sequence[int] = DEPTHS,
    budget: float = 0.2,
    seconds: float = 15.0,
    settings: Sequence[Mapping[str, int | None]] | None = None,
    launch: Launch | None = in_new_process,
    on_progress: Callable[[int, int], None] | None = None,
    clock: Clock = time.perf_counter,
) -> Speed:
    """How fast a model is here.

    Latency is that of one query at a time. A model behind an API is really called, and paid for.

    Args:
        model: A model string, a stage, or a recipe; no retriever.
        workloads: Texts by a name; `builtin_workloads` if None.
        depths: How many candidates a query has.
        budget: Seconds: how many candidates can be reranked in this time?
        seconds: How long to time each workload, about; three rounds are made in any case.
        settings: Values of ``token_budget`` and ``threads`` to try where the model has them;
            `settings_to_try` if None, nothing if empty.
        launch: Starts a new process for the cold start and memory; None for none.
        on_progress: Called with (steps done, steps in all).
        clock: For tests.

    Raises:
        InvalidInputError: A retriever, no depth, no text, or numbers that make no sense.
        SecondPassError: What loading and running the model may raise.
    """
    stage = as_ranker(model)
    if isinstance(stage, FrameworkRetriever):
        raise InvalidInputError(f"{stage.name} brings its own candidates; bench times rerankers")
    if not depths or min(depths) < 1 or budget <= 0 or seconds < 0:
        raise InvalidInputError(
            f"depths={list(depths)}, budget={budget}, seconds={seconds}: depths are 1 or more, and "
            "times are positive"
        )
    used = sorted(set(depths))
    given = builtin_workloads(max(400, used[-1])) if workloads is None else dict(workloads)
    check(given)
    tries = settings_to_try(count_processors()) if settings is None else settings
    check_settings(tries)
    steps = _Steps(len(tries) + ROUNDS_AT_MOST * len(given), on_progress)
    notes = [
        f"{name} has {len(texts)} texts, so they come again at larger depths"
        for name, texts in given.items()
        if len(texts) < used[-1]
    ]
    tried = _tried(stage, list(given.values()), tries, clock=clock, steps=steps, notes=notes)
    speeds = []
    for done, (name, texts) in enumerate(given.items()):
        points = latencies(
            stage,
            texts,
            used,
            seconds=seconds,
            clock=clock,
            on_round=partial(steps.after, len(tries) + done * ROUNDS_AT_MOST),
        )
        words = fmean(len(t.split()) for t in texts)
        speeds.append(WorkloadSpeed(name, words, points, *fitting(points, budget)))
    steps.at(steps.total)
    cold = _cold(stage, given, used[-1], launch, notes)
    machine = (
        f"{count_processors()} processors, {platform.system()}, Python {platform.python_version()}"
    )
    return Speed(stage.name, machine, budget, tuple(speeds), tried, cold, tuple(notes))


class _Steps:
    def __init__(self, total: int, on_progress: Callable[[int, int], None] | None) -> None:
        self.total, self.on_progress = total, on_progress

    def after(self, before: int, done: int) -> None:
        self.at(before + done)

    def at(self, done: int) -> None:
        if self.on_progress is not None:
            self.on_progress(done, self.total)


def _tried(
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
        found = tried_settings(stage, workloads, settings, clock=clock, on_setting=steps.at)
    except RecipeError as error:
        notes.append(f"no other setting was tried: {error}")
        return None
    if found is None:
        notes.append("no other setting was tried: the model has no token_budget")
    return found


def _cold(
    stage: Stage,
    workloads: Mapping[str, Sequence[str]],
    depth: int,
    launch: Launch | None,
    notes: list[str],
) -> ColdStart | None:
    if launch is None:
        return None
    longest = max(workloads.values(), key=lambda texts: fmean(map(len, texts)))
    ranking = asked(longest, depth, 0)
    try:
        recipe = Recipe.of(stage).to_dict()
    except RecipeError as error:
        notes.append(f"no new process was started: {error}")
        return None
    if apart := [p for p in left_out(stage) if p.endswith((".trust_remote_code", ".vectors"))]:
        notes.append(f"no new process was started: no recipe may hold {', '.join(apart)}")
        return None
    return launch(recipe, ranking.query, [c.text for c in ranking])
