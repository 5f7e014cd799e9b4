from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from secondpass import (
    Beta,
    Budget,
    CalibrationError,
    Candidate,
    Compare,
    FieldWeight,
    FunctionScorer,
    Fuse,
    Isotonic,
    JudgedQuery,
    Order,
    Platt,
    Ranking,
    Recency,
    Recipe,
    RecipeError,
    Refine,
    Score,
    SlidingWindow,
    Stage,
    Temperature,
    Threshold,
    Top,
    calibrated,
    load,
)
from secondpass.calibrate import Calibrator
from secondpass.judge import Prices
from secondpass.models.bm25 import BM25, CorpusStatistics
from secondpass.testing import FakeComparer, FakeJudge

DOCS = ["dogs bark", "cats purr", "dogs and cats", "birds sing", "a dog barks at cats"]
RANKING = Ranking.of("dogs cats", [Candidate(str(i), t, {"n": i}) for i, t in enumerate(DOCS)])


class Mine:
    """A user's scorer, with an argument, kept under its own name."""

    def __init__(self, factor: float = 1.0) -> None:
        self.factor = factor
        self.name = f"mine@{factor:g}"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        return [self.factor * len(text) for _, text in pairs]


class Same:
    """A user's judge, without arguments."""

    name = "same"

    def order(self, query: str, texts: Sequence[str]) -> list[int]:
        return list(range(len(texts)))


def _again(stage: Stage, tmp_path: Path) -> Stage:
    path = tmp_path / "recipe.json"
    Recipe.of(stage).save(path)
    return Recipe.read(path).stage(classes=[Mine, Same])


@pytest.mark.parametrize("method", [Platt, Temperature, Isotonic, Beta])
def test_a_calibrated_pipeline_comes_back_the_same(
    tmp_path: Path, method: type[Calibrator]
) -> None:
    judged = [
        JudgedQuery.of("dogs cats", DOCS, ["4", "2"]),
        JudgedQuery.of("birds sing", DOCS, ["3"]),
    ]
    pipeline = calibrated(Score(Mine(0.5)), judged, method).pipeline >> Threshold(0.2) >> Top(3)
    again = _again(pipeline, tmp_path)
    assert repr(again) == repr(pipeline)
    assert again(RANKING) == pipeline(RANKING)


def test_every_stage_comes_back_the_same(tmp_path: Path) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    pipeline = (
        Fuse(
            Score(BM25(CorpusStatistics.of(DOCS), k1=1.2)),
            Score(BM25()),
            Score(Recency("when", timedelta(days=3), now, missing=0.5)),
            Score(FieldWeight("n", {"0": 1.0}, missing=0.0)),
            load("bm25", options={"b": 0.7}),
            weights=[5, 4, 3, 2, 1],
            normalise="min-max",
            missing="skip",
        )
        >> Top(4)
        >> Refine(
            Order(Same(), SlidingWindow(4, 2), budget=Budget(max_calls=9, prices=Prices(1, 2))), 2
        )
    )
    assert _again(pipeline, tmp_path)(RANKING) == pipeline(RANKING)


def test_the_file_is_for_people_too(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    Recipe.of(load("bm25") >> Top(3)).save(path)
    assert json.loads(path.read_text())["pipeline"]["stages"][1] == {"type": "Top", "k": 3}


def test_other_weights_under_the_same_name_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    Recipe.of(Score(Mine(2.0))).save(path)
    path.write_text(path.read_text().replace('"factor": 2.0', '"factor": 3.0'))
    with pytest.raises(RecipeError, match=r"made with 'mine@2', and here that is 'mine@3'"):
        Recipe.read(path).stage(classes=[Mine])


def test_a_calibrator_of_another_model_is_refused(tmp_path: Path) -> None:
    judged = [JudgedQuery.of(query, DOCS, ["4", "2"]) for query in ("dogs cats", "cats dogs")]
    path = tmp_path / "r.json"
    Recipe.of(calibrated(Score(Mine(2.0)), judged).pipeline).save(path)
    text = (
        path.read_text()
        .replace('"factor": 2.0', '"factor": 3.0')
        .replace('"name": "mine@2"', '"name": "mine@3"')
    )
    path.write_text(text)
    with pytest.raises(CalibrationError, match="fitted on 'mine@2'"):
        Recipe.read(path).stage(classes=[Mine])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "cannot read the recipe"),
        ("{", "cannot read the recipe"),
        ("[]", "not a recipe"),
        ("{}", "not a recipe"),
        ('{"secondpass_recipe": 99, "pipeline": {}}', "upgrade secondpass"),
        ('{"secondpass_recipe": 1}', "no field 'pipeline'"),
        ('{"secondpass_recipe": 1, "pipeline": {"type": "Bottom"}}', "names 'Bottom'"),
        ('{"secondpass_recipe": 1, "pipeline": {"type": "Top"}}', "cannot build the recipe's Top"),
        ('{"secondpass_recipe": 1, "pipeline": {"type": "Top", "k": 1, "j": 2}}', "no argument j"),
        ('{"secondpass_recipe": 1, "pipeline": {"k": 1}}', "is neither a stage"),
        (
            '{"secondpass_recipe": 1, "pipeline": {"type": "Platt", "slope": 1, "bias": 0}}',
            "not a stage",
        ),
        ('{"secondpass_recipe": 1, "pipeline": {"type": ["Top"], "k": 1}}', "names"),
    ],
)
def test_a_corrupt_recipe_says_what_is_wrong(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_text(content)
    with pytest.raises(RecipeError, match=message):
        Recipe.read(path).stage()


def test_no_file_and_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"nothing.json"):
        Recipe.read(tmp_path / "nothing.json")
    (tmp_path / "latin.json").write_bytes(b'{"\xe9": 1}')
    with pytest.raises(RecipeError, match=r"latin.json"):
        Recipe.read(tmp_path / "latin.json")


def test_it_runs_no_code_from_a_stranger() -> None:
    for name in ("os.system", "builtins.eval", "Popen", "subprocess"):
        with pytest.raises(RecipeError, match="does not have"):
            Recipe({"type": name}).stage()


def test_what_holds_code_or_objects_cannot_be_written() -> None:
    with pytest.raises(RecipeError, match="function"):
        Recipe.of(Score(FunctionScorer(lambda q, c: 1.0)))
    with pytest.raises(RecipeError, match="function"):
        Recipe.of(Compare(FakeComparer()))

    class Forgets(FakeJudge):
        def __init__(self, secret: object) -> None:
            super().__init__()

    with pytest.raises(RecipeError, match="not kept under its own name"):
        Recipe.of(Order(Forgets(1)))
    with pytest.raises(RecipeError, match="made of a stage"):
        Recipe.of("builtin")  # type: ignore[arg-type]
