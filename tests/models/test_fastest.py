"""`fastest:` measures once what runs fastest here, keeps it, and says what it took."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

import secondpass.models.fastest as module
from secondpass import ModelError, OnnxCrossEncoder, Ranking, Recipe, Score, load
from secondpass.bench import measure
from secondpass.models.builtin import FOLDER
from secondpass.models.fastest import choose

FOUND = Ranking.of("what is a file", ["Cats purr.", "A file is a sequence of bytes."])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as a folder, once as model.onnx and once as model_quantized.onnx."""
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, folder)
    shutil.copy(FOLDER / "model.onnx", folder / "model_quantized.onnx")
    return folder


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache/secondpass/fastest.json"


@pytest.fixture
def rates(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Pairs a second of each way, instead of a clock's."""
    rates = {"onnx model.onnx": 100.0, "onnx model_quantized.onnx": 300.0}
    monkeypatch.setattr(module, "_pairs_per_second", lambda _, way, __: rates.get(way, 50.0))
    return rates


def test_it_is_really_measured_and_scores_are_those_of_what_was_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "model_quantized.onnx").unlink()
    monkeypatch.setattr(module, "ROUNDS", 1)
    monkeypatch.setattr(module, "PAIRS", 4)
    choice = choose(folder)
    assert "onnx model.onnx" in choice.pairs_per_second
    assert all(rate > 0 for rate in choice.pairs_per_second.values())
    assert choice.fastest in str(choice)
    stage = load(f"fastest:{folder}")
    assert isinstance(stage, Score)
    assert stage.name.startswith(("onnx:", "openvino:"))
    assert stage(FOUND).ids == ["1", "0"]


def test_the_fastest_is_taken_and_remembered(
    folder: Path, cache: Path, rates: dict[str, float]
) -> None:
    taken = module.fastest(folder)
    assert isinstance(taken, OnnxCrossEncoder)
    assert taken.file == "model_quantized.onnx"
    (kept,) = json.loads(cache.read_text()).values()
    assert kept["onnx model_quantized.onnx"] == 300
    rates["onnx model.onnx"] = 999.0
    assert module.fastest(folder).file == "model_quantized.onnx"
    assert module.fastest(folder, measure_again=True).file == "model.onnx"
    assert module.fastest(folder).file == "model.onnx"
    assert module.fastest(folder, file="model_quantized.onnx").file == "model_quantized.onnx"


def test_a_recipe_names_what_was_taken(folder: Path, rates: dict[str, float]) -> None:
    recipe = Recipe.of(load(f"fastest:{folder}"))
    assert "OnnxCrossEncoder" in json.dumps(recipe.to_dict())


def test_other_weights_other_options_and_another_machine_are_measured_anew(
    folder: Path, cache: Path, rates: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(folder)
    choose(folder, max_length=128)
    with (folder / "tokenizer.json").open("a") as file:
        file.write("\n")
    choose(folder)  # the tokenizer does not change the speed of the weights
    assert len(json.loads(cache.read_text())) == 2
    monkeypatch.setattr(module, "_processor", lambda: "another")
    choose(folder)
    (folder / "model_quantized.onnx").unlink()
    assert choose(folder).fastest != "onnx model_quantized.onnx"
    assert len(json.loads(cache.read_text())) == 4


@pytest.mark.parametrize("damage", ["", "[]", '{"a": 3}', '{"a": {"b": "c"}}', "\0"])
def test_a_damaged_file_is_written_anew(
    folder: Path, cache: Path, rates: dict[str, float], damage: str
) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text(damage)
    assert choose(folder).kept_in == cache
    assert choose(folder).fastest == "onnx model_quantized.onnx"


def test_where_nothing_can_be_written_it_works_and_says_so(
    folder: Path, cache: Path, rates: dict[str, float], caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.parent.write_text("a file where a folder should be")
    with caplog.at_level(logging.INFO, logger="secondpass"):
        choice = choose(folder)
    assert choice.kept_in is None
    assert "cannot be written" in caplog.text
    assert "pairs a second on this machine" in caplog.text


def test_where_nothing_can_be_read_it_is_an_error(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"onnx model.onnx: .* has no tokenizer.json"):
        choose(folder)
    with pytest.raises(ModelError, match="there is no model folder"):
        load("fastest:/none")


def test_bench_shows_the_figures(folder: Path, rates: dict[str, float]) -> None:
    speed = measure(
        f"fastest:{folder}", {"short": ["A file is a sequence of bytes."] * 4}, depths=[2],
        seconds=0, settings=(), launch=None,
    )  # fmt: skip
    assert any("onnx model_quantized.onnx 300" in note for note in speed.notes)
