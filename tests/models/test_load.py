from __future__ import annotations

import builtins
import importlib.metadata
import sys

import pytest

from secondpass import (
    InvalidInputError,
    MissingExtraError,
    ModelError,
    Ranking,
    UnknownModelError,
    load,
)
from secondpass.testing import FakeComparer, FakeJudge, FakeScorer


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("", "write 'backend:name' with one of bedrock, bm25, builtin"),
        ("bultin", "Did you mean 'builtin'"),
        ("BAAI/bge-reranker-v2-m3", "'cross-encoder:BAAI/bge-reranker-v2-m3'"),
        ("onnx", "names no model"),
        ("onnx:", "names no model"),
    ],
)
def test_an_unknown_model_is_named_with_what_there_is(model: str, message: str) -> None:
    with pytest.raises(UnknownModelError, match=message):
        load(model)


def test_what_is_no_string_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="got None"):
        load(None)  # type: ignore[arg-type]


def test_an_unknown_option_is_named_with_those_there_are() -> None:
    with pytest.raises(InvalidInputError, match=r"no option 'batch_size'; it has .*token_budget"):
        load("builtin", options={"batch_size": 32})


@pytest.mark.parametrize(
    ("model", "module", "package", "extra"),
    [
        ("bm25", "secondpass.models.bm25", "bm25s", "bm25"),
        (
            "cross-encoder:x/y",
            "secondpass.models.torch.cross_encoder",
            "sentence_transformers",
            "torch",
        ),
    ],
)
def test_a_missing_extra_prints_the_command(
    monkeypatch: pytest.MonkeyPatch, model: str, module: str, package: str, extra: str
) -> None:
    monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=rf'pip install "secondpass\[{extra}\]"'):
        load(model)


def test_calibrating_without_scikit_learn_prints_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from secondpass import Platt

    real = builtins.__import__

    def without(name: str, *args, **kwargs):  # type: ignore[no-untyped-def]
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"secondpass\[eval\]"):
        Platt.fit([1.0, 2.0], [0, 1])


class _EntryPoint:
    def __init__(self, name: str, made: object) -> None:
        self.name, self.made = name, made

    def load(self):  # type: ignore[no-untyped-def]
        return lambda name, *, shout=False: self.made


@pytest.mark.parametrize("made", [FakeScorer(), FakeComparer(), FakeJudge()])
def test_other_packages_add_backends_through_one_entry_point_group(
    monkeypatch: pytest.MonkeyPatch, made: object
) -> None:
    def found(group: str) -> list[_EntryPoint]:
        return [_EntryPoint("theirs", made)] if group == "secondpass.backends" else []

    monkeypatch.setattr("importlib.metadata.entry_points", found)
    stage = load("theirs:model", options={"shout": True})
    assert len(stage(Ranking.of("q", ["a", "b"]))) == 2
    with pytest.raises(InvalidInputError, match="it has shout"):
        load("theirs:model", options={"loud": True})


def test_a_backend_that_makes_nonsense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: [_EntryPoint("theirs", object())]
    )
    with pytest.raises(UnknownModelError, match="not a stage, scorer, comparer or judge"):
        load("theirs:x")


def test_no_name_clash_with_an_installed_backend() -> None:
    names = [e.name for e in importlib.metadata.entry_points(group="secondpass.backends")]
    assert len(names) == len(set(names))


def test_a_folder_that_is_not_there() -> None:
    for model in ("onnx:./nowhere", "onnx:/nowhere/at/all", "cross-encoder:./nowhere"):
        with pytest.raises(ModelError, match="no model folder"):
            load(model)


def test_a_hub_that_is_out_of_reach_is_named() -> None:
    with pytest.raises(ModelError, match="cannot fetch 'nobody/nothing' from the hub"):
        load("onnx:nobody/nothing")
    with pytest.raises(ModelError, match="cannot load the cross-encoder 'nobody/nothing'"):
        load("cross-encoder:nobody/nothing")
