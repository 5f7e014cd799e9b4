"""A run has our order, however it is evaluated: as a dict, as a file, by trec_eval's own rule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import Candidate, InvalidInputError, Ranking, load
from secondpass.evaluate import Metric, read_run, run_of, write_run
from secondpass.evaluate.metrics import per_query

NAMES = ["nDCG@10", "nDCG@3", "AP", "RR@10", "R@2", "P@2"]
CLOSE = [0.5, 0.5 + 1e-12, 0.5 + 1e-8, 0.3, 1e-300, 0.0, -2.5, 1e39, -1e39]
IDS = ["a", "B", "10", "9", "ä", "\ufb00", "\U0001d49f", "d1", "d10", "d2"]


def _ranking(ids: list[str], scores: list[float]) -> Ranking:
    given_order = Ranking.of("q", [Candidate(id, "text") for id in ids])
    return given_order.rescored(scores, "raw", "test")


@st.composite
def rankings(draw: Any) -> Ranking:
    """Few scores, many ties and near ties."""
    ids = draw(st.lists(st.sampled_from(IDS), min_size=1, unique=True))
    if draw(st.booleans()):
        return Ranking.of("q", [Candidate(id, "text") for id in ids])
    scores = [draw(st.sampled_from(CLOSE)) for _ in ids]
    return _ranking(ids, scores)


@given(rankings(), st.dictionaries(st.sampled_from(IDS), st.integers(0, 2), min_size=1))
def test_ir_measures_gives_our_values_to_the_bit(ranking: Ranking, grades: dict[str, int]) -> None:
    metrics = [Metric.of(name) for name in NAMES]
    ours = per_query(metrics, {"q": grades}, {"q": ranking.ids})
    run, qrels = run_of({"q": ranking}), {"q": grades}
    theirs = {m.name: 0.0 for m in metrics}
    by_measure = {m.measure: m.name for m in metrics}
    for one in ir_measures.iter_calc([m.measure for m in metrics], qrels, run):
        theirs[by_measure[one.measure]] = one.value
    assert {name: values[0] for name, values in ours.items()} == theirs


@given(rankings())
def test_a_file_reads_back_in_our_order(
    tmp_path_factory: pytest.TempPathFactory, ranking: Ranking
) -> None:
    path = tmp_path_factory.getbasetemp() / "run.txt"
    write_run({"q": ranking}, path, tag="ours")
    entries = read_run(path).lists["q"]
    assert [e.doc for e in entries] == ranking.ids
    assert [e.score for e in entries] == list(run_of({"q": ranking})["q"].values())
    scored = [(s.doc_id, s.score) for s in ir_measures.read_trec_run(str(path))]
    assert scored == [(e.doc, e.score) for e in entries]


def test_scores_are_the_rankings_own_where_they_can_be() -> None:
    own = _ranking(["a", "b", "c"], [0.25, 1.5, -3.0])
    assert run_of({"q": own}) == {"q": {"b": 1.5, "a": 0.25, "c": -3.0}}
    for ids in (["a", "b"], ["b", "a"]):  # evaluators break ties differently
        assert list(run_of({"q": _ranking(ids, [0.5, 0.5])})["q"].values()) == [2.0, 1.0]
    same_in_32_bits = _ranking(["a", "b"], [0.5 + 1e-12, 0.5])
    assert run_of({"q": same_in_32_bits})["q"] == {"a": 2.0, "b": 1.0}


def test_a_run_of_the_built_in_model(tmp_path: Path) -> None:
    texts = ["Cats sleep.", "Goethe wrote Faust.", "Faust is a family name."]
    found = load("builtin")(Ranking.of("who wrote Faust?", texts))
    empty = found.head(0)
    write_run({"q1": found, "q2": empty}, tmp_path / "run.txt")
    lines = (tmp_path / "run.txt").read_text(encoding="utf-8").splitlines()
    assert [line.split()[:4] for line in lines] == [
        ["q1", "Q0", id, str(rank)] for rank, id in enumerate(found.ids, start=1)
    ]
    assert [float(line.split()[4]) for line in lines] == found.scores
    assert run_of({"q2": empty}) == {"q2": {}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: run_of({"q 1": Ranking.of("q", [])}), "query id 'q 1'"),
        (lambda: run_of({"q": Ranking.of("q", [Candidate("a b", "t")])}), "document id 'a b'"),
        (lambda: run_of({"q": Ranking.of("q", [Candidate("", "t")])}), "document id ''"),
        (lambda: run_of({"q": ["a"]}), "not list"),  # type: ignore[dict-item]
        (lambda: write_run({}, "x", tag="my run"), "tag id"),
    ],
)
def test_what_a_run_cannot_hold(call: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call()
