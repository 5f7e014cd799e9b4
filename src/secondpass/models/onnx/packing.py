"""Vectors in few levels: what a dimension is rounded to, and how many of them a byte holds.

Levels are equally far apart, by the step that rounds a normal distribution best (Max 1960,
"Quantizing for minimum distortion", doi:10.1109/TIT.1960.1057548). Each vector has a scale that
makes its product with what it was rounded to that of the vector with itself, so that products with
other vectors keep their size on average (Gao & Long 2024, "RaBitQ", arXiv:2405.12497).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

STEPS = {2: 1.596, 3: 1.224, 4: 0.9957, 16: 0.3352}
"""Distance of levels, in root mean squares of a vector, by their number."""
A_BYTE = {2: 8, 3: 5, 4: 4, 16: 2}
"""Dimensions that a byte holds, by the number of levels."""


def pack_levels(rows: Floats, levels: int) -> bytes:
    """Vectors (n, hidden) as codes, and then a scale of two bytes for each."""
    size = np.sqrt((rows * rows).mean(1, keepdims=True))
    steps = np.maximum(size, 1e-9) * STEPS[levels]
    codes = np.floor(rows / steps + levels / 2).clip(0, levels - 1).astype(np.uint8)
    rounded = codes - np.float32((levels - 1) / 2)
    length = np.maximum((rows * rows).sum(1), 1e-12)
    scales = (length / np.maximum((rows * rounded).sum(1), 1e-6)).astype(np.float16)
    at_once = A_BYTE[levels]
    filled = np.pad(codes, ((0, 0), (0, -codes.shape[1] % at_once)))
    digits = filled.reshape(len(rows), -1, at_once)
    packed = (digits * levels ** np.arange(at_once)).sum(-1).astype(np.uint8)
    return bytes(packed.tobytes() + scales.tobytes())


def unpack_levels(packed: bytes, hidden: int, levels: int) -> Floats:
    """As floats."""
    width = bytes_of_a_vector(hidden, levels) - 2
    count = len(packed) // (width + 2)
    codes = np.frombuffer(packed, np.uint8, count * width).reshape(count, width)
    scales = np.frombuffer(packed, np.float16, count, offset=count * width).astype(np.float32)
    rows: Floats = _values(levels)[codes].reshape(count, -1)[:, :hidden] * scales[:, None]
    return rows


def bytes_of_a_vector(hidden: int, levels: int) -> int:
    """With its scale."""
    return -(-hidden // A_BYTE[levels]) + 2


@cache
def _values(levels: int) -> Floats:
    """What each byte stands for, shape (256, dimensions)."""
    digits = np.arange(256)[:, None] // levels ** np.arange(A_BYTE[levels]) % levels
    values: Floats = (digits - (levels - 1) / 2).astype(np.float32)
    return values
