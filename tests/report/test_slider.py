from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass.report import LabelledScores, Report
from secondpass.report.slider import shorten

NUMBERS = st.floats(-1e6, 1e6)


@given(st.lists(NUMBERS, min_size=1), NUMBERS)
def test_the_shortest_decimal_keeps_the_same(scores: list[float], threshold: float) -> None:
    short = shorten(threshold, scores)
    assert [s >= short for s in scores] == [s >= threshold for s in scores]
    assert len(f"{short:g}") <= max(len(repr(threshold)), len(f"{threshold:g}"))


@pytest.mark.parametrize(
    ("threshold", "scores", "short"),
    [(0.37123, [0.2, 0.5], 0.37), (0.37123, [0.3711, 0.3714], 0.3712), (2.0, [], 2.0)],
)
def test_shorten(threshold: float, scores: list[float], short: float) -> None:
    assert shorten(threshold, scores) == short


def test_the_start_is_the_choice_of_the_evidence(made: Report) -> None:
    (parts,) = made.parts.values()
    labelled = parts.threshold
    assert isinstance(labelled, LabelledScores)
    kept = [sum(s >= labelled.start for s in q.scores) for q in labelled.queries]
    assert sum(kept) / len(kept) == pytest.approx(labelled.evidence.seen.kept)
    assert labelled.ends == (0.0, 1.0)
