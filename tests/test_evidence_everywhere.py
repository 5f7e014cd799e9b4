"""Evidence by every kind of model, and wherever a ranking is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import Candidate, Order, Ranking, Recipe, Score, Stage, Top, load
from secondpass.cli import app
from secondpass.evaluate import Collection, Topic
from secondpass.models.builtin import FOLDER
from secondpass.report import report
from secondpass.stages import Chunks, Evidence, Prune
from secondpass.testing import FakeScorer
from secondpass.testing.doubles import FakeJudge

QUERY = "who wrote Faust?"
ANSWER = "Goethe wrote Faust in Weimar."
FILLER = "Cats sleep for most of the day. "
SHORT = f"Cats sleep. Dogs bark at night. {ANSWER} Birds sing."
LONG = FILLER * 40 + ANSWER + " " + FILLER * 40


def best_of(candidate: Candidate) -> str:
    start, end, _ = candidate.evidence[0]
    return candidate.text[start:end]


@pytest.fixture(params=["builtin-tiny", "builtin-split", "onnx", "late-interaction"])
def reader(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    where = {"builtin-tiny": "", "builtin-split": f":{tmp_path / 'v'}"}
    return load(request.param + where.get(request.param, f":{FOLDER}"))


def test_every_model_points_at_the_sentence(reader: Stage) -> None:
    pipeline = Chunks(reader, tokens=64) >> Evidence(reader, at_most=2)
    ranking = pipeline(Ranking.of(QUERY, [SHORT, LONG, "", FILLER]))
    found = {c.id: c for c in ranking}
    assert best_of(found["0"]) == best_of(found["1"]) == ANSWER
    assert found["2"].evidence == ()
    assert best_of(found["3"]) == FILLER.strip()
    pruned = Prune(around=0, ellipsis="")(ranking)
    assert {c.text for c in pruned if c.id in "01"} == {ANSWER}


def test_a_cross_encoder_reads_only_the_sentences_of_the_best_chunks() -> None:
    asked: list[str] = []

    class Counting(FakeScorer):
        def score(self, pairs):
            asked.extend(text for _, text in pairs)
            return super().score(pairs)

    chunked = Chunks(load(f"onnx:{FOLDER}"), tokens=64)(Ranking.of(QUERY, [LONG]))
    Evidence(Counting())(chunked)
    sentences = sum(LONG[s.start : s.end].count(".") for s in chunked[0].evidence)
    assert len(asked) == sentences < LONG.count(".") / 2
    assert ANSWER in asked


def test_a_judge_behind_it_keeps_it() -> None:
    stage = Score(FakeScorer()) >> Top(2) >> Evidence(FakeScorer()) >> Order(FakeJudge())
    ranking = stage(Ranking.of(QUERY, [SHORT, FILLER, "Faust"]))
    assert ranking.scale == "order"
    assert best_of(next(c for c in ranking if c.id == "0")) == ANSWER
    assert any(one["evidence"] for one in ranking.to_dict()["candidates"])


def test_the_command_line_underlines_it(tmp_path: Path) -> None:
    file = tmp_path / "docs.jsonl"
    file.write_text(f'{{"id": "a", "text": "{LONG}"}}\n{{"id": "b", "text": "{FILLER * 80}"}}\n')
    recipe = tmp_path / "recipe.json"
    Recipe.of(load("builtin-tiny") >> Evidence(load("builtin-tiny"), at_most=1)).save(recipe)
    environment = {"FORCE_COLOR": "1", "COLUMNS": "200", "TERM": "xterm-256color", "NO_COLOR": None}
    done = CliRunner().invoke(
        app, ["rerank", QUERY, str(file), "--model", str(recipe)], env=environment
    )
    assert done.exit_code == 0, done.output
    underlined = [part.partition("\x1b[0m")[0] for part in done.output.split("\x1b[1;4m")[1:]]
    assert underlined[0].strip() == ANSWER, done.output


def test_the_report_marks_it_side_by_side() -> None:
    topics = [
        Topic(
            f"q{i}",
            Ranking.of(QUERY, [Candidate("x", FILLER), Candidate("y", SHORT)]),
            {"y": 1, "x": 0},
        )
        for i in range(3)
    ]
    stage = Score(FakeScorer()) >> Evidence(FakeScorer(), at_most=1)
    page = report(Collection("three", tuple(topics)), {"mine": stage}, depths=()).html()
    assert f"<mark>{ANSWER}</mark>" in page
