"""Which batch size and how many threads are fastest here, by trying some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from secondpass.bench.workload import new_ranking
from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr
from secondpass.core.ranking import Ranking
from secondpass.core.recipe import Recipe
from secondpass.core.recipe.options import change_parts
from secondpass.core.recipe.parts import omitted_arguments
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock, percentile, time_call

BUDGETS = (256, 512, 1024, 2048, 4096)
WORTHWHILE = 1.05
"""A change is advised if it is this many times as fast; less is the noise of a busy machine."""
_NAMES = ("token_budget", "threads")


@short_repr
@dataclass(frozen=True, slots=True)
class Setting:
    """One setting and its speed.

    Attributes:
        options: What to give to `load(model, options=...)`.
        pairs_per_second: Median.
    """

    options: Mapping[str, int | None]
    pairs_per_second: float


@short_repr
@dataclass(frozen=True, slots=True)
class SettingsTried:
    """The result of `try_settings`.

    Attributes:
        current: Of the stage as it was given.
        tried: All others, in the order in which they were tried.
    """

    current: Setting
    tried: tuple[Setting, ...]

    @property
    def best(self) -> Setting:
        """The fastest; the current one unless another is faster by more than noise."""
        fastest = max(self.tried, key=lambda s: s.pairs_per_second, default=self.current)
        is_worthwhile = fastest.pairs_per_second >= WORTHWHILE * self.current.pairs_per_second
        return fastest if is_worthwhile else self.current


def settings_to_try(processors: int) -> list[dict[str, int | None]]:
    """Every token budget with all processors, half of them, and one."""
    threads = sorted({1, max(1, processors // 2), processors}, reverse=True)
    return [{"token_budget": b, "threads": t} for t in threads for b in BUDGETS]


def try_settings(
    stage: Stage,
    workloads: Sequence[Sequence[str]],
    settings: Sequence[Mapping[str, int | None]],
    *,
    pairs: int = 32,
    rounds: int = 3,
    clock: Clock,
    on_setting: Callable[[int], None],
) -> SettingsTried | None:
    """Time the stage as it is and with each setting, on a mix of the workloads.

    Args:
        stage: Written as a recipe, changed, and built again, so models are loaded anew.
        workloads: Texts; each gives its part of the mix.
        settings: Values of ``token_budget`` and ``threads``; those that the model has are tried.
        pairs: The number of pairs in one run.
        rounds: Runs of each setting, of which the median counts.
        clock: Seconds.
        on_setting: Called after each setting with the number of settings done.

    Returns:
        None where no part of the stage has a token budget.

    Raises:
        RecipeError: The stage cannot be written down.
        SecondPassError: What loading a model may raise.
    """
    recipe = Recipe.of(stage)
    not_in_recipe = {
        path: value
        for path, value in omitted_arguments(stage).items()
        if path.endswith((".api_key", ".trust_remote_code", ".vectors"))
    }
    current_options = _current_options(recipe.pipeline)
    if current_options is None:
        return None
    texts = [t for mine in workloads for t in list(mine)[: -(-pairs // len(workloads))]]
    rankings = [new_ranking(texts, len(texts), turn) for turn in range(-1, rounds)]
    current = _time_setting(stage, current_options, rankings, clock)
    tried: list[Setting] = []
    for done, setting in enumerate(settings, start=1):
        options = {name: value for name, value in setting.items() if name in current_options}
        if any(options == other.options for other in tried):
            continue
        rebuilt = Recipe(_with_options(recipe.pipeline, options)).stage(options=not_in_recipe)
        tried.append(_time_setting(rebuilt, options, rankings, clock))
        on_setting(done)
    return SettingsTried(current, tuple(tried))


def check_settings(settings: Sequence[Mapping[str, int | None]]) -> None:
    """Raise for an option that is not among those tried here."""
    unknown = sorted({name for setting in settings for name in setting} - set(_NAMES))
    if unknown:
        raise InvalidInputError(f"{', '.join(unknown)}: settings are made of {', '.join(_NAMES)}")


def _time_setting(
    stage: Stage, options: Mapping[str, int | None], rankings: Sequence[Ranking], clock: Clock
) -> Setting:
    """The median over rankings of equal length, the first of which only warms up."""
    warm_up, *timed = rankings
    stage(warm_up)
    seconds = [time_call(partial(stage, ranking), clock) for ranking in timed]
    return Setting(dict(options), len(warm_up) / percentile(seconds, 50))


def _current_options(node: Any) -> dict[str, int | None] | None:
    """The options of the first part of a recipe that has them."""
    if isinstance(node, Mapping):
        if _NAMES[0] in node:
            return {name: node[name] for name in _NAMES if name in node}
        node = list(node.values())
    if isinstance(node, Sequence) and not isinstance(node, str):
        in_children = (_current_options(child) for child in node)
        return next((options for options in in_children if options is not None), None)
    return None


def _with_options(pipeline: Any, options: Mapping[str, int | None]) -> Any:
    def changed(part: dict[str, Any]) -> dict[str, Any]:
        own = options if _NAMES[0] in part else {}
        return {name: own.get(name, value) for name, value in part.items()}

    return change_parts(pipeline, changed)
