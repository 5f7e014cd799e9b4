"""A ranking as plain data: what services, tables and adapters write down."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from datetime import date

import numpy as np
import pytest

from secondpass import Calibrate, Candidate, Fuse, InvalidInputError, Platt, Ranking, Score, Top
from secondpass.core.ranking_details import (
    METADATA_KEY,
    candidate_details,
    json_value,
    metadata_details,
)
from secondpass.testing import FakeScorer

NUMBER = Score(FakeScorer(lambda query, text: float(text.split()[0]), name="number"))
PROBABLE = NUMBER >> Calibrate(Platt(1.0, 0.0), "number")
DOCS = ["-1 worst", "2 best", "0 middle"]


def test_every_candidate_knows_its_place_in_the_callers_list_after_any_stage() -> None:
    for stage in (NUMBER, PROBABLE, Fuse(NUMBER, NUMBER), NUMBER >> Top(2) >> PROBABLE[:1]):
        ranking = stage(Ranking.of("q", DOCS))
        assert ranking.indices == [1, 2, 0][: len(ranking)]
        assert [DOCS[i] for i in ranking.indices] == [c.text for c in ranking]


def test_the_position_is_that_in_the_newest_list() -> None:
    first = NUMBER(Ranking.of("q", [Candidate(text, text) for text in DOCS]))
    assert first.indices == [1, 2, 0]
    assert Ranking.of("q", first.candidates).indices == [0, 1, 2]


def test_candidates_that_were_in_no_list_have_no_position() -> None:
    with pytest.raises(InvalidInputError, match=r"have no position; Ranking\.of"):
        _ = Ranking("q", (Candidate("a", "text"),)).indices
    assert Ranking("q", ()).indices == []


def test_a_candidate_that_is_at_its_place_is_not_copied() -> None:
    ranking = Ranking.of("q", DOCS)
    assert all(a is b for a, b in zip(ranking, Ranking.of("q", ranking.candidates), strict=True))


def test_a_ranking_as_plain_json() -> None:
    day = date(2026, 1, 2)
    docs = [
        Candidate("a", "-1 worst", {"n": np.int64(3), "day": day, "odd": math.nan}, score=0.25),
        Candidate("b", "2 best", {"tags": ("x", "y")}, score=0.5, payload=object()),
    ]
    ranking = (PROBABLE >> Top(1))(Ranking.of("q", docs)).with_event("s", "kind", "words")
    assert json.loads(json.dumps(ranking.to_dict(), allow_nan=False)) == {
        "query": "q",
        "scale": "probability",
        "status": "complete",
        "events": [{"stage": "s", "kind": "kind", "message": "words"}],
        "candidates": [
            {
                "id": "b",
                "text": "2 best",
                "metadata": {"tags": ["x", "y"]},
                "scale": "probability",
                "rank": 0,
                "position": 1,
                "score": pytest.approx(1 / (1 + math.exp(-2))),
                "probability": pytest.approx(1 / (1 + math.exp(-2))),
                "retrieval_score": 0.5,
                "retrieval_rank": 1,
                "evidence": [],
                "notes": {},
            }
        ],
    }
    raw = NUMBER(Ranking.of("q", docs)).to_dict()["candidates"][1]
    assert raw["metadata"] == {"n": 3, "day": "2026-01-02", "odd": None}
    assert (raw["score"], raw["probability"]) == (-1.0, None)
    order = Ranking.of("q", ["a"]).to_dict()["candidates"][0]
    assert (order["score"], order["retrieval_score"], order["retrieval_rank"]) == (None, None, 0)


def test_notes_stand_under_their_stage() -> None:
    ranking = Ranking.of("q", ["a"])
    ranking = ranking.rescored([1.0], "raw", "one", [{"cut_tokens": np.float32(2)}])
    ranking = ranking.rescored([2.0], "raw", "two").rescored([2.0], "raw", "one", [{"hit": True}])
    (candidate,) = ranking.to_dict()["candidates"]
    assert candidate["notes"] == {"one": {"cut_tokens": 2.0, "hit": True}}


class Number(float):
    """A float of its own kind."""


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (Number(0.5), 0.5), (np.bool_(True), True), (np.arange(2), [0, 1]), (math.inf, None),
        ({1: {2: {"x"}}}, {"1": {"2": ["x"]}}), (b"raw", "b'raw'"), (None, None), (True, True),
    ],
)  # fmt: skip
def test_any_value_becomes_plain_json(value: object, plain: object) -> None:
    found = json_value(value)
    assert found == plain
    assert type(found) is type(plain)


def test_a_ranking_as_a_dataframe() -> None:
    frame = PROBABLE(Ranking.of("q", DOCS)).to_pandas()
    assert list(frame["position"]) == [1, 2, 0]
    assert list(frame["rank"]) == [0, 1, 2]
    assert list(frame["text"]) == ["2 best", "0 middle", "-1 worst"]
    assert frame["probability"].iloc[1] == pytest.approx(0.5)
    empty = Ranking.of("q", []).to_pandas()
    assert len(empty) == 0
    assert list(empty.columns) == list(frame.columns)


def test_without_pandas_the_error_says_what_to_install() -> None:
    code = """
