"""A recipe from a stranger does nothing but describe."""

from __future__ import annotations

import copy
import json
import sqlite3
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from secondpass import (
    InvalidInputError,
    ModelError,
    Pipeline,
    Recipe,
    RecipeError,
    SecondPassError,
    Top,
    load,
)

BUILTIN: dict[str, Any] = {"type": "Score", "scorer": {"type": "Builtin"}}
CHAT: dict[str, Any] = {"type": "OpenAIChat", "model": "m"}
JUDGE: dict[str, Any] = {"type": "Order", "judge": {"type": "ChatJudge", "chat": CHAT}}
TOP: dict[str, Any] = {"type": "Top", "k": 1}


def _recipe(pipeline: Any) -> Recipe:
    return Recipe.of_dict({"secondpass_recipe": 1, "pipeline": pipeline})


def _with(pipeline: Any, place: str, value: Any) -> Any:
    made = copy.deepcopy(pipeline)
    *way, last = place.split(".")
    node = made
    for step in way:
        node = node[step]
    node[last] = value
    return made


def _deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("pipeline", "message"),
    [
        (_with(BUILTIN, "scorer.threads", 10**9), r"pipeline.scorer.threads: 1000000000 is more"),
        (_with(BUILTIN, "scorer.threads", 0), r"pipeline.scorer.threads: 0 is less than 1"),
        (_with(BUILTIN, "scorer.threads", True), r"threads: True is not a whole number"),
        (_with(BUILTIN, "scorer.threads", 2.0), r"threads: 2.0 is not a whole number"),
        (_with(BUILTIN, "scorer.max_length", 10**9), "is more than 131,072"),
        (_with(BUILTIN, "scorer.max_length", None), "max_length: null is not a whole number"),
        (_with(BUILTIN, "scorer.token_budget", 10**4400), r"a whole number of \d+ bits is more"),
        (_with(BUILTIN, "scorer.tokens", 1), "Builtin has no argument tokens; it has max_length"),
        (_with(BUILTIN, "scorer.on_progress", "print"), "no recipe may hold 'on_progress'"),
        (_with(BUILTIN, "scorer.name", 7), r"pipeline.scorer.name: 7 is not a text"),
        (_with(BUILTIN, "scorer.name", "builtin@0"), "other weights give other scores"),
        (_with(BUILTIN, "scorer", _deep(100_000)), r"pipeline.scorer: \[\[\[...\]\]\] is not a"),
        (_with(BUILTIN, "scorer", TOP), r"scorer: a Top is not a Scorer or CandidateScorer"),
        (_with(BUILTIN, "scorer", None), "pipeline.scorer: null is not a Scorer or a Can"),
        (_with(BUILTIN, "scorer", 5), "pipeline.scorer: 5 is not"),
        ({"type": "Pipeline", "stages": None}, r"pipeline.stages: null is not a list"),
        ({"type": "Pipeline", "stages": 5}, r"pipeline.stages: 5 is not a list"),
        ({"type": "Pipeline", "stages": "Top"}, r"pipeline.stages: 'Top' is not a list"),
        ({"type": "Pipeline", "stages": [TOP] * 2_000}, "2,000 items are more than 1,000"),
        ({"type": "Pipeline", "stages": [TOP, None]}, r"pipeline.stages\[1\]: null is not a Stage"),
        ({"type": "Pipeline", "stages": [TOP, 3]}, r"pipeline.stages\[1\]: 3 is not a Stage"),
        ({"type": "Pipeline", "stages": [{"k": 1}]}, r"\[0\]: .* is neither a stage nor a part"),
        ({"type": "Pipeline", "stages": [BUILTIN] * 65}, r"stages\[64\].scorer: .* 64 models"),
        ({"type": "Top", "k": float("nan")}, "pipeline.k: nan is not a whole number"),
        ({"type": "Top", "k": "3"}, "pipeline.k: '3' is not a whole number"),
        ({"type": "Tpo", "k": 3}, r"names 'Tpo', which secondpass does not have; did you mean 'To"),
        ({"type": "Threshold", "at_least": float("inf")}, "at_least: inf is not a finite number"),
        ({"type": "Threshold", "at_least": 7}, r"pipeline: .*7"),
        ({"type": "Threshold", "at_least": 0.5, "scale": "order"}, "not one of 'probability'"),
        ({"type": "Temperature", "temperature": 0}, "temperature: 0 is less than"),
        (_with(JUDGE, "judge.chat.base_url", 7), r"pipeline.judge.chat.base_url: 7 is not a text"),
        (_with(JUDGE, "judge.chat.base_url", "file:///etc/passwd"), "chat: base_url='file:///etc/"),
        (_with(JUDGE, "judge.chat.base_url", "http://u:p@h/v1"), "must not hold a user or a pass"),
        (_with(JUDGE, "judge.chat.base_url", "http://h\n/v1"), r"holds the character '\\n'"),
        (_with(JUDGE, "judge.chat.api_key", "sk-1"), "no recipe may hold 'api_key': a key is a se"),
        (_with(JUDGE, "judge.chat.headers", {"X": "y"}), "OpenAIChat has no argument headers; it"),
        (_with(JUDGE, "judge.chat.timeout", float("inf")), "timeout: inf is not a finite number"),
        (_with(JUDGE, "judge.chat.timeout", 1e30), r"timeout: 1e\+30 is more than 86,400"),
        (_with(JUDGE, "judge.chat.timeout", 0), "pipeline.judge.chat: timeout=0 must be positive"),
        (_with(JUDGE, "judge.count_tokens", "len"), "no recipe may hold 'count_tokens'"),
        (_with(JUDGE, "judge.prompts", {"type": "Prompts", "best": "$"}), "pipeline.judge.prompts"),
        (_with(JUDGE, "judge.prompts", {"type": "Prompts", "best": "x" * 10**6}), "is longer than"),
        (_with(JUDGE, "judge.chat", {"type": "Top", "k": 1}), "a Top is not a Chat"),
        (_with(JUDGE, "budget", {"type": "Prices", "prompt": 1, "completion": 2}), "a Prices is"),
    ],
)  # fmt: skip
def test_an_odd_value_is_told_with_its_place(pipeline: Any, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as caught:
        _recipe(pipeline).stage()
    assert "pipeline" in str(caught.value)
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize(
    ("half_life", "message"),
    [
        ({"type": "timedelta", "seconds": 1e300}, "half_life.seconds: 1e[+]300 is more than"),
        ({"type": "timedelta", "seconds": "1"}, "half_life.seconds: '1' is not a number"),
        ({"type": "timedelta", "seconds": 1, "name": "x"}, "a timedelta has one field, 'seconds'"),
        ({"type": "timedelta"}, "a timedelta has one field, 'seconds'"),
        ({"type": "datetime", "iso": "2026-01-01"}, "half_life: .* is not a timedelta"),
        ({"type": "timedelta", "seconds": 0}, "half_life=.* must be positive"),
        (5, "half_life: 5 is not a timedelta"),
    ],
)
def test_times_are_finite_and_of_their_kind(half_life: Any, message: str) -> None:
    scorer = {"type": "Recency", "field": "when", "half_life": half_life}
    with pytest.raises(RecipeError, match=message):
        _recipe({"type": "Score", "scorer": scorer}).stage()
    now = {"type": "datetime", "iso": "yesterday"}
    scorer = {"type": "Recency", "field": "f", "half_life": {"type": "timedelta", "seconds": 1}}
    with pytest.raises(RecipeError, match=r"now.iso: 'yesterday' is not a date in ISO form"):
        _recipe({"type": "Score", "scorer": {**scorer, "now": now}}).stage()


def test_parts_inside_parts_have_a_limit() -> None:
    stage: Any = TOP
    for _ in range(5_000):
        stage = {"type": "Refine", "stage": stage, "k": 2}
    with pytest.raises(RecipeError, match="nested deeper than 50 levels"):
        _recipe(stage).stage()


@pytest.mark.parametrize("kind", ["new", "empty", "database"])
@pytest.mark.parametrize("argument", ["vectors", "disk"])
def test_no_recipe_names_a_file_to_write(tmp_path: Path, kind: str, argument: str) -> None:
    file = tmp_path / "theirs.db"
    if kind == "empty":
        file.touch()
    elif kind == "database":
        with sqlite3.connect(file) as database:
            database.execute("create table passwords (name, password)")
        database.close()
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}
    scorer = {"type": "Builtin"}
    if argument == "disk":
        scorer = {"type": "Cached", "scorer": scorer, "disk": str(file)}  # type: ignore[dict-item]
    else:
        scorer["vectors"] = str(file)
    with pytest.raises(RecipeError, match=rf"scorer.{argument}: no recipe may hold .*options=\{{"):
        _recipe({"type": "Score", "scorer": scorer}).stage()
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


