from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import Recipe, SecondPassError, load
from secondpass.cli import app, main

WORDS = ("rose", "oak", "fern", "moss", "elm", "ivy", "palm", "yew")


def run(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["evaluate", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    path = tmp_path / "plants.jsonl"
    rows = [
        {"query": w, "texts": ["something", "else", f"about {w}"], "labels": [0, 0, 2]}
        for w in WORDS
    ]
    rows.append({"query": "none", "texts": ["a", "b"], "labels": [0, 0]})
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_a_verdict_for_people(collection: Path) -> None:
    text = run(str(collection), "--model", "bm25")
    for part in ("plants.jsonl, 9 queries, against first stage", "helps: nDCG@10 0.444 to 0.889",
                 "1 of 9 queries have no relevant document"):  # fmt: skip
        assert part in text


def test_json_files_recipes_and_several_models(collection: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "mine.json"
    Recipe.of(load("bm25", options={"k1": 2.0})).save(recipe)
    out = tmp_path / "out.jsonl"
    text = run(
        str(collection), "--model", "bm25", "--model", str(recipe), "--metrics", "MRR@10,P@1",
        "--only-answerable", "--queries", "6", "--relevant-from", "2", "--per-query", str(out),
        "--depth-curve", "--json",
    )  # fmt: skip
    data = json.loads(text)
    assert list(data["contenders"]) == ["bm25", "mine"]
    assert data["queries"] == 6
    assert data["contenders"]["mine"]["means"] == {"RR@10": 1.0, "P@1": 1.0}
    assert data["contenders"]["mine"]["depth_curve"]["knee"] == 3
    assert len(data["differences"]) == 4
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [r["contender"] for r in rows[::6]] == ["first stage", "bm25", "mine"]


def test_against_another_model(collection: Path) -> None:
    text = run(str(collection), "--model", "bm25", "--baseline", "bm25")
    assert "It changes nothing here." in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{dir}/none",), "there is no collection"),
        (("{file}", "--model", "bultin"), "Did you mean 'builtin'"),
        (("{file}", "--metrics", "nDCX@10"), "unknown metric"),
        (("{file}", "--metrics", ","), "name at least one, such as"),
        (("{file}", "--per-query", "x.txt"), ".jsonl or .csv"),
        (("{file}", "--depth", "0"), "--depth 0: give 1 or more"),
        (("{file}", "--relevant-from", "3", "--only-answerable"), "no judged query"),
        (("{file}", "--run", "x"), "go with a folder"),
        (("{file}", "--model", "{dir}/no.json"), "cannot read the recipe"),
        (("{file}", "--model", "a/x.json", "--model", "b/x.json"), "the same file name"),
    ],
)
def test_errors_are_one_line(
    collection: Path,
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    filled = [a.format(dir=collection.parent, file=collection) for a in arguments]
    monkeypatch.setattr("sys.argv", ["secondpass", "evaluate", *filled])
    with pytest.raises(SystemExit) as raised:
        main()
    assert raised.value.code == 2
    err = " ".join(capsys.readouterr().err.split())
    assert message in err
    assert err.startswith("error: ")


def test_errors_are_the_librarys(collection: Path) -> None:
    with pytest.raises(SecondPassError):
        run(str(collection), "--model", "bultin")
