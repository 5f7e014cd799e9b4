"""What comes back: everything, once, best first, as copies."""
# ruff: noqa: ARG001, ARG005  -- doubles have the arguments that are called

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from secondpass.core.stage import Stage
from secondpass.stages.order import Order
from secondpass.stages.score import Pair, Score
from secondpass.testing.adapter_kit.adapter import (
    BEST_FIRST,
    QUERY,
    TEXTS,
    Adapter,
    Given,
    details,
    needs,
    raw,
    refused,
)
from secondpass.testing.doubles import FakeJudge, FakeScorer

DIVISOR = 4.0


class ResultTests(Adapter):
    """Nothing is lost, nothing is invented, and what went in is left alone."""

    def test_nothing_is_lost_and_the_best_is_first(self) -> None:
        done = self.rerank(self.given(), model=raw())
        assert [d.text for d in done] == [TEXTS[i] for i in BEST_FIRST]
        assert [d.score for d in done] == [6.0, 3.0, 2.0, 0.0]

    @needs("ids")
    def test_ids_stay(self) -> None:
        done = self.rerank(self.given(), model=raw())
        assert [d.id for d in done] == [f"doc-{i}" for i in BEST_FIRST]

    @needs("metadata")
    def test_metadata_stays(self) -> None:
        given = self.given()
        for found, i in zip(self.rerank(given, model=raw()), BEST_FIRST, strict=True):
            details(found)
            own = found.metadata or {}
            kept = {k: own[k] for k in own if k not in {*self.added, "secondpass"}}
            assert kept == given[i].metadata

    def test_equal_documents_stay_apart(self) -> None:
        """Joined by text or by id, some would vanish or come back with another's metadata."""
        ids = ("x", "y", "z", "y") if self.has("ids") else ("x",) * 4
        texts = ("a file", "a file", "read a file", "museum")
        makings = zip(ids, texts, self.given(), strict=True)
        given = [Given(id, text, g.metadata) for id, text, g in makings]
        done = self.rerank(given, model=raw())
        assert Counter(d.text for d in done) == Counter(texts)
        assert [d.text for d in done] == ["read a file", "a file", "a file", "museum"]
        if self.has("ids"):
            assert [d.id for d in done] == ["z", "x", "y", "y"], "ties keep the incoming order"
        if self.has("metadata"):
            assert [(d.metadata or {})["source"] for d in done] == ["s2", "s0", "s1", "s3"]

    def test_ties_keep_the_incoming_order(self) -> None:
        given = [replace(g, text=f"{g.text} {i}") for i, g in enumerate(self.given())]
        done = self.rerank(given, model=Score(FakeScorer(lambda query, text: 1.0)))
        assert [d.text for d in done] == [g.text for g in given]

    def test_what_goes_in_is_untouched(self) -> None:
        documents = self.documents(self.given())
        kept = copy.deepcopy(documents)
        reranker = self.make(model=raw())
        done = self.read(self.run(reranker, QUERY, documents))
        assert self.equal(documents, kept), "the documents were changed in place"
        for found in done:
            if found.metadata is not None:
                found.metadata["new"] = 1
                details(found)["rank"] = 99
        assert self.equal(documents, kept), "what came back shares its metadata with what went in"
        again = self.read(self.run(reranker, QUERY, documents))
        assert [d.text for d in again] == [d.text for d in done], "a second run found other things"

    def test_no_documents_are_a_legal_question_and_ask_no_model(self) -> None:
        scorer, judge = FakeScorer(), FakeJudge()
        assert self.rerank([], model=Score(scorer)) == []
        assert self.rerank([], model=Order(judge)) == []
        assert scorer.calls == []
        assert judge.calls == []

    def test_a_single_document_comes_back(self) -> None:
        models: list[tuple[Stage, float | None]] = [(raw(), 2.0)]
        if self.has("orders"):
            models.append((Order(FakeJudge()), None))
        for model, score in models:
            (only,) = self.rerank([Given("one", "a file")], model=model)
            assert (only.text, only.score) == ("a file", score)

    def test_a_long_list_is_seen_whole(self) -> None:
        """Not only its first batch, and sorted as one list."""
        given = [Given(str(i), f"number {i}") for i in range(120)]

        def value(query: str, text: str) -> float:
            return float(7 * int(text.removeprefix("number ")) % 120)

        done = self.rerank(given, model=Score(FakeScorer(value)))
        assert [d.score for d in done] == [float(i) for i in reversed(range(120))]

    @needs("retrieval scores")
    def test_retrieval_scores_may_be_missing(self) -> None:
        """None, zero and negative ones are neither errors nor taken for one another."""
        scores = (None, 0.0, -0.5, None)
        given = [replace(g, score=s) for g, s in zip(self.given(), scores, strict=True)]
        done = self.rerank(given, model=raw())
        assert [d.score for d in done] == [6.0, 3.0, 2.0, 0.0]
        if self.has("metadata"):
            kept = [details(d)["retrieval_score"] for d in done]
            assert kept == [scores[i] for i in BEST_FIRST]

    def test_an_order_has_no_scores(self) -> None:
        """The retriever's score on a document that a judge moved would be a lie."""
        if not self.has("orders"):
            refused(
                lambda: self.rerank(self.given(), model=Order(FakeJudge())),
                "order",
                because="scores were invented for a model that gives none",
            )
            return
        done = self.rerank(self.given(), model=Order(FakeJudge()))
        assert [d.text for d in done] == [TEXTS[i] for i in BEST_FIRST]
        assert [d.score for d in done] == [None] * len(TEXTS)
        if self.has("metadata"):
            assert [details(d)["scale"] for d in done] == ["order"] * len(TEXTS)

    def test_scores_are_plain_floats(self) -> None:
        """numpy.float32 breaks JSON, checkpointers and comparisons with None."""
        import numpy as np

        class Numpy(FakeScorer):
            def score(self, pairs: Sequence[Pair]) -> list[float]:
                return list(np.asarray(super().score(pairs), dtype=np.float32) / DIVISOR)

        done = self.rerank(self.given(), model=Score(Numpy()))
        assert [type(d.score) for d in done] == [float] * len(TEXTS)
        assert [d.score for d in done] == [1.5, 0.75, 0.5, 0.0]
