from __future__ import annotations

import json

import pytest

from secondpass import ModelError, Ranking, Recipe, Score, load, rerank
from secondpass.models.builtin import FOLDER
from secondpass.models.builtin.model import Builtin
from secondpass.testing import check_scorer, check_stage

DOCS = [
    "Cats sleep for most of the day.",
    "Johann Wolfgang von Goethe wrote the play Faust, published in two parts.",
    "Faust is a district of a small town.",
]


@pytest.fixture(scope="module")
def builtin() -> Builtin:
    return Builtin()


def test_one_line_gives_probabilities_and_the_answer_first() -> None:
    ranking = rerank("who wrote Faust?", DOCS)
    assert ranking.scale == "probability"
    assert ranking[0].id == "1"
    assert ranking.scores[0] > 0.4 > ranking.scores[-1]


def test_raw_logits_on_request() -> None:
    stage = load("builtin:raw")
    assert isinstance(stage, Score)
    assert stage(Ranking.of("who wrote Faust?", DOCS)).scale == "raw"
    with pytest.raises(ModelError, match="no built-in model 'large'"):
        load("builtin:large")


def test_the_package_stays_small() -> None:
    sizes = {
        str(p): p.stat().st_size for p in FOLDER.rglob("*") if p.is_file() and p.suffix != ".pyc"
    }
    assert sum(sizes.values()) <= 30e6, sizes


def test_the_calibrator_was_fitted_on_these_weights(builtin: Builtin) -> None:
    assert json.loads((FOLDER / "calibrator.json").read_text())["fitted_on"] == builtin.name


def test_it_keeps_the_laws(builtin: Builtin) -> None:
    check_scorer(builtin)
    check_stage(load("builtin"))


def test_a_score_does_not_depend_on_the_other_candidates_at_all(builtin: Builtin) -> None:
    pairs = [("who wrote Faust?", text * n) for text in DOCS for n in (1, 5, 40)]
    together = builtin.score(pairs)
    assert together == pytest.approx([builtin.score([p])[0] for p in pairs], abs=1e-3)


def test_its_recipe_names_it_and_not_a_path() -> None:
    stage = load("builtin", options={"max_length": 128})
    recipe = Recipe.of(stage)
    assert str(FOLDER) not in json.dumps(recipe.to_dict())
    again = recipe.stage()
    ranking = Ranking.of("who wrote Faust?", DOCS)
    assert again(ranking) == stage(ranking)


def test_many_queries_at_once(builtin: Builtin) -> None:
    rankings = [Ranking.of(q, DOCS) for q in ("who wrote Faust?", "when do cats sleep")]
    first, second = Score(builtin).run(rankings)
    assert (first.ids[0], second.ids[0]) == ("1", "0")
