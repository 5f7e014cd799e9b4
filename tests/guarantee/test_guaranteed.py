from __future__ import annotations

import pickle
import random
from pathlib import Path
from typing import Any

import pytest

from secondpass import (
    Calibrate,
    Fuse,
    GuaranteeError,
    InvalidInputError,
    JudgedQuery,
    NoScoresError,
    Order,
    Pipeline,
    Platt,
    Ranking,
    Recipe,
    Risk,
    Score,
    Top,
    calibrated,
    guaranteed,
)
from secondpass.testing import FakeJudge, FakeScorer, check_stage
from secondpass.thresholds import GuaranteedThreshold
from secondpass.thresholds.guarantee.risk import missed

NUMBER = Score(FakeScorer(lambda q, t: float(t), name="number@1"))
OTHER = Score(FakeScorer(lambda q, t: float(t), name="number@2"))


def _judged(n: int, seed: int = 0, name: str = "q", easy: float = 2.0) -> list[JudgedQuery]:
    g = random.Random(seed)
    found = []
    for q in range(n):
        labels = [g.random() < 0.3 for _ in range(12)]
        texts = [repr(g.gauss(easy if y else -easy, 1.5)) for y in labels]
        found.append(
            JudgedQuery.of(f"{name}{q}", texts, [str(i) for i, y in enumerate(labels) if y])
        )
    return found


HONEST = calibrated(NUMBER, _judged(40, 9, "fit")).pipeline
JUDGED = _judged(80)


def test_a_longer_pipeline_with_its_evidence() -> None:
    fit = guaranteed(HONEST, JUDGED, "missed", 0.1, 0.9)
    safe, guarantee = fit.pipeline, fit.evidence
    assert isinstance(safe[-1], GuaranteedThreshold)
    assert safe[-1].guarantee == guarantee
    assert str(fit) == f"{safe!r}\n{guarantee}"
    (promise,) = guarantee.promises
    assert repr(safe).startswith("number@1 >> Platt >> p>=0.")
    assert repr(safe).endswith("(missed<=0.1 @0.9)")
    assert (promise.risk, promise.at_most, guarantee.queries) == ("missed", 0.1, 80)
    assert promise.p_value is not None
    assert promise.p_value <= 0.1
    kept = safe.run([j.ranking for j in JUDGED])
    assert guarantee.kept == pytest.approx(sum(map(len, kept)) / 80)
    gone = [
        len(j.relevant - set(r.ids)) / max(len(j.relevant), 1)
        for j, r in zip(JUDGED, kept, strict=True)
    ]
    assert promise.observed == pytest.approx(sum(gone) / 80)
    assert promise.observed < 0.1
    assert guarantee.kept < guarantee.candidates / 2
    assert "missed at most 0.1" in str(guarantee)
    assert guarantee.unchecked == ()


def test_the_order_in_which_queries_come_does_not_matter() -> None:
    assert str(guaranteed(HONEST, JUDGED[::-1])) == str(guaranteed(HONEST, JUDGED))


def test_several_risks_hold_at_once_and_noise_keeps_most() -> None:
    both = guaranteed(HONEST, JUDGED, {"missed": 0.15, "noise": 0.5}).evidence
    assert [p.risk for p in both.promises] == ["missed", "noise"]
    assert all(p.observed < p.at_most for p in both.promises)
    noise = guaranteed(HONEST, JUDGED, "noise", 0.3).evidence
    missed_too = guaranteed(HONEST, JUDGED, "missed", 0.3).evidence
    assert noise.promises[0].observed > 0.1
    assert noise.kept > missed_too.kept
    assert both.safe[0] <= both.safe[1]


def test_on_average_needs_less() -> None:
    average = guaranteed(HONEST, JUDGED[:12], "missed", 0.1, None)
    assert repr(average.pipeline).endswith("(missed<=0.1 on average)")
    assert average.evidence.promises[0].p_value is None
    with pytest.raises(InvalidInputError, match="not monotone"):
        guaranteed(HONEST, JUDGED, "noise", 0.3, None)


def test_a_risk_of_ones_own_and_raw_scores() -> None:
    crowded = Risk("crowded", lambda c: (c.relevant_kept + c.others_kept > 6) * 1.0, "drop")
    safe = guaranteed(NUMBER, JUDGED, crowded, 0.2)
    assert sum(len(safe.pipeline(j.ranking)) > 6 for j in JUDGED) / 80 < 0.2
    assert safe.evidence.bound == "betting"
    same = guaranteed(NUMBER, JUDGED, {missed: 0.1}, bound="hoeffding-bentkus")
    assert same.evidence.kept >= guaranteed(NUMBER, JUDGED).evidence.kept


def test_it_comes_back_from_a_recipe(tmp_path: Path) -> None:
    words = calibrated(Score(_Length()), _words(30, "fit")).pipeline
    made = guaranteed(words, _words(40), "missed", 0.3)
    safe = made.pipeline
    Recipe.of(safe).save(tmp_path / "r.json")
    again = Recipe.read(tmp_path / "r.json").stage(classes=[_Length])
    assert isinstance(again, Pipeline)
    assert repr(again) == repr(safe)
    assert isinstance(again[-1], GuaranteedThreshold)
    assert again[-1].guarantee == made.evidence
    ranking = _words(1, "new")[0].ranking
    assert again(ranking) == safe(ranking)
    with pytest.raises(GuaranteeError, match="fitted on"):
        guaranteed(again >> Top(3), _words(40))


class _Length:
    name = "length"

    def score(self, pairs: Any) -> list[float]:
        return [float(len(text)) for _, text in pairs]


