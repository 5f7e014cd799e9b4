"""Evidence by every kind of model, and wherever a ranking is shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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


STRANGE = [
    "\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd.",
    "\u0647\u0630\u0627 \u0646\u0635\u060c \u0646\u0639\u0645\u061f",
    "Cafe\u0301s e\u0301te\u0301 nai\u0308ve.",
    "\u6df1\u5165\u7814\u7a76\u8868\u660e\u3002",
    "\U0001d518\U0001d51f \U0001f469\u200d\U0001f680!",
    "\ufb03 \u33a1 \ufdfa \u2167.",
    "a lone \ud800 surrogate.",
    "<b>bold</b> &amp; more.",
    "| a | b |\n|---|---|\n| 1 | 2 |\n",
    "\n\ndef f(x):\n    return x\n\n",
    "word " * 300 + ".",
    "\u202eright to left\u202c ends.",
    " \t \u3000 \n",
]


@pytest.fixture(scope="module")
def tiny() -> Stage:
    return load("builtin-tiny", options={"max_length": 64})


@settings(max_examples=25)
@given(before=st.lists(st.sampled_from(STRANGE), max_size=5), after=st.lists(
    st.sampled_from(STRANGE), max_size=5))  # fmt: skip
def test_offsets_are_those_of_the_text(tiny: Stage, before: list[str], after: list[str]) -> None:
    text = "\n\n".join([*before, ANSWER, *after])
    (candidate,) = (tiny >> Evidence(tiny))(Ranking.of(QUERY, [text]))
    assert best_of(candidate) == ANSWER
    for start, end, _ in candidate.evidence:
        assert text[start:end] == text[start:end].strip() != ""


@pytest.mark.parametrize("text", [
    "", " \n ", "a" * 50_000, "word " * 10_000, "e\u0301" * 3_000,
    "| a | b |\n" * 2_000, "x = y.z\n" * 500, "\u05e9\u05dc\u05d5\u05dd " * 3_000,
], ids=["none", "white", "one word", "no end", "accents", "table", "code", "hebrew"])  # fmt: skip
def test_evidence_is_short_whatever_the_text(text: str) -> None:
    pipeline = Score(FakeScorer()) >> Evidence(FakeScorer(), None)
    (candidate,) = pipeline(Ranking.of(QUERY, [text]))
    assert all(0 < end - start <= 1_000 for start, end, _ in candidate.evidence)
    assert bool(candidate.evidence) == bool(text.strip())
    (pruned,) = (pipeline >> Prune(around=0, ellipsis=""))(Ranking.of(QUERY, [text]))
    assert len(pruned.text) <= 1_000
    assert pruned.text in text
