"""GELU in a graph that torch exported: where it is, and the codes that its outputs need."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from onnx import numpy_helper

GELU_FLOOR = 0.17
"""GELU never goes below -0.17 (its minimum is -0.16997), so its outputs need few negative codes."""
GELU_ZERO = 24
"""The unsigned code of 0 in GELU outputs: 24 codes for [-0.17, 0], 231 for what is above."""


def is_gelu(name: str, producers: Mapping[str, Any], constants: Mapping[str, Any]) -> bool:
    """Whether a value is x * (1 + Erf(x / sqrt 2)) * 0.5, as torch exports GELU.

    Exact on purpose: GELU times a gate (GEGLU) is not bounded below.

    Args:
        name: The value's.
        producers: The node that gives each value.
        constants: The graph's tensors.
    """
    halved = producers.get(name)
    if halved is None or halved.op_type != "Mul":
        return halved is not None and halved.op_type == "Gelu"
    if not any(_value(i, producers, constants) == 0.5 for i in halved.input):
        return False
    factors = [producers.get(i) for i in halved.input]
    products = [n for n in factors if n is not None and n.op_type == "Mul"]
    sums = [producers.get(i) for product in products for i in product.input]
    added = [n.input for n in sums if n is not None and n.op_type == "Add"]
    errors = [producers.get(i) for inputs in added for i in inputs]
    return any(n is not None and n.op_type == "Erf" for n in errors)


def _value(name: str, producers: Mapping[str, Any], constants: Mapping[str, Any]) -> float | None:
    """The value of a constant of one element."""
    node, tensor = producers.get(name), constants.get(name)
    if node is not None and node.op_type == "Constant":
        tensor = next((a.t for a in node.attribute if a.name == "value"), None)
    if tensor is None or int(np.prod(tensor.dims)) != 1:
        return None
    return float(numpy_helper.to_array(tensor).item())
