"""Where a graph's weights lie is read from the graph, as the onnx package writes it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from secondpass import ModelError
from secondpass.models.builtin import FOLDER
from secondpass.models.onnx.onnx_file import external_locations

onnx = pytest.importorskip("onnx")
from onnx import TensorProto, helper, numpy_helper  # noqa: E402


def tensor(name: str, location: str | None = None) -> Any:
    made = numpy_helper.from_array(np.arange(512, dtype=np.float32), name)
    if location is not None:
        onnx.external_data_helper.set_external_data(made, location)
        made.ClearField("raw_data")
    return made


def graph_of(nodes: list[Any], initialisers: list[Any]) -> Any:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [512])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [512])
    return helper.make_graph(nodes, "graph", [x], [y], initialisers)


def write(path: Path, model: Any) -> Path:
    path.write_bytes(model.SerializeToString())
    return path


def test_a_model_in_one_file_has_none(tmp_path: Path) -> None:
    model = helper.make_model(graph_of([helper.make_node("Add", ["x", "w"], ["y"])], [tensor("w")]))
    assert external_locations(write(tmp_path / "m.onnx", model)) == []
    assert external_locations(FOLDER / "model.onnx") == []


@pytest.mark.parametrize("one_file", [True, False])
def test_what_onnx_saves_beside_a_model(tmp_path: Path, one_file: bool) -> None:
    nodes = [helper.make_node("Add", ["x", "a"], ["z"]), helper.make_node("Add", ["z", "b"], ["y"])]
    model = helper.make_model(graph_of(nodes, [tensor("a"), tensor("b")]))
    path = tmp_path / "model.onnx"
    onnx.save(
        model, path, save_as_external_data=True, all_tensors_to_one_file=one_file,
        location="model.onnx.data" if one_file else None, size_threshold=0,
    )  # fmt: skip
    beside = sorted(file.name for file in tmp_path.iterdir() if file != path)
    assert len(beside) == (1 if one_file else 2)
    assert external_locations(path) == beside


def test_a_tensor_is_found_wherever_it_may_stand(tmp_path: Path) -> None:
    def node(**attributes: Any) -> Any:
        return helper.make_node("Op", ["x"], ["y"], domain="any", **attributes)

    def sparse(values: str, indices: str) -> Any:
        made = onnx.SparseTensorProto()
        made.values.CopyFrom(tensor("v", values))
        made.indices.CopyFrom(tensor("i", indices))
        made.dims.append(512)
        return made

    inner = graph_of([node(value=tensor("c", "in a graph of a graph"))], [])
    then = graph_of([node(body=inner)], [tensor("b", "in a graph of a node")])
    graph = graph_of(
        [
            node(body=then),
            node(values=[tensor("d", "in a list of tensors")]),
            node(bodies=[graph_of([], [tensor("e", "in a list of graphs")])]),
            node(sparse=sparse("sparse values", "sparse indices")),
        ],
        [tensor("a", "among the initialisers"), tensor("a2", "among the initialisers")],
    )
    graph.sparse_initializer.append(sparse("sparse among them", "its indices"))
    model = helper.make_model(graph)
    function = helper.make_function(
        "any", "Op", ["x"], ["y"], [node(value=tensor("f", "in a function"))],
        [helper.make_opsetid("any", 1)],
    )  # fmt: skip
    model.functions.append(function)
    training = model.training_info.add()
    training.initialization.CopyFrom(graph_of([], [tensor("t", "to begin training")]))
    training.algorithm.CopyFrom(graph_of([], [tensor("t", "to train")]))
    assert external_locations(write(tmp_path / "m.onnx", model)) == sorted(
        [
            "in a graph of a graph", "in a graph of a node", "in a list of tensors",
            "in a list of graphs", "sparse values", "sparse indices", "among the initialisers",
            "sparse among them", "its indices", "in a function", "to begin training", "to train",
        ]
    )  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b"", b"not a model", b"\x3a\xff", b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"],
)
def test_what_is_no_onnx_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(ModelError, match=r"cannot read .*m\.onnx as an ONNX file"):
        external_locations(tmp_path / "m.onnx")


def test_a_damaged_file_gives_names_or_a_model_error(tmp_path: Path) -> None:
    nodes = [helper.make_node("Add", ["x", "a"], ["y"])]
    model = helper.make_model(graph_of(nodes, [tensor("a", "weights"), tensor("b")]))
    whole, rng = model.SerializeToString(), random.Random(0)
    refused = 0
    places = [place for place, byte in enumerate(whole) if byte]  # few of them within weights
    for number in range(500):
        damaged = bytearray(whole)
        damaged[rng.choice(places)] ^= 1 << rng.randrange(8)
        if number % 2:
            del damaged[rng.randrange(1, len(damaged)) :]
        (tmp_path / "m.onnx").write_bytes(damaged)
        try:
            assert len(external_locations(tmp_path / "m.onnx")) <= 1
        except ModelError:
            refused += 1
    assert 250 < refused < 500
