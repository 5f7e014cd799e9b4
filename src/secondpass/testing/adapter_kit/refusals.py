"""Bad input is one clear error, in the words that were typed."""
# ruff: noqa: ARG001  -- doubles have the arguments that are called

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from secondpass.core.errors import SecondPassError
from secondpass.stages.order import Order
from secondpass.stages.score import Pair, Score
from secondpass.testing.adapter_kit.adapter import (
    QUERY,
    TEXTS,
    Adapter,
    caught,
    needs,
    probable,
    raw,
    refused,
)
from secondpass.testing.doubles import FakeScorer, overlap


class RefusalTests(Adapter):
    """Options, queries, documents and models that cannot be used are refused with a reason."""

    def test_unknown_options_are_refused_with_what_to_write(self) -> None:
        for name, value in {**self.foreign, "no_such_option": 1}.items():
            error = refused(
                partial(self.make, model=raw(), **{name: value}),
                name,
                because=f"the unknown option {name}= was taken",
            )
            assert isinstance(error, SecondPassError), f"{error!r} says nothing of what to do"

    @needs("top")
    def test_the_other_word_for_the_number_is_answered_with_ours(self) -> None:
        other = "top_k" if self.top == "top_n" else "top_n"
        refused(
            lambda: self.make(model=raw(), **{other: 3}),
            other, self.top,
            because=f"{other}= was taken, and {self.top}= is meant",
        )  # fmt: skip

    @needs("top")
    def test_a_number_to_keep_is_a_whole_number(self) -> None:
        for bad in (-1, 1.5, "3", True):
            refused(
                partial(self.make, model=raw(), **{self.top: bad}),
                self.top,
                because=f"{self.top}={bad!r} was taken",
            )

    @needs("threshold")
    def test_a_threshold_is_a_probability(self) -> None:
        for bad in (-0.1, 1.5, float("nan"), "high"):
            refused(
                partial(self.make, model=probable(), threshold=bad),
                because=f"threshold={bad!r} was taken",
            )

    @needs("deadline")
    def test_a_deadline_is_positive_seconds(self) -> None:
        for bad in (0, -1, float("inf"), float("nan"), "soon"):
            refused(
                partial(self.make, model=raw(), deadline=bad),
                "deadline",
                because=f"deadline={bad!r} was taken",
            )

    def test_a_query_is_needed(self) -> None:
        reranker, documents = self.make(model=raw()), self.documents(self.given())
        for bad in ("", "  "):
            refused(
                partial(self.run, reranker, bad, documents),
                because=f"the query {bad!r} was taken",
            )

    def test_what_is_no_document_is_refused(self) -> None:
        reranker = self.make(model=raw())
        refused(
            lambda: self.run(reranker, QUERY, [object()]),
            "object",
            because="something that is no document was taken",
        )

    def test_what_is_no_model_is_refused(self) -> None:
        for bad in ("no-such-backend:x", 3, object()):
            error = caught(partial(self.rerank, self.given(), model=bad))
            assert error is not None, f"model={bad!r} was taken"

    def test_scores_that_are_no_numbers_are_errors(self) -> None:
        """Sorted as they are, NaN ranks first, or wherever it stands."""
        for bad in (float("nan"), float("inf")):
            self._fails(Score(_Tells([bad] * len(TEXTS))))

    def test_as_many_scores_as_documents_or_an_error(self) -> None:
        for extra in (-1, 1):
            self._fails(Score(_Tells([1.0] * (len(TEXTS) + extra))))

    def test_an_order_that_is_none_is_an_error(self) -> None:
        """-1 would be the last one, 9 an IndexError, and what is left out would vanish."""
        for answer in ([-1, 0, 1, 2], [0, 0, 1, 2], [0, 1, 2, 9], [0, 1], []):
            self._fails(Order(_Judges(answer)))

    def test_what_the_model_raises_comes_through(self) -> None:
        def broken(query: str, text: str) -> float:
            raise ConnectionResetError("the model is gone")

        error = caught(lambda: self.rerank(self.given(), model=Score(FakeScorer(broken))))
        assert error is not None, "a failing model's documents came back as if they were ranked"
        assert "the model is gone" in str(error)

    def test_a_failure_leaves_the_reranker_usable(self) -> None:
        fails = [True, False]

        def once(query: str, text: str) -> float:
            if fails[0]:
                fails.pop(0)
                raise ConnectionResetError("the model is gone")
            return overlap(query, text)

        reranker = self.make(model=Score(FakeScorer(once)))
        documents = self.documents(self.given())
        assert caught(lambda: self.run(reranker, QUERY, documents)) is not None
        done = self.read(self.run(reranker, QUERY, documents))
        assert [d.score for d in done] == [6.0, 3.0, 2.0, 0.0]

    def _fails(self, model: Any) -> None:
        error = caught(lambda: self.rerank(self.given(), model=model))
        assert isinstance(error, SecondPassError), f"{model!r} gave no error but {error!r}"


class _Tells(FakeScorer):
    """Answers what it was told to, fit or not."""

    def __init__(self, answer: list[float]) -> None:
        super().__init__()
        self.answer = answer

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        return self.answer


class _Judges:
    """Orders as it was told to, fit or not."""

    name = "judge"

    def __init__(self, answer: list[int]) -> None:
        self.answer = answer

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        return self.answer
