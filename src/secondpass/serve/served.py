"""The recipes of a service: loaded once, their models' queues shared by all requests."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.candidate import Candidate
from secondpass.core.deadline import ends_within
from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.models.batching import count_processors
from secondpass.models.load import as_stage
from secondpass.models.loading import QUESTIONS, default_threads
from secondpass.serve.batching import BatchedScore, Batcher, BatchLog
from secondpass.serve.inside import stages_in, with_scores
from secondpass.serve.settings import Settings
from secondpass.stages.cut import TokenBudget, Top
from secondpass.stages.fallback import Breaker
from secondpass.stages.score import Score
from secondpass.stages.threshold import Abstain, Threshold

THREAD_TOKENS = 1024
"""Tokens of a batch for each thread."""
_CUTS = (Top, Threshold, Abstain, TokenBudget)


@dataclass(frozen=True, slots=True)
class Served:
    """A recipe that is ready.

    Attributes:
        name: As requests call it.
        stage: The pipeline.
        uncut: It without cuts at its end, for APIs that give every text a score.
        batchers: The queues of its models, one for each time that a model reads a pair.
        breakers: Its circuits.
    """

    name: str
    stage: Stage
    uncut: Stage
    batchers: tuple[Batcher, ...]
    breakers: tuple[Breaker, ...]

    @property
    def model(self) -> str:
        """Name of what gives the scores, with the revision of its weights."""
        parts = [p for p in self.stage.parts if not isinstance(p, CalibrationStage)]
        return next((p.origin for p in reversed(parts) if p.origin), self.stage.name)

    @property
    def max_length(self) -> int:
        """Most tokens that its models read of a text at once."""
        return max((_max_length(batcher.scorer) for batcher in self.batchers), default=512)

    async def rank(
        self, ranking: Ranking, seconds: float, *, uncut: bool = False, then: Sequence[Stage] = ()
    ) -> Ranking:
        """The reranked list, whole or as far as it came in that time."""
        stage = self.uncut if uncut else self.stage
        with ends_within(seconds):
            return await (Pipeline(stage, *then) if then else stage).acall(ranking)

    async def check(self) -> None:
        """Score pairs that every reranker of any size orders correctly.

        Raises:
            ModelError: A wrong order.
        """
        asked = [
            Ranking.of(query, [Candidate("other", other), Candidate("answer", answer)])
            for query, answer, other in QUESTIONS
        ]
        for ranking in await self.uncut.arun(asked):
            if not ranking.ids or ranking.ids[0] != "answer":
                raise ModelError(
                    f"the recipe {self.name!r} ranks the wrong text higher for {ranking.query!r}"
                )


class Recipes(Mapping[str, Served]):
    """By name; the first is the default.

    Args:
        settings: Of the service.
        log: What is told of each batch.
        loaded: Models that are there already, by what `settings` calls them.

    Attributes:
        stages: All of them.

    Raises:
        SecondPassError: What loading a recipe may raise.
    """

    def __init__(
        self,
        settings: Settings,
        log: BatchLog | None = None,
        loaded: Mapping[str, Stage] | None = None,
    ) -> None:
        self._settings, self._log = settings, log or BatchLog()
        self.threads = settings.threads or max(1, count_processors() // settings.workers)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="secondpass-model")
        self._batchers: dict[tuple[type, str, str], Batcher] = {}
        self.stages = dict(loaded or {})
        self._served = {n: self._load(n, model) for n, model in settings.recipes.items()}

    def named(self, name: str | None) -> Served:
        """The recipe of a request.

        Raises:
            LookupError: There is none of that name.
        """
        first = next(iter(self._served.values()))
        if name is None:
            return first
        if name not in self._served and not self._settings.any_model:
            known = ", ".join(map(repr, self._served))
            raise LookupError(f"there is no model {name!r:.100} here; there is {known}")
        return self._served.get(name, first)

    @property
    def seconds_queued(self) -> float:
        """How long what waits will take, estimated."""
        return sum(b.seconds(b.queued) for b in self._batchers.values())

    @property
    def tokens_queued(self) -> int:
        """Of all models, estimated."""
        return sum(batcher.queued for batcher in self._batchers.values())

    def set_on_the_way(self, count: Callable[[], int]) -> None:
        """Say how to see that more requests come, which a batch may wait for."""
        for batcher in self._batchers.values():
            batcher.on_the_way = count

    def close(self) -> None:
        """Let the models' thread end."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def __getitem__(self, name: str) -> Served:
        return self._served[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._served)

    def __len__(self) -> int:
        return len(self._served)

    def _load(self, name: str, model: str) -> Served:
        if not name.strip():
            raise InvalidInputError("a recipe needs a name")
        if model not in self.stages:  # a recipe may have several names
            with default_threads(self.threads):
                self.stages[model] = as_stage(model)
        loaded = self.stages[model]
        batchers: list[Batcher] = []

        def batched(score: Score) -> Stage:
            batcher = self._batcher(score.scorer)
            batchers.append(batcher)
            return BatchedScore(batcher.scorer, batcher)

        stage = with_scores(loaded, batched)
        breakers = tuple(part for part in stages_in(stage) if isinstance(part, Breaker))
        return Served(name, stage, _without_cuts(stage), tuple(batchers), breakers)

    def _batcher(self, scorer: Any) -> Batcher:
        """One for each model, however many recipes have it."""
        key = (type(scorer), scorer.name, str(getattr(scorer, "cache_key", id(scorer))))
        if key not in self._batchers:
            self._batchers[key] = Batcher(
                scorer,
                self._thread,
                self._settings.batch_tokens or THREAD_TOKENS * self.threads,
                self._settings.batch_wait_ms / 1000,
                longest=_longest_read(scorer),
                log=self._log,
            )
        return self._batchers[key]


def _max_length(scorer: object) -> int:
    """Most tokens that a scorer reads at once."""
    return int(getattr(scorer, "max_length", 512))


def _longest_read(scorer: object) -> int:
    """Most tokens that it reads of a text, in chunks where it does."""
    chunks: int | None = getattr(scorer, "chunks", 1)
    return sys.maxsize if chunks is None else chunks * _max_length(scorer)


def _without_cuts(stage: Stage) -> Stage:
    parts: Sequence[Stage] = stage.parts
    while len(parts) > 1 and isinstance(parts[-1], _CUTS):
        parts = parts[:-1]
    return parts[0] if len(parts) == 1 else Pipeline(*parts)
