"""An .onnx file in ONNX Runtime, on one processor, and whether its int8 products are exact there.

Importing onnxruntime reports the process to Microsoft: since 1.29 its Linux and macOS builds do so,
and keep a device id under the user's home directory, unless ORT_DISABLE_TELEMETRY=1 is set before
the import (https://github.com/microsoft/onnxruntime/pull/27379). So it is set here; a value that
you set yourself is left alone. Everything in secondpass imports onnxruntime from this module.

Where a processor lacks VNNI and its equivalents, ONNX Runtime multiplies uint8 activations by int8
weights with VPMADDUBSW, which adds two products in 16 bits and saturates. Sums are exact whatever
the activations if no weight is beyond 64: 255 * 64 * 2 = 32,640 fits. What `export` writes keeps to
that; files made elsewhere often go up to 127.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.models.onnx.onnx_file import open_mapped, read_fields

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["Int8SaturationWarning", "OnnxSession", "onnxruntime"]

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
_SLOWER_WITH_AVX512 = ["BiasGeluFusion"]
"""Optimisations that ONNX Runtime makes by itself and that cost time there: BiasGelu computes what
Add and Gelu do, to the bit, without their AVX-512 kernels. An int8 model takes 2 to 10 % longer
with it, a float32 one 1 to 2 %; with AVX2 alone up to 4 % less."""


class Int8SaturationWarning(UserWarning):
    """An int8 model's products are not exact on this processor."""


class OnnxSession:
    """An ONNX file, ready to run on one processor; safe to call from many threads at once.

    Several that read the same inputs are as one; those of which nothing is asked do not run.

    Attributes:
        inputs: Names.
        outputs: Name to shape.

    Raises:
        ModelError: ONNX Runtime cannot read the file.

    Warns:
        Int8SaturationWarning: Its int8 products are not exact on this processor.
    """

    def __init__(self, path: Path, *others: Path) -> None:
        self.path = path
        self._sessions = [_open(one) for one in (path, *others)]
        self._output_names = [[node.name for node in s.get_outputs()] for s in self._sessions]
        self.inputs = {node.name for s in self._sessions for node in s.get_inputs()}
        self.outputs = {node.name: node.shape for s in self._sessions for node in s.get_outputs()}

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]:
        """The named outputs; inputs that the graph does not have are left out.

        Raises:
            ModelError: The graph cannot take them.
        """
        found: dict[str, Any] = {}
        try:
            for session, names in zip(self._sessions, self._output_names, strict=True):
                own = [name for name in outputs if name in names]
                if own:
                    taken = [node.name for node in session.get_inputs()]
                    inputs = {name: feed[name] for name in taken if name in feed}
                    found |= zip(own, session.run(own, inputs), strict=True)
            return [found[name] for name in outputs]
        except Exception as error:
            shapes = {name: value.shape for name, value in feed.items() if name in self.inputs}
            raise ModelError(
                f"{self.path} failed on a batch of shapes {shapes}: {error}"
            ) from error


def _open(path: Path) -> Any:
    warn_of_saturation(path)
    slower = [] if kernels_saturate() else _SLOWER_WITH_AVX512  # which says: an older processor
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.enable_mem_pattern = False  # every batch has its own shape; patterns would pile up
    options.log_severity_level = 4  # its errors come as exceptions, which say it once
    try:
        return onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"], disabled_optimizers=slower
        )
    except Exception as error:  # onnxruntime's own classes are not importable by name
        raise ModelError(f"ONNX Runtime cannot read {path}: {error}") from error


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
    with open_mapped(path) as model:
        return sorted(
            name
            for name, codes in product_weights(model)
            if max(int(codes.max(initial=0)), -int(codes.min(initial=0))) > LARGEST_CODE
        )


def product_weights(model: memoryview) -> Iterator[tuple[str, npt.NDArray[np.int8]]]:
    """Name and codes of each int8 constant that a product of the main graph takes.

    Tensors that lie in other files are not read.
    """
    for start, end in _fields_of(model, 0, len(model), 7):  # ModelProto.graph
        multiplied: set[bytes] = set()
        for a, b in _fields_of(model, start, end, 1):  # GraphProto.node
            node: dict[int, list[bytes]] = {}
            for field, i, j in read_fields(model, a, b):
                if field in (1, 4):  # input, op_type
                    node.setdefault(field, []).append(bytes(model[i:j]))
            if node.get(4, [b""])[0].decode() in _PRODUCTS:
                multiplied.update(node.get(1, []))
        for a, b in _fields_of(model, start, end, 5):  # GraphProto.initializer
            yield from _codes(model, a, b, multiplied)


def _codes(
    model: memoryview, start: int, end: int, multiplied: set[bytes]
) -> Iterator[tuple[str, npt.NDArray[np.int8]]]:
    name, raw, kind = b"", None, 0
    for field, a, b in read_fields(model, start, end, numbers=True):
        if field == 8:
            name = bytes(model[a:b])
        elif field == 9:
            raw = (a, b)
        elif field == 2:  # TensorProto.data_type, a number
            kind = a
    if kind == _INT8 and raw is not None and name in multiplied:
        yield name.decode(), np.frombuffer(model[raw[0] : raw[1]], dtype=np.int8).copy()


def _fields_of(model: Any, start: int, end: int, field: int) -> list[tuple[int, int]]:
    return [(a, b) for f, a, b in read_fields(model, start, end) if f == field]
