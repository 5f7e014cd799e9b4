from __future__ import annotations

import math

import pytest

pytest.importorskip("ir_measures")

from secondpass import JudgedQuery, Ranking
from secondpass.train.report import RankingQuality, gain_interval


def test_measures_are_those_of_the_papers() -> None:
    judged = [
        JudgedQuery.of("q", ["a", "b", "c"], ["1", "2"]),
        JudgedQuery.of("r", ["a", "b"], ["0"]),
    ]
    quality = RankingQuality.of(
        [Ranking.of("q", ["a", "b", "c"]), Ranking.of("r", ["a", "b"])], judged
    )
    second, third = 1 / math.log2(3), 1 / 2
    assert quality.ndcg10 == pytest.approx([(second + third) / (1 + second), 1])
    assert quality.mrr10 == pytest.approx(0.75)
    assert quality.calibration_error is None


def test_the_interval_holds_the_mean_and_shrinks_with_queries() -> None:
    before, after = [0.5, 0.6, 0.4, 0.5] * 10, [0.6, 0.6, 0.5, 0.4] * 10
    gain, (low, high) = gain_interval(before, after, 0)
    assert gain == pytest.approx(0.025)
    assert low < gain < high
    _, (wider_low, wider_high) = gain_interval(before[:4], after[:4], 0)
    assert wider_high - wider_low > high - low
