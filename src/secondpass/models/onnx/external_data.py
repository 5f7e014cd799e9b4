"""Which files beside an .onnx file hold its weights, read from the graph without the onnx package.

A tensor above a few kilobytes may lie in another file, and any tensor may name its own. The names
stand in the protobuf messages of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, of which
only the fields that lead to a tensor are followed; everything else, weights included, is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from secondpass.models.onnx.protobuf import fields, mapped

_FOLLOWED: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 20: "TrainingInfo", 25: "Function"},
    "TrainingInfo": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {
        5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor",
    },
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {13: "Entry"},
}  # fmt: skip
"""Fields by their numbers, and the messages in them."""


def external_locations(path: Path) -> list[str]:
    """Where the tensors of an .onnx file lie beside it: relative paths, sorted, each once.

    Raises:
        ModelError: It is no ONNX file, or cannot be read.
    """
    with mapped(path) as model:
        return sorted(set(_locations(model)))


def _locations(model: memoryview) -> Iterator[str]:
    waiting = [("Model", 0, len(model))]
    while waiting:
        message, start, end = waiting.pop()
        followed = _FOLLOWED[message]
        for field, first, last in fields(model, start, end):
            kind = followed.get(field)
            if kind == "Entry":
                entry = {f: bytes(model[a:b]) for f, a, b in fields(model, first, last)}
                if entry.get(1) == b"location":
                    yield entry.get(2, b"").decode("utf-8")
            elif kind is not None:
                waiting.append((kind, first, last))
