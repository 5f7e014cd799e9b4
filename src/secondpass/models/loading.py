"""What every local model has when it loads: its options, and the smoke test of pointwise models.

The test: does it tell an answer from something else? A model without its classification head, with
its template missing or its labels swapped does not crash: it silently orders everything wrongly.
These pairs are so easy that a working reranker of any size orders them correctly.
"""
# without `from __future__ import annotations`: classes elsewhere inherit these fields, and recipes
# read the types of their constructors

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields
from typing import Any

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.models.batching import count_processors
from secondpass.stages.score import Pair

TOKEN_BUDGET = 512
"""Padded tokens per batch. One processor is as fast from 256 to 1,024, within five per cent."""

_default_threads: ContextVar[int | None] = ContextVar("secondpass_default_threads", default=None)


@contextmanager
def default_threads(number: int) -> Iterator[None]:
    """What is loaded inside runs so many batches at the same time, unless it says how many."""
    token = _default_threads.set(number)
    try:
        yield
    finally:
        _default_threads.reset(token)


@dataclass(kw_only=True, eq=False, repr=False)
class InferenceOptions:
    """The options of a model on the processor, which are keyword arguments of its class.

    Attributes:
        revision: Branch, tag or commit on the hub.
        file: Which file, relative to the model's folder.
        max_length: Longest input in tokens.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches that run at the same time; as many as this process may use processors if
            None.
        verify: Whether to run the smoke test when the model is loaded.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        InvalidInputError: `token_budget` or `threads` is below 1.
    """

    revision: str | None = None
    file: str | None = None
    max_length: int = 512
    token_budget: int = TOKEN_BUDGET
    threads: int | None = None
    verify: bool = True
    on_progress: Callable[[int, int], None] | None = None

    def __post_init__(self) -> None:
        for name, number in (("token_budget", self.token_budget), ("threads", self.threads)):
            if number is not None and number < 1:
                raise InvalidInputError(f"{name}={number} must be at least 1")
        if self.threads is None:
            self.threads = _default_threads.get()

    @property
    def workers(self) -> int:
        """The number of batches that run at the same time."""
        return self.threads or count_processors()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({getattr(self, 'name', '...')!r:.200})"

    def __reduce__(self) -> tuple[Any, ...]:  # sessions do not pickle: the copy loads the model
        names = [f.name for f in fields(self) if f.init and f.name != "on_progress"]
        return _load_again, (type(self), {name: getattr(self, name) for name in names})


def _load_again(kind: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    return kind(**options)


QUESTIONS: tuple[tuple[str, str, str], ...] = (
    (
        "What is the capital of France?",
        "Paris is the capital and largest city of France.",
        "Bananas are rich in potassium and easy to digest.",
    ),
    (
        "how to boil an egg",
        "Put the egg in boiling water and cook it for eight minutes, then cool it.",
        "The committee postponed the vote on the new railway until next spring.",
    ),
    (
        "symptoms of the flu",
        "Flu symptoms include fever, cough, sore throat, headache and muscle aches.",
        "Granite is a coarse-grained rock that forms when magma cools slowly.",
    ),
)
"""Query, an answer, an unrelated text. Written for this purpose."""


def run_smoke_test(name: str, score: Callable[[Sequence[Pair]], Sequence[float]]) -> None:
    """Refuse a model that does not behave like a reranker.

    Raises:
        ModelError: Scores that are not finite, all equal, or higher for the wrong text.
    """
    pairs = [(query, text) for query, *texts in QUESTIONS for text in texts]
    scores = list(score(pairs))
    remedy = "; if that is what this model should do, load it with verify=False"
    if len(scores) != len(pairs) or not all(math.isfinite(s) for s in scores):
        raise ModelError(f"{name!r} scored {len(pairs)} test pairs as {scores}; is it damaged?")
    if max(scores) - min(scores) < 1e-4:
        raise ModelError(
            f"{name!r} gives every pair the same score ({scores[0]:.6g}): its classification head "
            f"or its prompt template is missing{remedy}"
        )
    for i, (query, answer, other) in enumerate(QUESTIONS):
        right, wrong = scores[2 * i], scores[2 * i + 1]
        if right <= wrong:
            raise ModelError(
                f"{name!r} ranks the wrong text higher: for {query!r}, {wrong:.3g} for {other!r} "
                f"and {right:.3g} for {answer!r}. Either it is not a reranker, its head was never "
                f"trained, or its labels are reversed{remedy}"
            )
