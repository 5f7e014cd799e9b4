from __future__ import annotations

from secondpass import Calibrate, JudgedQuery, Platt, Recipe, Score, calibrated
from secondpass.core.judged import normalise_query
from secondpass.testing import FakeScorer

STAGE = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
JUDGED = [
    JudgedQuery.of(f"query {i}", ["a", "bb", "ccc", "dd"], ["2", str(i % 4)]) for i in range(8)
]


def test_case_and_spacing_do_not_matter_and_words_do() -> None:
    assert normalise_query("Who  wrote\nFaust?") == normalise_query("who wrote faust?")
    assert normalise_query("caf\u00e9") == normalise_query("cafe\u0301")
    assert normalise_query("who wrote Faust") != normalise_query("who wrote Faust?")
    assert len(normalise_query("\ud800")) == 16


def test_a_calibrator_knows_its_queries_but_not_their_text() -> None:
    stage = calibrated(STAGE, JUDGED).pipeline[1]
    assert isinstance(stage, Calibrate)
    assert stage.queries == tuple(sorted(normalise_query(j.ranking.query) for j in JUDGED))


def test_recipes_without_queries_still_load() -> None:
    old = {
        "type": "Calibrate",
        "calibrator": {"type": "Platt", "slope": 1.0, "bias": 0.0},
        "fitted_on": "length",
    }
    built = Recipe(old).stage()
    assert isinstance(built, Calibrate)
    assert built.queries == ()
    again = Recipe.of(Calibrate(Platt(1.0, 0.0), "length", ["ab"])).stage()
    assert isinstance(again, Calibrate)
    assert again.queries == ("ab",)