def _words(n: int, name: str = "q") -> list[JudgedQuery]:
    return [
        JudgedQuery.of(f"{name}{q}", ["a", "bb", "cccc", "ddddd"], ["3", str(1 + q % 3)])
        for q in range(n)
    ]


def test_it_refuses_another_pipeline_when_built_and_when_run() -> None:
    safe = guaranteed(HONEST, JUDGED).pipeline
    threshold, ranking = safe[-1], JUDGED[0].ranking
    other = calibrated(OTHER, _judged(40, 9, "fit")).pipeline
    assert len(threshold(HONEST(ranking))) == len(safe(ranking))
    with pytest.raises(GuaranteeError, match="made for 'number@1 >> Platt'"):
        Pipeline(NUMBER, threshold)
    with pytest.raises(GuaranteeError, match="'number@2 >> Platt', where it promises nothing"):
        (other >> threshold)(ranking)  # the calibrators have one name, their models do not
    with pytest.raises(GuaranteeError, match="made for"):
        Pipeline(Fuse(NUMBER, OTHER), threshold)


def test_making_it_again_replaces_it() -> None:
    again = guaranteed(guaranteed(HONEST, JUDGED).pipeline, JUDGED, "missed", 0.2).pipeline
    assert len(again) == 3


def test_it_keeps_the_laws() -> None:
    threshold = guaranteed(HONEST, JUDGED).pipeline[-1]
    length = Score(FakeScorer(lambda q, t: float(len(t)), name="length"))
    pipeline = length >> Calibrate(Platt(0.1, -1.0), "length")
    assert isinstance(threshold, GuaranteedThreshold)
    check_stage(
        pipeline >> GuaranteedThreshold(0.3, "probability", threshold.guarantee, "Platt"),
        cuts=True,
    )


def test_queries_that_the_calibrator_knows_are_refused() -> None:
    with pytest.raises(GuaranteeError, match=r"40 of the 80 .* 'Platt' was fitted on"):
        guaranteed(calibrated(NUMBER, JUDGED[:40]).pipeline, JUDGED)
    other = calibrated(OTHER, _judged(40, 9, "fit")).pipeline
    inside = Fuse(calibrated(NUMBER, JUDGED[:2]).pipeline, other)
    with pytest.raises(GuaranteeError, match="2 of the 80"):
        guaranteed(inside, JUDGED)
    unknown = NUMBER >> Calibrate(Platt(1.0, 0.0), "number@1")
    assert guaranteed(unknown, JUDGED).evidence.unchecked == ("Platt",)


def test_a_query_judged_twice_is_refused() -> None:
    twin = JudgedQuery(Ranking.of(" Q0", ["1"]), frozenset())
    with pytest.raises(InvalidInputError, match="judged twice"):
        guaranteed(HONEST, [*JUDGED, twin])


def test_too_few_queries_say_how_many_it_takes() -> None:
    with pytest.raises(GuaranteeError, match="it takes 22 at least") as caught:
        guaranteed(HONEST, JUDGED[:21], "missed", 0.1, 0.9)
    assert caught.value.more_queries == 1
    assert caught.value.best == {"missed": 0.104}  # 0.896^21 < 0.1
    assert len(guaranteed(HONEST, JUDGED[:22], "missed", 0.1, 0.9).pipeline) == 3
    with pytest.raises(GuaranteeError, match="it takes 9 at least"):
        guaranteed(HONEST, JUDGED[:8], "missed", 0.1, None)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.best) == (str(caught.value), caught.value.best)


def test_what_it_says_would_be_enough_is() -> None:
    poor = _judged(400, 3, easy=1.0)
    with pytest.raises(GuaranteeError, match="more judged queries would be enough") as caught:
        guaranteed(NUMBER, poor[:60], {"missed": 0.3, "noise": 0.5})
    assert caught.value.more_queries is not None
    assert len(guaranteed(NUMBER, poor, {"missed": 0.3, "noise": 0.5}).pipeline) == 2
    best = caught.value.best["missed"]
    assert best is not None
    assert len(guaranteed(NUMBER, poor[:60], {"missed": best, "noise": 0.5}).pipeline) == 2


def test_a_pipeline_that_is_too_poor_hears_so() -> None:
    with pytest.raises(GuaranteeError, match="not even keeping everything") as caught:
        guaranteed(HONEST[:1] >> Top(1), JUDGED, "missed", 0.1)
    assert caught.value.more_queries is None
    with pytest.raises(GuaranteeError, match="no threshold comes near"):
        guaranteed(NUMBER, _judged(80, 1, easy=0.0), {"missed": 0.05, "noise": 0.05})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"at_most": 0}, "at_most=int 0"),
        ({"at_most": 1.0}, "in \\(0, 1\\)"),
        ({"at_most": "0.1"}, "at_most=str"),
        ({"confidence": 1.0}, "confidence=float 1.0"),
        ({"confidence": 0.2}, "0.5"),
        ({"risk": "recall"}, "choose from"),
        ({"risk": {}}, "no risk"),
        ({"risk": {"missed": 0.1}, "at_most": 0.1}, "leave at_most out"),
        ({"bound": "normal"}, "bound='normal'"),
    ],
)
def test_wrong_arguments_say_what_is_wrong(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        guaranteed(HONEST, JUDGED, **arguments)


def test_what_cannot_be_cut_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="no judged queries"):
        guaranteed(HONEST, [])
    with pytest.raises(NoScoresError, match="only an order"):
        guaranteed(Order(FakeJudge()), JUDGED)
    with pytest.raises(GuaranteeError, match="no candidate"):
        guaranteed(HONEST, [JudgedQuery.of("q", [], [])])
