"""A result at the prompt takes a line or two, however much it holds."""

from __future__ import annotations

import dataclasses
import random
from importlib import import_module
from typing import Any

import numpy as np
import pytest

from secondpass import (
    Calibrate,
    JudgedQuery,
    Platt,
    PrecisionAtLeast,
    RecallAtLeast,
    Score,
    calibrated,
    choose_threshold,
    guaranteed,
)
from secondpass.calibrate import calibration_report, label_learning_curve
from secondpass.evaluate import Collection, Topic, compare, evaluate
from secondpass.testing import FakeScorer

MODULES = (
    "", ".bench", ".calibrate", ".evaluate", ".report", ".stages.fuse.learned", ".thresholds",
    ".thresholds.guarantee", ".train",
)  # fmt: skip
TESTED_ELSEWHERE = {"Candidate", "Ranking", "Mark", "Event"}
ARGUMENTS = {"DateField", "Metric", "NumberField", "TrainingProgress"}
"""Public dataclasses that callers make, or see in passing, and that hold one short text."""
OMITTED = TESTED_ELSEWHERE | ARGUMENTS


def _results() -> dict[str, type]:
    """Public dataclasses and named tuples; what passes between a judge and its driver is none."""
    found = {}
    for name in MODULES:
        module = import_module("secondpass" + name)
        for public in module.__all__:
            kind = getattr(module, public)
            holds = dataclasses.is_dataclass(kind) or hasattr(kind, "_fields")
            judging = getattr(kind, "__module__", "").startswith("secondpass.judge")
            if isinstance(kind, type) and holds and not judging and public not in OMITTED:
                found[public] = kind
    return found


class Long:
    def __repr__(self) -> str:
        return "long " * 5000


def _large(annotation: str) -> Any:
    """As much as a field of that type could hold."""
    if "Mapping" in annotation or "dict" in annotation:
        return {f"key {i}" * 9: Long() for i in range(3000)}
    if any(name in annotation for name in ("tuple", "Sequence", "list")):
        return tuple(Long() for _ in range(3000))
    if "set" in annotation:
        return frozenset(map(str, range(3000)))
    if "Floats" in annotation:
        return np.arange(3000.0)
    plain = {"str": "words " * 3000, "float": 1 / 3, "int": 10**9, "bool": True}
    return next((plain[name] for name in plain if annotation.startswith(name)), Long())


@pytest.mark.parametrize("kind", _results().values(), ids=_results())
def test_the_repr_of_a_public_result_is_short(kind: type) -> None:
    if dataclasses.is_dataclass(kind):
        large = object.__new__(kind)
        for field in dataclasses.fields(kind):
            object.__setattr__(large, field.name, _large(str(field.type)))
    else:
        large = kind(*(_large(str(hint)) for hint in kind.__annotations__.values()))
    shown = repr(large)
    assert shown.startswith(kind.__name__ + "(")
    assert len(shown) < 1000


NUMBER = Score(FakeScorer(lambda query, text: float(text), name="number"))
NEGATED = Score(FakeScorer(lambda query, text: -float(text), name="negated"))
HONEST = NUMBER >> Calibrate(Platt(1.0, 0.0), "number")


def _judged(n: int) -> list[JudgedQuery]:
    g, judged = random.Random(0), []
    for q in range(n):
        labels = [True, False, *(g.random() < 0.3 for _ in range(18))]
        texts = [repr(g.gauss(1.5 if label else -1.5, 1.5)) for label in labels]
        judged.append(JudgedQuery.of(f"q{q}", texts, [str(i) for i, y in enumerate(labels) if y]))
    return judged


def test_what_the_functions_return_is_short_and_says_the_main_thing() -> None:
    judged = _judged(60)
    chosen = choose_threshold(HONEST, judged, RecallAtLeast(0.9))
    assert f"threshold={chosen.evidence.threshold:.4g}" in repr(chosen.evidence)
    assert "goal=RecallAtLeast(share=0.9)" in repr(chosen.evidence)
    assert "pipeline=number >> Platt >> p>=" in repr(chosen)
    topics = [Topic(j.ranking.query, j.ranking, dict.fromkeys(j.relevant, 1)) for j in judged]
    collection = Collection("mine", tuple(topics))
    assert repr(collection) == (
        "Collection(name='mine', topics=<60 of them>, relevant_from=1, notes=())"
    )
    results = [
        chosen,
        choose_threshold(NUMBER, judged, PrecisionAtLeast(0.5)),
        calibration_report(NUMBER, judged),
        label_learning_curve(NUMBER, judged, (10, 20), repeats=2),
        evaluate(NUMBER, collection),
        compare(collection, NUMBER, {"negated": NEGATED}, resamples=500),
        guaranteed(HONEST, judged, "missed", 0.3),
        guaranteed(HONEST, judged, "missed", 0.3).evidence,
        calibrated(NUMBER, judged),
        calibrated(NUMBER, judged).evidence,
        judged[0],
        topics[0],
    ]
    for result in results:
        assert len(repr(result)) < 600
        assert "\n" not in repr(result)
        assert "0x" not in repr(result)
