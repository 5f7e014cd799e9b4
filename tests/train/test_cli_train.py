from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("datasets")
pytest.importorskip("accelerate")

from typer.testing import CliRunner

from secondpass import InvalidInputError, JudgedQuery, Recipe
from secondpass.cli import app
from secondpass.train import trainer

Task = Callable[[int], list[JudgedQuery]]


@pytest.fixture
def lists(task: Task, tmp_path: Path) -> Path:
    path = tmp_path / "lists.jsonl"
    rows = [
        {
            "query": j.ranking.query,
            "texts": [c.text for c in j.ranking],
            "labels": [int(c.id in j.relevant) for c in j.ranking],
        }
        for j in task(45)
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def _run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["train", *arguments], env={"COLUMNS": "300"})


@pytest.mark.slow
def test_judged_lists_to_a_recipe(lists: Path, tiny_late: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = _run(str(lists), "--model", str(tiny_late), "--out", str(out), "--int8", "--no-verify")
    assert done.exit_code == 0, done.output
    assert "nDCG@10" in done.stdout
    assert "9 held-out queries" in done.stdout
    assert f'Recipe.read("{out}/recipe.json").stage()' in done.stdout
    assert "training" in done.stderr
    assert Recipe.read(out / "recipe.json").stage()
    assert json.loads((out / "onnx/export.json").read_text())["int8"] is True


def test_pairs_and_a_run(task: Task, tiny_late: Path, tmp_path: Path) -> None:
    pairs, run = tmp_path / "pairs.jsonl", tmp_path / "run.jsonl"
    known, found = [], []
    for j in task(45):
        positive = next(c.text for c in j.ranking if c.id in j.relevant)
        known.append({"query": j.ranking.query, "positive": positive})
        found.append({"query": j.ranking.query, "texts": [c.text for c in j.ranking]})
    pairs.write_text("\n".join(map(json.dumps, known)))
    run.write_text("\n".join(map(json.dumps, found)))
    out = tmp_path / "out"
    done = _run(
        str(pairs), "--run", str(run), "--model", str(tiny_late), "--out", str(out), "--no-onnx",
        "--no-verify",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    settings = json.loads((out / "training.json").read_text())["settings"]
    assert settings["false_negative_margin"] == 0


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [(KeyboardInterrupt(), 130, "interrupted"), (OSError(28, "No space left"), 1, "No space left")],
)
def test_an_interruption_or_a_full_disk_leaves_what_was_written(
    error: BaseException, code: int, message: str, lists: Path, tiny_late: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(trainer._Trainer, "compute_loss", fails)
    out = tmp_path / "out"
    done = _run(str(lists), "--model", str(tiny_late), "--out", str(out), "--no-onnx")
    assert done.exit_code == code
    assert message in done.stderr
    assert (out / "run.json").exists()


def test_bad_input_is_one_error(lists: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    for arguments, message in (
        ((str(tmp_path / "no.jsonl"), "--out", out), "cannot read"),
        ((str(lists), "--out", out, "--loss", "hinge"), "--loss hinge: one of"),
        ((str(lists), "--out", out, "--run", str(lists)), "--run is for pairs"),
        ((str(lists), "--out", out, "--held-out", "2"), "--held-out 2: give a share"),
    ):
        done = _run(*arguments)
        assert isinstance(done.exception, InvalidInputError)
        assert message in str(done.exception)
