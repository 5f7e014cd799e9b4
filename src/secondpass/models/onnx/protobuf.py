"""The fields of a protobuf file, found without reading what lies between them."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from secondpass.core.errors import ModelError

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@contextmanager
def mapped(path: Path) -> Iterator[memoryview]:
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


def fields(
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
