"""How the suite talks to an adapter: what the adapter's author writes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, get_args
from unittest import SkipTest

from secondpass.calibrate import Calibrate, Platt
from secondpass.core.ranking_details import METADATA_KEY
from secondpass.core.stage import Stage
from secondpass.stages.score import Score
from secondpass.testing.doubles import FakeScorer

Test = Callable[[Any], None]

Ability = Literal[
    "ids",
    "metadata",
    "retrieval scores",
    "orders",
    "top",
    "threshold",
    "keep_at_least",
    "deadline",
    "async",
    "tracing",
    "storing",
]
"""What a framework, or an adapter for it, may do without; `AdapterContract.without` says why.

"orders" are results without scores: a framework that wants a number for each document has none.
"""

QUERY = "how do I read a file"
TEXTS = (
    "the museum is closed",
    "read a file line by line",
    "a file",
    "how do I read a file at once",
)
"""In the retriever's order. The words shared with the query are 0, 3, 2 and 6."""
BEST_FIRST = [3, 1, 2, 0]


@dataclass(frozen=True, slots=True)
class Given:
    """A document to make.

    Attributes:
        id: Its id. Ids may be equal.
        text: What the model reads.
        metadata: Plain JSON values, in a flat dict.
        score: The retriever's; None where it gave none.
    """

    id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    score: float | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """A document of a result.

    Attributes:
        id: Its id; None where the framework has none.
        text: The text that it came with.
        metadata: The document's own dict, and not a copy of it; None where there is none.
        score: Where the framework keeps scores; None where the document has none.
    """

    id: str | None
    text: str
    metadata: dict[str, Any] | None
    score: float | None


@dataclass(frozen=True, slots=True)
class Trace:
    """What a tracer heard of one call.

    Attributes:
        spans: The names of the spans (runs, events) of reranking that have started and ended.
        events: What they say happened to the list: each with ``stage``, ``kind``, ``message``.
        error: What the call raised; None if nothing.
    """

    spans: Sequence[str]
    events: Sequence[Mapping[str, str]]
    error: BaseException | None = None


class Adapter:
    """The part of `AdapterContract` that an adapter's author writes."""

    adapter: ClassVar[Callable[..., Any]]
    """What makes a reranker from the options, such as the adapter's class."""
    top: ClassVar[str] = "top_n"
    """The framework's word for how many documents to keep at most."""
    least_top: ClassVar[int] = 0
    """The least that it may be: 0 keeps none; 1 where the framework refuses 0."""
    added: ClassVar[frozenset[str]] = frozenset()
    """Keys of metadata that the adapter writes besides "secondpass", such as a score."""
    foreign: ClassVar[Mapping[str, Any]] = {
        "device": "cuda", "score_threshold": 0.5, "model_name": "x", "batch_size": 4,
    }  # fmt: skip
    """Options of other rerankers that this one does not have, and values for them."""
    without: ClassVar[Mapping[Ability, str]] = {}
    """What the framework does not have, and why."""

    def make(self, **options: Any) -> Any:
        """A reranker with these options."""
        return type(self).adapter(**options)

    def documents(self, given: Sequence[Given]) -> Any:
        """The documents in the framework's form, in this order."""
        raise NotImplementedError

    def run(self, reranker: Any, query: str, documents: Any) -> Any:
        """Rerank, as a user would."""
        raise NotImplementedError

    def read(self, result: Any) -> list[Found]:
        """What came back, in its order."""
        raise NotImplementedError

    async def arun(self, reranker: Any, query: str, documents: Any) -> Any:
        """Rerank in the framework's asynchronous way."""
        raise NotImplementedError

    def trace(self, reranker: Any, query: str, documents: Any) -> Trace:
        """Rerank while the framework's tracer listens; `caught` gives what the call raises."""
        raise NotImplementedError

    def store(self, reranker: Any) -> Any:
        """What the framework writes to a file, as JSON values."""
        raise NotImplementedError

    def restore(self, stored: Any) -> Any:
        """A reranker from what `store` gave."""
        raise NotImplementedError

    def equal(self, documents: Any, others: Any) -> bool:
        """Whether two lists of documents hold the same; for forms whose == does not say so."""
        return bool(documents == others)

    # what the suite needs

    def has(self, ability: Ability) -> bool:
        """Whether the framework can do it."""
        unknown = set(self.without) - set(get_args(Ability))
        assert not unknown, f"without: {sorted(unknown)} are not among {get_args(Ability)}"
        return ability not in self.without

    def given(self) -> list[Given]:
        """Four documents, the worst first and the best last, as from a retriever."""
        return [
            Given(
                f"doc-{i}",
                text,
                {"source": f"s{i}", "year": 2000 + i} if self.has("metadata") else {},
                round(0.9 - i / 10, 1) if self.has("retrieval scores") else None,
            )
            for i, text in enumerate(TEXTS)
        ]

    def rerank(self, given: Sequence[Given], **options: Any) -> list[Found]:
        """What comes back for documents from a reranker with these options."""
        return self.read(self.run(self.make(**options), QUERY, self.documents(given)))


def needs(*abilities: Ability) -> Callable[[Test], Test]:
    """A test that is skipped, with the reason, where the framework lacks one of these."""

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def checked(self: Adapter) -> None:
            for ability in abilities:
                if not self.has(ability):
                    raise SkipTest(f"without {ability}: {self.without[ability]}")
            test(self)

        return checked

    return decorate


def raw() -> Stage:
    """Raw scores: the number of words shared with the query."""
    return Score(FakeScorer())


def probable() -> Stage:
    """Probabilities: 0.5 at two and a half shared words, so two of the four documents have more."""
    return Score(FakeScorer()) >> Calibrate(Platt(1.0, -2.5), "fake-scorer")


def details(found: Found) -> dict[str, Any]:
    """What the adapter wrote into a document's metadata."""
    assert found.metadata is not None, f"{found.text!r} came back without metadata"
    assert METADATA_KEY in found.metadata, f"no metadata[{METADATA_KEY!r}] on {found.text!r}"
    said: dict[str, Any] = found.metadata[METADATA_KEY]
    return said


def caught(call: Callable[[], Any]) -> Exception | None:
    """What a call raises; None if nothing."""
    try:
        call()
    except Exception as error:
        return error
    return None


def refused(call: Callable[[], Any], *words: str, because: str) -> Exception:
    """Check that a call raises what callers catch for bad input, in words that they typed.

    Args:
        call: What must raise.
        words: What the message must contain.
        because: What would be wrong if it did not, for the failure's message.
    """
    error = caught(call)
    assert isinstance(error, ValueError | TypeError), f"{because}: {error!r}"
    missing = [word for word in words if word not in str(error)]
    assert not missing, f"the message does not say {missing}: {error}"
    return error
