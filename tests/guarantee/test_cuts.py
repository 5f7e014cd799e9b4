"""The losses of all cuts at once, against one threshold at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import Candidate, InvalidInputError, JudgedQuery, Ranking, Risk
from secondpass.thresholds import KeptAndDropped
from secondpass.thresholds.guarantee.risk import missed, noise, risk_named, unanswered
from secondpass.thresholds.guarantee.threshold_grid import ThresholdGrid

Query = list[tuple[int, bool, bool]]  # score in tenths, relevant, cut by the pipeline


def _made(queries: list[Query]) -> tuple[list[JudgedQuery], list[Ranking]]:
    judged, ranked = [], []
    for q, rows in enumerate(queries):
        docs = [Candidate(str(i), "text") for i in range(len(rows))]
        judged.append(
            JudgedQuery.of(f"q{q}", docs, [str(i) for i, row in enumerate(rows) if row[1]])
        )
        left = sorted((i for i, row in enumerate(rows) if not row[2]), key=lambda i: -rows[i][0])
        made = tuple(Candidate(str(i), "text", score=rows[i][0] / 10) for i in left)
        ranked.append(Ranking(f"q{q}", made, "probability" if made else "order"))
    return judged, ranked


def _loss(risk: Risk, rows: Query, at_least: float) -> float:
    kept = [r for s, r, cut in rows if not cut and s / 10 >= at_least]
    relevant = sum(r for _, r, _ in rows)
    if risk is missed:
        return 1 - sum(kept) / relevant if relevant else 0.0
    if risk is noise:
        return 1 - sum(kept) / len(kept) if kept else 0.0
    return float(relevant > 0 and not sum(kept))


query = st.lists(st.tuples(st.integers(0, 10), st.booleans(), st.booleans()), max_size=6)


@settings(max_examples=60)
@given(st.lists(query, min_size=1, max_size=5), st.sampled_from([missed, noise, unanswered]))
def test_every_cut_loses_what_its_threshold_does(queries: list[Query], risk: Risk) -> None:
    judged, ranked = _made(queries)
    if not any(len(r) for r in ranked):
        return
    cuts = ThresholdGrid.of(judged, ranked)
    losses = cuts.losses(risk)
    thresholds = [*cuts.scores.tolist(), 2.0]
    expected = np.array([[_loss(risk, rows, t) for rows in queries] for t in thresholds])
    assert losses.rows(range(len(thresholds))) == pytest.approx(expected)
    assert losses.means == pytest.approx(expected.mean(axis=1))
    assert losses.rows([len(thresholds) - 1])[0] == pytest.approx(expected[-1])
    same = ~losses.changed[1:]
    assert (expected[1:][same] == expected[:-1][same]).all()
    for cut, t in enumerate(cuts.scores):
        kept = sum(not gone and s / 10 >= t for rows in queries for s, _, gone in rows)
        assert cuts.kept(cut) == pytest.approx(kept / len(queries))


def _cuts() -> ThresholdGrid:
    return ThresholdGrid.of(*_made([[(9, True, False), (5, False, False), (2, True, False)]]))


@pytest.mark.parametrize(
    ("risk", "message"),
    [
        (Risk("big", lambda c: c.relevant_dropped), r"'big' leaves \[0, 1\]"),
        (Risk("none", lambda c: c.relevant_dropped * np.nan), "leaves"),
        (Risk("flat", lambda c: np.zeros(3)), "has the shape"),
        (Risk("half", lambda c: c.relevant_dropped / 2, binary=True), "binary=True is wrong"),
        (Risk("noise", noise.loss, "keep", monotone=True), "monotone=True is wrong"),
    ],
)
def test_a_loss_that_is_not_what_it_says_is_refused(risk: Risk, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        _cuts().losses(risk)


def test_risks_have_names() -> None:
    assert risk_named("missed") is missed
    assert risk_named(noise) is noise
    with pytest.raises(InvalidInputError, match="choose from missed, noise, unanswered"):
        risk_named("recall")
    with pytest.raises(InvalidInputError, match="safe end"):
        Risk("x", lambda c: c.others_kept, "top")  # type: ignore[arg-type]


def test_counts_are_what_was_kept_and_dropped() -> None:
    seen: list[KeptAndDropped] = []

    def remember(counts: KeptAndDropped) -> np.ndarray:
        seen.append(counts)
        return np.zeros_like(counts.others_kept)

    _cuts().losses(Risk("mine", remember))
    first, after = seen
    assert [float(x[0]) for x in (first.relevant_kept, first.others_kept)] == [2, 1]
    assert after.relevant_dropped.tolist() == [1, 1, 2]  # lowest score first
    assert after.others_dropped.tolist() == [0, 1, 1]
