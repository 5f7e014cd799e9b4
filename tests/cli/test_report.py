from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import InvalidInputError, Recipe, load
from secondpass.cli import app

WORDS = ("rose", "oak", "fern", "moss", "elm", "ivy", "palm", "yew")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["report", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    path = tmp_path / "plants.jsonl"
    rows = [
        {"query": w, "texts": ["something", "else", f"about {w}"], "labels": [0, 0, 2]}
        for w in WORDS
    ]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_page(collection: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.json"
    Recipe.of(load("bm25", options={"k1": 2.0})).save(recipe)
    out = tmp_path / "out.html"
    text = run(
        str(collection), "--model", "bm25", "--model", str(recipe), "--out", str(out),
        "--metrics", "MRR@10", "--queries", "8", "--no-date", "--no-depth-curve",
    )  # fmt: skip
    assert "bm25 helps: RR@10 0.333 to 1.000" in text
    assert f"written: {out}" in text
    page = out.read_text(encoding="utf-8")
    assert "plants.jsonl · 8 queries · against first stage" in page
    assert "mine helps" in page
    assert "No depth was wanted." in page
    assert "<dt>date</dt>" not in page
    assert "<dt>command</dt><dd><code>secondpass" in page


def test_a_date_and_another_baseline(collection: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.html"
    run(str(collection), "--model", "bm25", "--baseline", "bm25", "--out", str(out))
    page = out.read_text(encoding="utf-8")
    assert "<dt>date</dt><dd>2" in page
    assert "It changes nothing here." in page


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{dir}/none",), "there is no collection"),
        (("{file}", "--out", "{dir}/none/x.html"), "there is no folder"),
        (("{file}", "--queries", "0"), "--queries 0: give 1 or more"),
        (("{file}", "--model", "a/x.json", "--model", "b/x.json"), "the same file name"),
    ],
)
def test_errors(collection: Path, arguments: tuple[str, ...], message: str) -> None:
    filled = [a.format(dir=collection.parent, file=collection) for a in arguments]
    with pytest.raises(InvalidInputError, match=message):
        run(*filled)


def test_nothing_heavy_is_loaded_before_it_is_asked_for() -> None:
    import subprocess
    import sys

    heavy = "('numpy', 'ir_measures', 'matplotlib', 'jinja2', 'secondpass.report')"
    code = f"import sys, secondpass.cli.report; bad = [m for m in {heavy} if m in sys.modules];"
    subprocess.run([sys.executable, "-c", code + "assert not bad, bad"], check=True)
