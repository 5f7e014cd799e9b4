"""The same figures as MAPIE's risk control, where both apply."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from secondpass import Candidate, JudgedQuery, Ranking, Risk
from secondpass.thresholds.guarantee.p_values import binomial, hoeffding_bentkus
from secondpass.thresholds.guarantee.risk import missed, noise
from secondpass.thresholds.guarantee.risk_control import RiskConstraint, Search
from secondpass.thresholds.guarantee.threshold_grid import ThresholdGrid

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    methods = pytest.importorskip("mapie.risk_control.methods")
    fwer = pytest.importorskip("mapie.risk_control.fwer_control")


def _cuts(seed: int, n: int = 150) -> ThresholdGrid:
    g = np.random.default_rng(seed)
    judged, ranked = [], []
    for q in range(n):
        labels = g.random(12) < 0.2
        scores = np.round(1 / (1 + np.exp(2 - 3 * labels - g.normal(0, 1, 12))), 3)
        docs = [Candidate(str(i), "text") for i in range(12)]
        judged.append(JudgedQuery.of(f"q{q}", docs, [str(i) for i in np.flatnonzero(labels)]))
        best = sorted(range(12), key=lambda i: -scores[i])
        made = tuple(Candidate(str(i), "text", score=float(scores[i])) for i in best)
        ranked.append(Ranking(f"q{q}", made, "probability"))
    return ThresholdGrid.of(judged, ranked)


@pytest.mark.parametrize("n", [20, 137, 1000])
@pytest.mark.parametrize("at_most", [0.05, 0.1, 0.4])
def test_the_same_p_values(n: int, at_most: float) -> None:
    means = np.random.default_rng(n).random(200) * 0.5
    theirs = methods.compute_hoeffding_bentkus_p_value(means, n, at_most)[:, 0]
    assert hoeffding_bentkus(means, n, at_most) == pytest.approx(theirs, rel=1e-9)


def test_exact_p_values_count_whole_losses() -> None:
    # MAPIE takes the smaller of this and Hoeffding's, and ceil(100 * 0.07) is 8 there, by rounding
    means = np.arange(30) / 100
    theirs = methods.compute_hoeffding_bentkus_p_value(means, 100, 0.2, binary=True)[:, 0]
    ours = binomial(means, 100, 0.2)
    whole = np.ceil(means * 100) == np.arange(30)
    assert whole.sum() >= 25
    assert ours[whole] == pytest.approx(theirs[whole], rel=1e-9)
    assert (ours <= theirs * (1 + 1e-9)).all()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("risk", "at_most"), [(missed, 0.2), (noise, 0.35)])
def test_the_same_thresholds_pass(risk: Risk, at_most: float, seed: int) -> None:
    cuts = _cuts(seed)
    losses, last = cuts.losses(risk), len(cuts.scores)
    search = Search(cuts, {risk.name: losses}, 0.9, "hoeffding-bentkus")
    p = methods.compute_hoeffding_bentkus_p_value(losses.means, cuts.queries, at_most)[:, 0]
    theirs = fwer.control_fwer(p if risk.safe == "keep" else p[::-1], 0.1, "fixed_sequence")
    passed = theirs if risk.safe == "keep" else last - theirs
    useful = sorted(int(j) for j in passed if j < last)  # the last one keeps nothing
    assert len(useful) > 3
    assert list(search.safe([RiskConstraint(risk, at_most)])) == useful


@pytest.mark.parametrize("seed", range(3))
def test_the_same_threshold_on_average(seed: int) -> None:
    cuts = _cuts(seed)
    losses = cuts.losses(missed)
    rows = losses.rows(range(len(cuts.scores)))
    _, bounds = methods.get_r_hat_plus(rows.T, cuts.scores, "crc", None, None, None)
    theirs = methods.find_best_predict_param(cuts.scores, bounds, np.array([0.2]))
    safe = Search(cuts, {"missed": losses}, None, "betting").safe([RiskConstraint(missed, 0.2)])
    assert cuts.scores[safe[-1]] == theirs[0]
