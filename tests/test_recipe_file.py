"""Files that are no recipe: an error that says what the file is and what to do."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest

import secondpass.core.recipe.file
from secondpass import Recipe, RecipeError, Score, load
from secondpass.testing import FakeScorer

TOP = '{"secondpass_recipe": 1, "pipeline": {"type": "Top", "k": 3}}'


@pytest.mark.usefixtures("no_finalizers")
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"null", "no field 'secondpass_recipe'"),
        (b"[" * 100_000 + b"]" * 100_000, "nested too deep"),
        (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested too deep"),
        (TOP.replace("3", "1, " + '"k": 2').encode(), "has the field 'k' twice"),
        (TOP.replace("3", "NaN").encode(), "NaN, which is not a number in JSON"),
        (TOP.replace("3", "-Infinity").encode(), "-Infinity, which is not a number in JSON"),
        (TOP.replace("3", "9" * 5_000).encode(), "integer string conversion"),
        (TOP.encode("utf-16"), "not UTF-8 at byte 0"),
        (b'{"\xe9": 1}', "not UTF-8 at byte 2"),
        (TOP.encode()[:-1], "cannot read the recipe"),
        (TOP.encode() * 2, "Extra data"),
        (b"\0" * 100, "cannot read the recipe"),
    ],
)
def test_it_says_what_the_file_is(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(content)
    with pytest.raises(RecipeError, match=message) as caught:
        Recipe.read(path)
    assert "r.json" in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_byte_order_mark_is_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(b"\xef\xbb\xbf" + TOP.encode())
    assert Recipe.read(path).pipeline == {"type": "Top", "k": 3}


@pytest.mark.parametrize(
    ("files", "remedy"),
    [
        ([], "a model string such as 'onnx:"),
        (["onnx/model.onnx", "config.json"], "the model string 'onnx:"),
        (["model.safetensors"], "the model string 'cross-encoder:"),
        (["recipe.json", "onnx/model.onnx"], "The recipe in it is"),
    ],
)
def test_a_folder_is_told_apart(tmp_path: Path, files: list[str], remedy: str) -> None:
    folder = tmp_path / "weights"
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    folder.mkdir(exist_ok=True)
    for given in (lambda: Recipe.read(folder), lambda: load(folder)):
        with pytest.raises(RecipeError, match="it is a folder, and a recipe is a JSON file") as e:
            given()
        assert remedy in str(e.value)
    with pytest.raises(LookupError, match="For a folder of weights: 'onnx:"):
        load(str(folder))


@pytest.mark.skipif(sys.platform == "win32", reason="no such files there")
def test_what_never_ends_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(RecipeError, match="not a regular file"):
        Recipe.read(tmp_path / "pipe.json")
    with pytest.raises(RecipeError, match="not a regular file"):
        Recipe.read("/dev/zero")


def test_a_file_has_a_largest_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.json"
    path.write_text(TOP.replace("Top", "T" * 1_000))
    monkeypatch.setattr(secondpass.core.recipe.file, "LARGEST", 1_000)
    with pytest.raises(RecipeError, match="more than 1,000 bytes"):
        Recipe.read(path)
    path.write_text("[" + "[],{}," * 500_001 + "1]")
    monkeypatch.undo()
    with pytest.raises(RecipeError, match="more than 5,000,000 values or 1,000,000 lists"):
        Recipe.read(path)


def test_no_such_file_and_no_such_name(tmp_path: Path) -> None:
    for name in ("none.json", "a\0b.json", "x" * 5_000):
        with pytest.raises(RecipeError, match="cannot read the recipe"):
            Recipe.read(tmp_path / name)


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    from secondpass import Top

    with pytest.raises(RecipeError, match=r"pipeline.k: 10000000000 is more than 1,000,000,000"):
        Recipe.of(Top(10**10))
    stage = Top(1)
    for _ in range(60):
        from secondpass import Refine

        stage = Refine(stage, 5)  # type: ignore[assignment]
    with pytest.raises(RecipeError, match="nested deeper than 50 levels"):
        Recipe.of(stage)
    with pytest.raises(RecipeError, match="function"):
        Recipe.of(Score(FakeScorer()))
    json.dumps(Recipe.of(Top(10**9)).to_dict())
