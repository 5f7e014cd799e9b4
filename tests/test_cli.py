from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import Recipe, load
from secondpass.cli import app

LINES = [
    {"id": "goethe", "text": "Goethe wrote the play Faust.", "year": 1808},
    {"id": "cats", "text": "Cats sleep for most of the day."},
]


def _run(*arguments: str, given: str | None = None) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "secondpass", *arguments],
        input=given, capture_output=True, text=True, encoding="utf-8", check=False,
        env={**os.environ, "COLUMNS": "100", "PYTHONUTF8": "1"},
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "docs.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in reversed(LINES)), encoding="utf-8")
    return path


def test_a_table_for_people(file: Path) -> None:
    code, out, err = _run("rerank", "who wrote Faust?", str(file))
    assert (code, err) == (0, "")
    assert "P(relevant)" in out
    assert out.index("goethe") < out.index("cats")


def test_json_for_programs_from_standard_input(file: Path) -> None:
    code, out, _ = _run("rerank", "who wrote Faust?", "--json", given=file.read_text())
    assert code == 0
    answer = json.loads(out)
    best = answer["results"][0]
    assert (best["id"], best["was"], best["rank"]) == ("goethe", 2, 1)
    assert best["metadata"] == {"year": 1808}
    assert answer["scale"] == "probability"


def test_plain_lines_options_and_recipes(tmp_path: Path) -> None:
    path = tmp_path / "recipe.json"
    Recipe.of(load("bm25")).save(path)
    text = "cats purr\n\ndogs bark\n"
    runner = CliRunner()
    done = runner.invoke(
        app, ["rerank", "dogs", "--model", str(path), "--top-k", "1", "--json"], input=text
    )
    assert done.exit_code == 0, done.output
    assert [r["text"] for r in json.loads(done.stdout)["results"]] == ["dogs bark"]


def test_nothing_relevant_is_said(file: Path) -> None:
    code, out, _ = _run("rerank", "price of copper in 1911", str(file), "--at-least", "0.99")
    assert code == 0
    assert "No document is relevant enough." in out
    assert "2 of 2 dropped" in out


def test_some_stay_whatever_the_threshold_says(file: Path) -> None:
    question = ["rerank", "price of copper in 1911", str(file), "--json"]
    done = CliRunner().invoke(app, [*question, "--threshold", "0.99", "--keep-at-least", "1"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert len(answer["results"]) == 1
    assert [e["kind"] for e in answer["events"]] == ["kept-below-threshold", "dropped"]
    done = CliRunner().invoke(app, [*question, "--keep-at-least", "1"])
    assert "--threshold leaves; give it too" in str(done.exception)


@pytest.mark.parametrize(
    ("line", "message"),
    [("{", "line 2 is not JSON"), ('{"id": 3}', "line 2 has no field 'text'")],
)
def test_a_bad_line_is_named(file: Path, line: str, message: str) -> None:
    file.write_text('"fine"\n' + line)
    code, _, err = _run("rerank", "q", str(file))
    assert code == 2
    assert message in " ".join(err.split())
    assert "Traceback" not in err


def test_errors_are_one_line(tmp_path: Path) -> None:
    for arguments, message in (
        (("rerank", "q", str(tmp_path / "no.jsonl")), "cannot read"),
        (("rerank", "q", "-", "--model", "bultin"), "Did you mean 'builtin'"),
        (("rerank", " ", "-"), "non-empty"),
        (("rerank", "q", "-", "--at-least", "3"), "--at-least 3: give a probability from 0"),
        (("rerank", "q", "-", "--model", "none.json"), "cannot read the recipe"),
    ):
        code, _, err = _run(*arguments, given='"text"')
        assert code == 2
        assert message in " ".join(err.split())
        assert "Traceback" not in err
