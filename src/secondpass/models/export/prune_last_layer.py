"""The last layer of a cross-encoder, computed for the one token that its head reads.

A BERT's head reads the first token only, yet its last layer computes all of them. Every token needs
its keys and values there; query, attention, feed-forward and normalisation of the others affect no
score. Without them a model of six layers does about a seventh less work, for the same scores.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from secondpass.core.errors import MissingExtraError

try:
    import onnx
    from onnx import helper, numpy_helper
except ImportError as error:
    raise MissingExtraError("exporting a model", "export") from error

EACH_ELEMENT = {
    "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Erf", "Exp", "Tanh", "Sigmoid", "Relu", "Gelu",
    "Neg", "Cast", "Identity", "Where",
}  # fmt: skip
"""Operators that compute each element separately, their inputs broadcast."""
LAST_AXIS = {"LayerNormalization", "Softmax", "ReduceMean"}
"""Operators that compute along one axis, which must be the last."""
FIRST = "first_token/place"  # in exported files, whose digests would change
ONE = "first_token/one"
FEW = 1_000
"""Elements of a tensor that may be a shape."""

Cuts = dict[int, int]
"""The inputs of a node that may be cut to one row, each with the axis of the rows."""


def prune_last_layer(model: Any) -> Any:
    """A copy of `model` (`onnx.ModelProto`) that computes no more than its pooling reads.

    The pooling is a ``Gather`` of index 0 on axis 1. From there backwards, every operator that
    computes rows separately, and whose other rows no other operator reads, gets the first row
    only. A model without exactly one such pooling is returned unchanged.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return _Graph(copy).cut()


