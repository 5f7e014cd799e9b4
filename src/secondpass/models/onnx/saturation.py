"""Whether int8 products are wrong on this processor, and which of a file's would be.

Where a processor has neither VNNI nor its like, ONNX Runtime multiplies uint8 activations by int8
weights with VPMADDUBSW, which adds two products in 16 bits and saturates. Sums are exact whatever
the activations if no weight is beyond 64: 255 * 64 * 2 = 32,640 fits. What `export` writes keeps to
that; files made elsewhere often go up to 127.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.models.onnx.protobuf import fields, mapped
from secondpass.models.onnx.runtime import onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt

LARGEST_CODE = 64
"""Of weights whose sums are exact everywhere."""
PROBE = Path(__file__).with_name("saturation_probe.onnx")
"""MatMulInteger of a uint8 input by int8 weights that are all 127: [rows, 64] by [64, 16]."""
_PRODUCTS = frozenset(
    (
        "MatMulInteger", "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearMatMul", "QGemm",
        "QAttention", "DequantizeLinear",
    )
)  # fmt: skip
"""Operators that multiply by int8 weights, or that are fused into one that does."""
_INT8 = 3


class Int8SaturationWarning(UserWarning):
    """An int8 model's products are not exact on this processor."""


def warn_of_saturation(path: Path) -> None:
    """Warn (`Int8SaturationWarning`) if an .onnx file's products are not exact here."""
    if path.suffix != ".onnx" or not kernels_saturate():
        return
    weights = saturating_weights(path)
    if weights:
        warnings.warn(
            f"{path} has int8 weights beyond {LARGEST_CODE} ({weights[0]} and {len(weights) - 1} "
            "more), whose sums saturate on this processor: scores differ from those elsewhere. "
            "Use the float32 file, or make the int8 file again with `secondpass export --int8`",
            Int8SaturationWarning,
            stacklevel=2,
        )


@cache
def kernels_saturate() -> bool:
    """Whether uint8 by int8 products saturate here: one is computed, and compared."""
    session = onnxruntime.InferenceSession(str(PROBE), providers=["CPUExecutionProvider"])
    (sums,) = session.run(None, {"activations": np.full((4, 64), 255, dtype=np.uint8)})
    return bool((sums != 255 * 127 * 64).any())


def saturating_weights(path: Path) -> list[str]:
    """Names of the weights in an .onnx file whose products with uint8 may saturate, sorted."""
    with mapped(path) as model:
        return sorted(
            name
            for name, codes in product_weights(model)
            if max(int(codes.max(initial=0)), -int(codes.min(initial=0))) > LARGEST_CODE
        )


def product_weights(model: memoryview) -> Iterator[tuple[str, npt.NDArray[np.int8]]]:
    """Name and codes of each int8 constant that a product of the main graph takes.

    Tensors that lie in other files are not read.
    """
    for start, end in _of(model, 0, len(model), 7):  # ModelProto.graph
        multiplied: set[bytes] = set()
        for a, b in _of(model, start, end, 1):  # GraphProto.node
            node: dict[int, list[bytes]] = {}
            for field, i, j in fields(model, a, b):
                if field in (1, 4):  # input, op_type
                    node.setdefault(field, []).append(bytes(model[i:j]))
            if node.get(4, [b""])[0].decode() in _PRODUCTS:
                multiplied.update(node.get(1, []))
        for a, b in _of(model, start, end, 5):  # GraphProto.initializer
            yield from _codes(model, a, b, multiplied)


def _codes(
    model: memoryview, start: int, end: int, multiplied: set[bytes]
) -> Iterator[tuple[str, npt.NDArray[np.int8]]]:
    name, raw, kind = b"", None, 0
    for field, a, b in fields(model, start, end, numbers=True):
        if field == 8:
            name = bytes(model[a:b])
        elif field == 9:
            raw = (a, b)
        elif field == 2:  # TensorProto.data_type, a number
            kind = a
    if kind == _INT8 and raw is not None and name in multiplied:
        yield name.decode(), np.frombuffer(model[raw[0] : raw[1]], dtype=np.int8).copy()


def _of(model: Any, start: int, end: int, field: int) -> list[tuple[int, int]]:
    return [(a, b) for f, a, b in fields(model, start, end) if f == field]
