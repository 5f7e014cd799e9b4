"""Which batch size and how many threads are fastest here, by trying some."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.bench.workload import asked
from secondpass.core.errors import InvalidInputError
from secondpass.core.recipe import Recipe
from secondpass.core.recipe.parts import omitted_arguments
from secondpass.core.short_repr import short_repr
from secondpass.core.stage import Stage
from secondpass.core.timing import Clock, percentile

BUDGETS = (256, 512, 1024, 2048, 4096)
WORTH = 1.05
"""A change is advised if it is so many times as fast; less is the noise of a busy machine."""
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
    """What `tried_settings` found.

    Attributes:
        current: As the stage came.
        tried: All others, in the order in which they were tried.
    """

    current: Setting
    tried: tuple[Setting, ...]

    @property
    def best(self) -> Setting:
        """The fastest; the current one unless another is faster by more than noise."""
        fastest = max(self.tried, key=lambda s: s.pairs_per_second, default=self.current)
        worth = fastest.pairs_per_second >= WORTH * self.current.pairs_per_second
        return fastest if worth else self.current


def settings_to_try(processors: int) -> list[dict[str, int | None]]:
    """Every token budget with all processors, half of them, and one."""
    threads = sorted({1, max(1, processors // 2), processors}, reverse=True)
    return [{"token_budget": b, "threads": t} for t in threads for b in BUDGETS]


def tried_settings(
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
        pairs: In one run.
        rounds: Runs of each setting, the median counts.
        clock: Seconds.
        on_setting: Called after each setting with how many are done.

    Returns:
        None where no part of the stage has a token budget.

    Raises:
        RecipeError: The stage cannot be written down.
        SecondPassError: What loading a model may raise.
    """
    recipe = Recipe.of(stage)
    kept_out = {
        place: value
        for place, value in omitted_arguments(stage).items()
        if place.endswith((".api_key", ".trust_remote_code", ".vectors"))
    }
    now = _current(recipe.pipeline)
    if now is None:
        return None
    texts = [t for one in workloads for t in list(one)[: -(-pairs // len(workloads))]]

    def timed(made: Stage, options: Mapping[str, int | None]) -> Setting:
        made(asked(texts, len(texts), -1))
        taken = []
        for turn in range(rounds):
            ranking = asked(texts, len(texts), turn)
            start = clock()
            made(ranking)
            taken.append(clock() - start)
        return Setting(dict(options), len(texts) / percentile(taken, 50))

    current = timed(stage, now)
    tried: list[Setting] = []
    for done, given in enumerate(settings, start=1):
        options = {name: value for name, value in given.items() if name in now}
        if any(options == one.options for one in tried):
            continue
        tried.append(
            timed(Recipe(_changed(recipe.pipeline, options)).stage(options=kept_out), options)
        )
        on_setting(done)
    return SettingsTried(current, tuple(tried))


def check_settings(settings: Sequence[Mapping[str, int | None]]) -> None:
    """Raise for an option that is not among those tried here."""
    odd = sorted({name for one in settings for name in one} - set(_NAMES))
    if odd:
        raise InvalidInputError(f"{', '.join(odd)}: settings are made of {', '.join(_NAMES)}")


def _current(node: Any) -> dict[str, int | None] | None:
    """The options of the first part of a recipe that has them."""
    if isinstance(node, Mapping):
        if _NAMES[0] in node:
            return {name: node[name] for name in _NAMES if name in node}
        node = list(node.values())
    if isinstance(node, Sequence) and not isinstance(node, str):
        return next((found for child in node if (found := _current(child)) is not None), None)
    return None


def _changed(node: Any, options: Mapping[str, int | None]) -> Any:
    if isinstance(node, Mapping):
        own = options if _NAMES[0] in node else {}
        return {key: own.get(key, _changed(value, options)) for key, value in node.items()}
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [_changed(child, options) for child in node]
    return node
