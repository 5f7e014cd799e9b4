"""The one schema of what adapters write into metadata; the core makes it."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace

from secondpass.core.candidate import Candidate
from secondpass.core.event import Note
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import metadata_details
from secondpass.core.stage import Stage
from secondpass.stages.order import Order
from secondpass.stages.score import Pair, Score
from secondpass.testing.adapter_kit.adapter import (
    QUERY,
    Adapter,
    details,
    needs,
    probable,
    raw,
)
from secondpass.testing.doubles import FakeJudge, FakeScorer


class SchemaTests(Adapter):
    """``metadata["secondpass"]`` is what the core says of the candidate, and plain JSON."""

    @needs("metadata")
    def test_the_details_are_those_of_the_core(self) -> None:
        given = self.given()
        for stage in (raw(), probable(), Order(FakeJudge()), Score(_Truncates())):
            ranking = stage(Ranking.of(QUERY, [
                Candidate(str(i), g.text, g.metadata, score=g.score) for i, g in enumerate(given)
            ]))  # fmt: skip
            expected = [metadata_details(ranking, rank, {}) for rank in range(len(ranking))]
            assert [details(d) for d in self.rerank(given, model=stage)] == expected

    @needs("metadata")
    def test_the_details_are_plain_json(self) -> None:
        import numpy as np

        class Unchecked(Stage):
            """Makes its ranking by hand, past the code that makes numbers plain."""

            name = "unchecked"

            def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
                return [
                    replace(
                        r,
                        candidates=tuple(replace(c, score=np.float64(1.5)) for c in r),
                        scale="raw",
                    )
                    for r in rankings
                ]

        for model in (raw(), Order(FakeJudge()), Score(_Truncates()), Unchecked()):
            for found in self.rerank(self.given(), model=model):
                said = details(found)
                assert json.loads(json.dumps(said, allow_nan=False)) == said
                assert type(said["score"]) in (float, type(None))
                assert type(found.score) in (float, type(None))
                json.dumps(found.metadata, allow_nan=False)

    @needs("metadata")
    def test_no_two_documents_share_what_is_written(self) -> None:
        done = self.rerank(self.given(), model=Score(_Truncates()))
        kept = copy.deepcopy(details(done[1]))
        for event in details(done[0])["events"]:
            event.clear()
        details(done[0]).clear()
        assert details(done[1]) == kept

    @needs("metadata")
    def test_reranking_what_was_reranked_keeps_what_the_first_said(self) -> None:
        first = self.run(self.make(model=raw()), QUERY, self.documents(self.given()))
        said = {d.text: copy.deepcopy(details(d)) for d in self.read(first)}
        second = self.read(self.run(self.make(model=Order(FakeJudge())), QUERY, first))
        assert {d.text: details(d)["before"] for d in second} == said
        assert [d.score for d in second] == [None] * len(said), "a stale score survived"


class _Truncates(FakeScorer):
    """Says of one text that it was cut."""

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        cut: Note = {"cut_tokens": 7, "read_tokens": 9}
        return self.score(pairs), [cut if i == 0 else {} for i in range(len(pairs))]