import sys
sys.modules["pandas"] = None
from secondpass import MissingExtraError, Ranking
try:
    Ranking.of("q", ["a"]).to_pandas()
except MissingExtraError as error:
    assert 'pip install "secondpass[pandas]"' in str(error), error
else:
    raise AssertionError
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_print_shows_a_short_table() -> None:
    ranking = (PROBABLE >> Top(2))(Ranking.of("which?", DOCS)).with_event("s", "kind", "words")
    assert str(ranking).splitlines() == [
        "which? (2 candidates, probability)",
        "rank  P(relevant)  id  text",
        "   1        0.881  1   2 best",
        "   2        0.500  2   0 middle",
        "s: words",
    ]
    assert str(Ranking.of("q", ["a"])).splitlines() == [
        "q (1 candidate, order)", "rank  id  text", "   1  0   a",
    ]  # fmt: skip
    assert str(Ranking.of("q", [])) == "q (0 candidates, order)"


def test_print_and_repr_stay_short_whatever_is_in_a_ranking() -> None:
    docs = [Candidate(f"{i}" * 999, "long\ntext " * 9999, {"k": "v" * 9999}) for i in range(500)]
    ranking = NUMBER.run([Ranking.of("q" * 9999, ["1 " + c.text for c in docs])])[0]
    for _ in range(50):
        ranking = ranking.with_event("stage" * 99, "kind", "message " * 99)
    lines = str(ranking).splitlines()
    assert len(lines) == 1 + 1 + 20 + 1 + 5 + 1
    assert max(map(len, lines)) < 170
    assert "and 480 more candidates" in lines
    assert "and 45 more events" in lines
    assert "\n" not in repr(ranking)
    assert len(repr(ranking)) < 300
    assert len(repr(docs[0])) < 500


def test_repr_says_what_it_is() -> None:
    assert repr(PROBABLE(Ranking.of("which?", DOCS))) == (
        "Ranking('which?', 3 candidates, scale 'probability', best '1' with 0.881)"
    )
    assert (
        repr(Ranking.of("which?", ["a"]))
        == "Ranking('which?', 1 candidate, scale 'order', best '0')"
    )
    assert repr(Candidate("a", "text", score=0.5)) == "Candidate(id='a', text='text', score=0.5)"


def test_what_adapters_write_is_a_candidates_details_with_the_events() -> None:
    ranking = NUMBER(Ranking.of("q", DOCS)).with_event("s", "kind", "words")
    written = metadata_details(ranking, 0, {"mine": 1})
    whole = ranking.to_dict()
    expected = {
        **candidate_details(ranking[0], 0, "raw"),
        "status": "complete",
        "events": whole["events"],
    }
    assert written == expected
    assert metadata_details(ranking, 0, {METADATA_KEY: written}) == {**expected, "before": written}
