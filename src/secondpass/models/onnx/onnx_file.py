"""What an .onnx file says, read without the onnx package: its fields, and where its weights lie.

A tensor above a few kilobytes may lie in another file, and any tensor may name its own. The names
stand in the protobuf messages of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto, of which
only the fields that lead to a tensor are followed; everything else, weights included, is skipped.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secondpass.core.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
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


@contextmanager
def open_mapped(path: Path) -> Iterator[memoryview]:
    """The bytes of an .onnx file, mapped.

    Raises:
        ModelError: It is not an ONNX file, or cannot be read; also from inside the block.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as m:
            view = memoryview(m)
            try:
                yield view
            finally:
                view.release()
    except (OSError, ValueError) as error:  # an empty file cannot be mapped: ValueError
        raise ModelError(f"cannot read {path} as an ONNX file: {error}") from error


def read_fields(
    model: memoryview, start: int, end: int, *, numbers: bool = False
) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field of a message that has a length.

    With `numbers` also of each that is a number: the number itself, twice.

    Raises:
        ValueError: It is not a protobuf message.
    """
    while start < end:
        tag, start = _varint(model, start, end)
        field, wire = tag >> 3, tag & 7
        if wire == _BYTES:
            length, start = _varint(model, start, end)
            if start + length > end:
                raise ValueError("it ends in the middle of a field")
            yield field, start, start + length
            start += length
        elif wire == _VARINT:
            value, start = _varint(model, start, end)
            if numbers:
                yield field, value, value
        elif wire in (_FIXED32, _FIXED64):
            start += 4 if wire == _FIXED32 else 8
        else:
            raise ValueError(f"it has a field of the unknown wire type {wire}")


def external_locations(path: Path) -> list[str]:
    """Where the tensors of an .onnx file lie beside it: relative paths, sorted, each once.

    Raises:
        ModelError: It is no ONNX file, or cannot be read.
    """
    with open_mapped(path) as model:
        return sorted(set(_locations(model)))


def _locations(model: memoryview) -> Iterator[str]:
    waiting = [("Model", 0, len(model))]
    while waiting:
        message, start, end = waiting.pop()
        followed = _FOLLOWED[message]
        for field, first, last in read_fields(model, start, end):
            kind = followed.get(field)
            if kind == "Entry":
                entry = {f: bytes(model[a:b]) for f, a, b in read_fields(model, first, last)}
                if entry.get(1) == b"location":
                    yield entry.get(2, b"").decode("utf-8")
            elif kind is not None:
                waiting.append((kind, first, last))


def _varint(model: memoryview, start: int, end: int) -> tuple[int, int]:
    """A number of seven bits a byte, the lowest first, and where it ends."""
    value = 0
    for shift in range(0, 70, 7):
        if start >= end:
            break
        byte = model[start]
        start += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, start
    raise ValueError("it ends in the middle of a number")
