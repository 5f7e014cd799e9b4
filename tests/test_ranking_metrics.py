from __future__ import annotations

import random

import pytest

from secondpass.core.formulas import ndcg


def test_ndcg_is_trec_evals() -> None:
    measures = pytest.importorskip("ir_measures")
    g = random.Random(0)
    for _ in range(50):
        labels = [g.random() < 0.3 for _ in range(g.randint(1, 30))]
        missed = g.randint(0, 3)
        qrels = {"q": {str(i): int(label) for i, label in enumerate(labels)}}
        qrels["q"] |= {f"missed {i}": 1 for i in range(missed)}
        run = {"q": {str(i): float(-i) for i in range(len(labels))}}
        expected = measures.calc_aggregate([measures.nDCG @ 10], qrels, run)[measures.nDCG @ 10]
        assert ndcg(labels, sum(labels) + missed) == pytest.approx(expected, abs=1e-12)


def test_without_a_relevant_candidate_it_is_0() -> None:
    assert ndcg([False, False], 0) == 0
    assert ndcg([], 3) == 0