def test_who_builds_it_gives_what_no_file_may_hold(tmp_path: Path) -> None:
    stage = load("builtin", options={"vectors": tmp_path / "mine.db"})
    recipe = Recipe.of(stage)
    assert "mine.db" not in json.dumps(recipe.to_dict())
    again = recipe.stage(options={"vectors": tmp_path / "yours.db"})
    assert isinstance(again, Pipeline)
    assert (tmp_path / "yours.db").is_file()
    one = {"pipeline.stages[0].scorer.vectors": tmp_path / "ours.db"}
    recipe.stage(options=one)
    assert (tmp_path / "ours.db").is_file()
    recipe.save(tmp_path / "r.json")
    load(tmp_path / "r.json", options={"vectors": tmp_path / "theirs.db"})
    assert (tmp_path / "theirs.db").is_file()
    for options, message in (
        ({"threads": 1}, "a recipe has no option 'threads'; it has api_key"),
        ({"api_key": "x"}, "no part of this recipe takes 'api_key'"),
        ({"pipeline.stages[1].vectors": "x"}, "no part of this recipe takes 'pipeline.stages"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            recipe.stage(options=options)


def test_a_key_given_in_code_goes_to_the_parts_that_take_one() -> None:
    stage: Any = _recipe(JUDGE).stage(options={"api_key": "sk-test"})
    assert stage.judge.chat._key.reveal() == "sk-test"
    assert "sk-test" not in json.dumps(Recipe.of(stage).to_dict())


@pytest.mark.parametrize(
    "scorer",
    [
        {"type": "OnnxCrossEncoder", "model": "//host/share/model"},
        {"type": "OnnxCrossEncoder", "model": "\\\\host\\share\\model"},
        {"type": "OnnxCrossEncoder", "model": "https://host/model"},
        {"type": "OnnxCrossEncoder", "model": ""},
        {"type": "OnnxCrossEncoder", "model": "a\0b"},
        {"type": "OnnxCrossEncoder", "model": "a/b", "file": "../../secret.onnx"},
        {"type": "OnnxCrossEncoder", "model": "a/b", "file": "/etc/passwd"},
        {"type": "OnnxCrossEncoder", "model": "a/b", "file": "C:\\x.onnx"},
        {"type": "OnnxCrossEncoder", "model": "a/b", "revision": "main; rm"},
        {"type": "TorchCrossEncoder", "model": "a/b", "device": "meta"},
        {"type": "TorchCrossEncoder", "model": "a/b", "attention": "kernels-community/flash-attn"},
        {"type": "TorchCrossEncoder", "model": "a/b", "trust_remote_code": True},
        {"type": "TorchCrossEncoder", "model": "a/b", "dtype": "float8"},
    ],
    ids=str,
)
def test_a_model_is_a_folder_or_a_hub_id(scorer: dict[str, Any]) -> None:
    if scorer["type"] == "TorchCrossEncoder":
        pytest.importorskip("torch")
    with pytest.raises(RecipeError, match=r"pipeline\.scorer\."):
        _recipe({"type": "Score", "scorer": scorer}).stage()


def test_nothing_is_loaded_before_all_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    from secondpass.models.builtin.model import Builtin

    def loaded(*_: object) -> None:
        raise AssertionError("it was loaded")

    recipe = _recipe({"type": "Pipeline", "stages": [BUILTIN, {"type": "Top", "k": -1}]})
    monkeypatch.setattr(Builtin, "__post_init__", loaded)
    with pytest.raises(RecipeError, match=r"pipeline.stages\[1\].k: -1 is less than 0"):
        recipe.stage()


def test_a_reader_sees_what_it_reads_and_where_passages_go() -> None:
    chat = {**CHAT, "base_url": "http://elsewhere:8080/v1"}
    ranked = {"type": "OnnxCrossEncoder", "model": "org/name", "revision": "v1"}
    stages = [{"type": "Score", "scorer": ranked}, _with(JUDGE, "judge.chat", chat), JUDGE]
    assert _recipe({"type": "Pipeline", "stages": stages}).resources == {
        "pipeline.stages[0].scorer.model": "org/name",
        "pipeline.stages[1].judge.chat.model": "m",
        "pipeline.stages[1].judge.chat.base_url": "http://elsewhere:8080/v1",
        "pipeline.stages[2].judge.chat.base_url": "OPENAI_BASE_URL, or OpenAI where it is not set",
        "pipeline.stages[2].judge.chat.model": "m",
    }
    assert Recipe.of(Top(3)).resources == {}


def _evil_folder(tiny_bert: Path, folder: Path) -> Path:
    folder.mkdir()
    for path in tiny_bert.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def _torch_recipe(folder: Path, **more: Any) -> Recipe:
    scorer = {"type": "TorchCrossEncoder", "model": str(folder), "verify": False, **more}
    return _recipe({"type": "Score", "scorer": scorer})


def test_no_code_of_a_models_folder_runs(
    tmp_path: Path, tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark = tmp_path / "PWNED"
    code = f"open({str(mark)!r}, 'w').close()\nclass Evil: pass\n"
    mapped = _evil_folder(tiny_bert, tmp_path / "auto_map")
    (mapped / "evilmod.py").write_text(code)
    config = json.loads((mapped / "config.json").read_text())
    classes = ("AutoConfig", "AutoModelForSequenceClassification", "AutoTokenizer")
    config["auto_map"] = dict.fromkeys(classes, "evilmod.Evil")
    (mapped / "config.json").write_text(json.dumps(config))
    tokenizer = json.loads((mapped / "tokenizer_config.json").read_text())
    tokenizer["auto_map"] = {"AutoTokenizer": ["evilmod.Evil", "evilmod.Evil"]}
    (mapped / "tokenizer_config.json").write_text(json.dumps(tokenizer))

    modules = _evil_folder(tiny_bert, tmp_path / "modules")
    (modules / "evilmod.py").write_text(code)
    listed = [{"idx": 0, "name": "0", "path": "", "type": "evilmod.Evil"}]
    (modules / "modules.json").write_text(json.dumps(listed))
    (modules / "config_sentence_transformers.json").write_text(
        json.dumps({"model_type": "CrossEncoder", "activation_fn": "evilmod.Evil"})
    )
    for folder in (mapped, modules):
        with pytest.raises(RecipeError, match=r"scorer.trust_remote_code: .*runs Python code"):
            _torch_recipe(folder, trust_remote_code=True).stage()
        with suppress(SecondPassError):
            _torch_recipe(folder, trust_remote_code=False).stage()
        assert not mark.exists()
    with pytest.raises(ModelError, match="trust_remote_code"):
        _torch_recipe(modules).stage()
    # and it would, for who says so in code
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(tmp_path / "hf"))
    with suppress(SecondPassError):  # Evil is no model
        _torch_recipe(mapped).stage(options={"trust_remote_code": True})
    assert mark.exists()


def test_no_code_of_a_pickle_runs(tmp_path: Path, tiny_bert: Path) -> None:
    torch = pytest.importorskip("torch")
    mark = tmp_path / "PWNED"
    folder = _evil_folder(tiny_bert, tmp_path / "pickle")
    (folder / "model.safetensors").unlink()
    torch.save({"weight": _Touches(mark)}, folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match="cannot load the cross-encoder"):
        _torch_recipe(folder).stage()
    assert not mark.exists()
    torch.load(folder / "pytorch_model.bin", weights_only=False)
    assert mark.exists()  # the file would have


class _Touches:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)
