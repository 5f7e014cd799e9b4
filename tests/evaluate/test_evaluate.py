from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from secondpass import Candidate, InvalidInputError, Ranking, Recipe, Score, Top, UnknownModelError
from secondpass import load as loaded
from secondpass.evaluate import Collection, Topic, evaluate, evaluate_rankings
from secondpass.testing import FakeScorer


def ticking() -> float:
    """A clock that is 1 s further at each look."""
    ticking.now += 1.0  # type: ignore[attr-defined]
    return ticking.now  # type: ignore[attr-defined,no-any-return]


ticking.now = 0.0  # type: ignore[attr-defined]


def test_a_stage_is_better_than_the_first_stage(plants: Collection) -> None:
    before = evaluate(None, plants)
    after = evaluate(Score(FakeScorer()), plants)
    assert before.means["nDCG@10"] < 0.45
    assert after.means == {"nDCG@10": 1.0, "RR@10": 1.0}
    assert (before.name, before.seconds, before.latency) == ("first stage", (), {})


def test_whatever_names_a_pipeline(plants: Collection, tmp_path: Path) -> None:
    Recipe.of(loaded("bm25")).save(tmp_path / "r.json")
    for model in ("bm25", loaded("bm25"), Recipe.of(loaded("bm25")), tmp_path / "r.json"):
        assert evaluate(model, plants, "RR@10").means == {"RR@10": 1.0}
    with pytest.raises(UnknownModelError):
        evaluate("bm52", plants)
    with pytest.raises(InvalidInputError, match="give a model string"):
        evaluate(3, plants)  # type: ignore[arg-type]


def test_latency_progress_and_batches(plants: Collection) -> None:
    seen: list[tuple[int, int]] = []
    one = evaluate(
        Score(FakeScorer()), plants, clock=ticking, on_progress=lambda a, b: seen.append((a, b))
    )
    assert one.latency == {"mean": 1, "p50": 1, "p95": 1}
    assert (len(seen), seen[-1]) == (20, (20, 20))
    scorer = FakeScorer()
    several = evaluate(Score(scorer), plants, batch=8, clock=ticking)
    assert [len(call) for call in scorer.calls] == [64, 64, 32]
    assert several.seconds[:1] + several.seconds[-1:] == (1 / 8, 1 / 4)
    with pytest.raises(InvalidInputError, match="batch=0"):
        evaluate("bm25", plants, batch=0)


def test_a_wrong_metric_is_told_before_the_model_is_loaded(plants: Collection) -> None:
    with pytest.raises(InvalidInputError, match="unknown metric"):
        evaluate("cross-encoder:/nowhere", plants, ("nDCX@10",))


def test_cuts_and_lost_queries_are_said(plants: Collection) -> None:
    empty = Topic("none", Ranking.of("nothing", []), {"d1": 0})
    c = Collection("c", (*plants.topics, empty), 1, ("a note",))
    done = evaluate(Top(3), c)
    assert done.means["RR@10"] == 0
    assert done.of("RR@10")[-1] == 0
    assert done.notes[0] == "a note"
    assert "1 of 21 queries have no relevant document; they count 0" in done.notes[1]


def test_events_are_counted_by_query(plants: Collection) -> None:
    from secondpass import Threshold

    done = evaluate(Score(FakeScorer()) >> Threshold(1, scale="raw"), plants)
    assert done.events == {"dropped": 20}
    assert "dropped on 20 of 20 queries" in str(done)


def test_per_query_files(plants: Collection, tmp_path: Path) -> None:
    done = evaluate(Score(FakeScorer()), plants, clock=ticking)
    done.write(tmp_path / "q.jsonl")
    done.write(tmp_path / "q.csv")
    rows = [json.loads(line) for line in (tmp_path / "q.jsonl").read_text().splitlines()]
    assert rows[3] == {
        "contender": "fake-scorer", "query_id": "3", "query": "plant3", "nDCG@10": 1.0,
        "RR@10": 1.0, "seconds": 1.0,
    }  # fmt: skip
    with (tmp_path / "q.csv").open(newline="") as stream:
        table = list(csv.DictReader(stream))
    assert [row["query_id"] for row in table] == [t.id for t in plants]
    for path, message in ((tmp_path / "q.txt", "jsonl or .csv"), (tmp_path / "x/q.csv", "write")):
        with pytest.raises(InvalidInputError, match=message):
            done.write(path)


def test_rankings_made_elsewhere(plants: Collection) -> None:
    again = evaluate_rankings("again", plants, [Ranking.of("q", [Candidate("d0", "x")])] * 20)
    assert again.means["nDCG@10"] == 0
    with pytest.raises(InvalidInputError, match="1 rankings for 20"):
        evaluate_rankings("wrong", plants, plants.rankings[:1])
    with pytest.raises(InvalidInputError, match="'P@5' was not measured"):
        again.of("P@5")
