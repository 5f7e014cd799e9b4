from __future__ import annotations

import math

import ir_measures
import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import InvalidInputError
from secondpass.evaluate import Metric
from secondpass.evaluate.metrics import ideal, metrics_of, per_query


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("nDCG@10", "nDCG@10"), ("ndcg@5", "nDCG@5"), ("MRR@10", "RR@10"), ("MAP@100", "AP@100"),
        ("Recall@100", "R@100"), ("precision@5", "P@5"), (" P@5 ", "P@5"), ("AP", "AP"),
        ("ERR@10", "ERR@10"),
    ],
)  # fmt: skip
def test_names(given: str, name: str) -> None:
    assert Metric.of(given).name == name


@pytest.mark.parametrize("name", ["", "nDCX@10", "nDCG@ten", "nDCG@0", "R@-1", "@5", "os.system"])
def test_unknown_names(name: str) -> None:
    with pytest.raises(InvalidInputError, match="metric"):
        Metric.of(name)


def test_none_or_the_wrong_kind_of_metric() -> None:
    with pytest.raises(InvalidInputError, match="at least one"):
        metrics_of([], 1)
    with pytest.raises(InvalidInputError, match="named by a string"):
        metrics_of([3], 1)  # type: ignore[list-item]
    assert [m.name for m in metrics_of(["MRR@10", "RR@10"], 1)] == ["RR@10"]


def test_values_worked_out_by_hand() -> None:
    qrels = {"1": {"a": 2, "b": 1, "c": 0, "missed": 1}, "2": {"a": 0}, "3": {"a": 1}}
    orders = {"1": ["c", "b", "x", "a"], "2": ["a"], "3": []}
    names = ["nDCG@3", "RR@10", "AP@10", "R@2", "P@4"]
    found = per_query(metrics_of(names, 1), qrels, orders)
    dcg, best = 1 / math.log2(3), 2 + 1 / math.log2(3) + 1 / 2
    assert found["nDCG@3"] == pytest.approx([dcg / best, 0, 0])
    assert found["RR@10"] == pytest.approx([1 / 2, 0, 0])
    assert found["AP@10"] == pytest.approx([(1 / 2 + 2 / 4) / 3, 0, 0])
    assert found["R@2"] == pytest.approx([1 / 3, 0, 0])
    assert found["P@4"] == pytest.approx([2 / 4, 0, 0])


def test_binary_metrics_begin_at_the_grade_and_ndcg_does_not() -> None:
    qrels, orders = {"1": {"a": 1, "b": 2}}, {"1": ["a", "b"]}
    low = per_query(metrics_of(["RR@5", "nDCG@5"], 1), qrels, orders)
    high = per_query(metrics_of(["RR@5", "nDCG@5"], 2), qrels, orders)
    assert (low["RR@5"], high["RR@5"]) == ([1.0], [0.5])
    assert low["nDCG@5"] == high["nDCG@5"]
    both = per_query(metrics_of(["RR(rel=1)@5", "RR@5", "RR(rel=2)@5"], 2), qrels, orders)
    assert both == {"RR(rel=1)@5": [1.0], "RR@5": [0.5], "RR(rel=2)@5": [0.5]}


grades = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3), min_size=1)


@given(grades, st.permutations("abcdefgh"), st.integers(0, 8))
def test_the_same_as_ir_measures_and_below_the_ideal(
    judged: dict[str, int], order: list[str], depth: int
) -> None:
    docs = order[:depth]
    metrics = metrics_of(["nDCG@5", "RR@5", "AP", "R@3", "P@3"], 1)
    ours = per_query(metrics, {"q": judged}, {"q": docs})
    run = {"q": {d: -float(i) for i, d in enumerate(docs)}}
    theirs = ir_measures.calc_aggregate([m.measure for m in metrics], {"q": judged}, run)
    best = per_query(metrics, {"q": judged}, {"q": ideal(docs, judged)})
    for m in metrics:
        assert ours[m.name][0] == pytest.approx(theirs[m.measure], abs=1e-9)
        assert ours[m.name][0] <= best[m.name][0] + 1e-9


def test_ids_that_c_cannot_hold() -> None:
    grades = {"d\x00a": 1, "d\x00b": 0, "d\ud800": 0, "d\\ud800": 0}
    orders = {"q\ud800": ["d\ud800", "d\\ud800", "d\x00b", "d\x00a"], "q\x00": ["d\x00a"]}
    qrels = {"q\ud800": grades, "q\x00": {"d\x00a": 1}}
    values = per_query(metrics_of(["RR@10", "P@1"], 1), qrels, orders)
    assert values == {"RR@10": [0.25, 1.0], "P@1": [0.0, 1.0]}