class _Graph:
    def __init__(self, model: Any) -> None:
        self.model, self.graph = model, model.graph
        self.maker = {out: node for node in self.graph.node for out in node.output}
        self.constants = {t.name: t for t in self.graph.initializer} | {
            n.output[0]: a.t
            for n in self.graph.node if n.op_type == "Constant"
            for a in n.attribute if a.name == "value"
        }  # fmt: skip
        self.readers: dict[str, list[tuple[Any, int]]] = defaultdict(list)
        for node in self.graph.node:
            for index, name in enumerate(node.input):
                self.readers[name].append((node, index))
        self.shapes = dict(_shapes(model))

    def cut(self) -> Any:
        poolings = [node for node in self.graph.node if self._pools(node)]
        if len(poolings) != 1:
            return self.model
        (pooling,) = poolings
        cut = self._rows_apart(pooling.input[0])
        if cut:
            self._rewire(cut)
        return self.model

    def _pools(self, node: Any) -> bool:
        index = self.constants.get(node.input[1]) if node.op_type == "Gather" else None
        at_first = index is not None and not np.any(numpy_helper.to_array(index))
        return at_first and _attribute(node, "axis", 0) == 1 and self._rank(node.input[0]) == 3

    def _rows_apart(self, pooled: str) -> dict[str, Cuts]:
        """The nodes that can be given one row, by output: searched backwards, then without those
        of which another node reads all rows."""
        candidates: dict[str, Cuts] = {}
        waiting = [(pooled, 1)]
        while waiting:
            name, axis = waiting.pop()
            node = self.maker.get(name)
            cuts = None if node is None or name in candidates else self._cuts(node, axis)
            if node is not None and cuts is not None:
                candidates[name] = cuts
                waiting += [(node.input[index], axis) for index, axis in cuts.items()]
        outputs = {output.name for output in self.graph.output}
        while unfit := [
            name
            for name in candidates
            if name in outputs
            or not all(self._reads_first(*reader, candidates) for reader in self.readers[name])
        ]:
            for name in unfit:
                del candidates[name]
        return candidates

    def _reads_first(self, node: Any, index: int, candidates: Mapping[str, Cuts]) -> bool:
        return self._pools(node) or index in candidates.get(node.output[0], {})

    def _cuts(self, node: Any, axis: int) -> Cuts | None:
        """The inputs to cut so that the output has one row on `axis`; None where that is not
        possible this way."""
        rank, kind = self._rank(node.output[0]), node.op_type
        if rank is not None and kind in EACH_ELEMENT:
            return self._broadcast(node, axis, rank)
        if rank is not None and kind == "Transpose":
            return {0: int(_attribute(node, "perm", range(rank)[::-1])[axis])}
        simple = rank is not None and (
            (kind == "MatMul" and axis == rank - 2 and self._rank(node.input[0]) == rank)
            or (kind in LAST_AXIS and axis < rank - 1 and _along_last(node, rank))
            or (kind == "Reshape" and axis == 1 and self._splits_heads(node, rank))
        )
        return {0: axis} if simple else None

    def _splits_heads(self, node: Any, rank: int) -> bool:
        """Or joins them: to a shape put together one size after the other, batch and rows first."""
        shape = self.maker.get(node.input[1])
        sizes = len(shape.input) if shape is not None and shape.op_type == "Concat" else 0
        return {self._rank(node.input[0]), rank} == {3, 4} and sizes == rank

    def _broadcast(self, node: Any, axis: int, rank: int) -> Cuts | None:
        cuts: Cuts = {}
        for index, name in enumerate(node.input):
            shape = self.shapes.get(name)
            if shape is None:
                return None
            own = axis - (rank - len(shape))  # broadcasting aligns the last axes
            if own >= 0 and shape[own] != 1:
                if name in self.constants:
                    return None
                cuts[index] = own
        return cuts

    def _rewire(self, cut: Mapping[str, Cuts]) -> None:
        self.graph.initializer.append(numpy_helper.from_array(np.zeros(1, np.int64), FIRST))
        self.graph.initializer.append(numpy_helper.from_array(np.ones(1, np.int64), ONE))
        added: set[str] = set()
        ordered: list[Any] = []
        for node in self.graph.node:
            if node.output[0] in cut:
                ordered += self._one_row(node, cut, added)
            ordered.append(node)
        del self.graph.node[:]
        self.graph.node.extend(ordered)

    def _one_row(self, node: Any, cut: Mapping[str, Cuts], added: set[str]) -> Iterator[Any]:
        """Let the node read one row; yields the nodes that must come before it for that."""
        for index, axis in cut[node.output[0]].items():
            whole = node.input[index]
            if whole not in cut:
                first = f"{whole}/first{axis}"
                node.input[index] = first
                if first not in added:
                    added.add(first)
                    yield helper.make_node("Gather", [whole, FIRST], [first], name=first, axis=axis)
        if node.op_type == "Reshape":
            shape = self.maker[node.input[1]]
            name = f"{node.output[0]}/shape"
            node.input[1] = name
            yield helper.make_node(
                "Concat", [shape.input[0], ONE, *shape.input[2:]], [name], name=name, axis=0
            )

    def _rank(self, name: str) -> int | None:
        return len(self.shapes[name]) if name in self.shapes else None


def _along_last(node: Any, rank: int) -> bool:
    axes = _attribute(node, "axes", [_attribute(node, "axis", -1)])
    return [a % rank for a in axes] == [rank - 1] and bool(_attribute(node, "keepdims", 1))


def _shapes(model: Any) -> Iterator[tuple[str, list[int | None]]]:
    """The sizes of every tensor of known rank, None for those that vary."""
    bare = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    bare.graph.CopyFrom(
        onnx.GraphProto(
            name="bare", node=model.graph.node, input=model.graph.input, output=model.graph.output
        )
    )
    for tensor in model.graph.initializer:  # without weights: inference stops at 2 GB
        if int(np.prod(tensor.dims)) <= FEW:
            bare.graph.initializer.append(tensor)
        else:
            info = helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
            bare.graph.input.append(info)
    graph = onnx.shape_inference.infer_shapes(bare).graph
    for info in (*graph.input, *graph.value_info, *graph.output):
        if info.type.tensor_type.HasField("shape"):
            dims = info.type.tensor_type.shape.dim
            yield info.name, [d.dim_value if d.HasField("dim_value") else None for d in dims]
    for tensor in graph.initializer:
        yield tensor.name, list(tensor.dims)


def _attribute(node: Any, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)
