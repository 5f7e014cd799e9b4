"""Exports make the last layer for the first token only, and score as before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
transformers = pytest.importorskip("transformers")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402

from secondpass import OnnxCrossEncoder  # noqa: E402
from secondpass.models.export import export as exporting  # noqa: E402
from secondpass.models.export.prune_last_layer import first_token_only  # noqa: E402
from secondpass.models.onnx.session import onnxruntime  # noqa: E402

TEXTS = ["", "bees", "honey comes from bees", "bees make honey in the comb " * 40, "蜂蜜 🐝"]
PAIRS = [("how do bees make honey", text) for text in TEXTS]


def test_the_last_layer_has_one_row_and_the_scores_are_the_same(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exporting.export(str(tiny_bert), tmp_path / "first")
    monkeypatch.setattr(exporting, "first_token_only", lambda model: model)
    exporting.export(str(tiny_bert), tmp_path / "all")
    scores = [OnnxCrossEncoder(tmp_path / n, verify=False).score(PAIRS) for n in ("first", "all")]
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert rows(tmp_path / "all") == [7] * 12
    # of the last layer all rows have keys and values; query, attention and feed-forward one
    assert rows(tmp_path / "first") == [7] * 6 + [1, 7, 7, 1, 1, 1]


def rows(folder: Path) -> list[int]:
    """How many rows each product with weights makes of seven tokens, in the graph's order."""
    model = onnx.load(folder / "model.onnx")
    weights = {tensor.name for tensor in model.graph.initializer if len(tensor.dims) == 2}
    made = [
        n.output[0] for n in model.graph.node if n.op_type == "MatMul" and n.input[1] in weights
    ]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in made)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    feed = {i.name: np.ones((2, 7), np.int64) for i in session.get_inputs()}
    return [int(found.shape[1]) for found in session.run(made, feed)]


def graph(*nodes: Any, outputs: tuple[str, ...] = ("score",)) -> Any:
    """Over x [batch, tokens, 4], with weights w [4, 4], b [4] and p, one row a place."""
    g = np.random.default_rng(0)
    arrays = {
        "w": g.normal(size=(4, 4)), "b": g.normal(size=4), "p": g.normal(size=(1, 5, 4)),
        "one": np.float64(0.5),
    }  # fmt: skip
    tensors = [numpy_helper.from_array(a.astype(np.float32), name) for name, a in arrays.items()]
    tensors += [
        numpy_helper.from_array(np.array(place), name)
        for name, place in (("first", 0), ("second", 1))
    ]
    pool = helper.make_node("Gather", ["y", "first"], ["score"], axis=1)
    if all("score" not in node.output for node in nodes):
        nodes = (*nodes, pool)
    made = helper.make_graph(
        list(nodes), "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", 4])],
        [helper.make_empty_tensor_value_info(name) for name in outputs], tensors,
    )  # fmt: skip
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def cut_at(model: Any) -> set[str]:
    """The tensors of which one row is taken; the answers must not change."""
    cut = first_token_only(model)
    x = np.random.default_rng(1).normal(size=(3, 5, 4)).astype(np.float32)
    before, after = (
        onnxruntime.InferenceSession(m.SerializeToString()).run(None, {"x": x})
        for m in (model, cut)
    )
    assert all(map(np.allclose, before, after))
    return {n.input[0] for n in cut.graph.node if "first_token/place" in n.input}


def op(kind: str, *names: str, **attributes: Any) -> Any:
    *inputs, output = names
    return helper.make_node(kind, inputs, [output], **attributes)


def test_rows_apart_are_cut_as_early_as_they_can_be() -> None:
    double = op("MatMul", "x", "w", "h"), op("Add", "h", "b", "i"), op("Mul", "i", "one", "y")
    assert cut_at(graph(*double)) == {"x"}
    assert cut_at(graph(op("Softmax", "x", "s", axis=-1), op("Add", "s", "x", "y"))) == {"x"}


def test_what_others_read_is_left_whole() -> None:
    shared = op("MatMul", "x", "w", "h"), op("Mul", "h", "one", "y"), op("ReduceSum", "h", "sum")
    assert cut_at(graph(*shared, outputs=("score", "sum"))) == {"h"}
    told = op("MatMul", "x", "w", "h"), op("Tanh", "h", "y")
    assert cut_at(graph(*told, outputs=("score", "h"))) == {"h"}
    assert cut_at(graph(op("Tanh", "x", "y"), outputs=("score", "y"))) == set()


def test_rows_that_depend_on_each_other_are_left_whole() -> None:
    assert cut_at(graph(op("Softmax", "x", "s", axis=1), op("Tanh", "s", "y"))) == {"s"}
    mean = op("ReduceMean", "x", "m", axes=[1], keepdims=1), op("Sub", "x", "m", "y")
    assert cut_at(graph(*mean)) == {"x"}
    swap = op("Transpose", "x", "t", perm=[0, 2, 1]), op("MatMul", "x", "t", "a")
    assert cut_at(graph(*swap, op("MatMul", "a", "x", "y"))) == {"x"}
    assert cut_at(graph(op("Add", "x", "p", "h"), op("Tanh", "h", "y"))) == {"h"}


def test_other_poolings_are_left_alone() -> None:
    other = op("Gather", "y", "second", "score", axis=1)
    assert cut_at(graph(op("Tanh", "x", "y"), other)) == set()
    mean = op("Tanh", "x", "y"), op("ReduceMean", "y", "score", axes=[1])
    assert cut_at(graph(*mean)) == set()
    twice = op("Tanh", "x", "y"), op("Gather", "y", "first", "score", axis=1)
    again = op("Exp", "x", "z"), op("Gather", "z", "first", "other", axis=1)
    assert cut_at(graph(*twice, *again, outputs=("score", "other"))) == set()
