"""Attention in parts, whose sums have one order on every processor, for int8 graphs.

    softmax(x) v = exp(x - max) v / (exp(x - max) 1)

A softmax as one operator adds in another order with AVX-512, and a sum by ReduceSum depends on
padding; products do neither. Dividing last divides [tokens, head] instead of [tokens, tokens].
`secondpass.models.openvino.attention` puts the softmax back where order does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from onnx import numpy_helper

ONE = numpy_helper.from_array(np.ones(1, dtype=np.float32))
Add = Callable[..., None]
"""Adds a node: its kind, its inputs, its output, and its attributes by keyword."""


def weighted_values(softmax: Any, users: Mapping[str, Sequence[Any]]) -> Any | None:
    """The product of a softmax over the last axis and values, if nothing else uses the softmax.

    Args:
        softmax: The node.
        users: The nodes that take each value.
    """
    name = softmax.output[0]
    while all(a.i == -1 for a in softmax.attribute) and len(users.get(name, ())) == 1:
        (user,) = users[name]
        if user.op_type == "MatMul" and user.input[0] == name:
            return user
        if user.op_type != "Cast":  # which an export may leave, of a float to a float
            break
        name = user.output[0]
    return None


def add_exponential(add: Add, softmax: Any, axis_of_one: str) -> str:
    """exp(x - max) under the softmax's own name; returns the name of its sum.

    Args:
        add: Adds a node.
        softmax: The node that this stands for.
        axis_of_one: The name of the int64 constant [1].
    """
    (x,), (y,) = softmax.input, softmax.output
    add("ReduceMax", [x], f"{y}/max", axes=[-1], keepdims=1)
    add("Sub", [x, f"{y}/max"], f"{y}/below")
    add("Exp", [f"{y}/below"], y)
    add("Shape", [y], f"{y}/length", start=-1)
    add("Concat", [f"{y}/length", axis_of_one], f"{y}/column", axis=0)
    add("ConstantOfShape", [f"{y}/column"], f"{y}/ones", value=ONE)
    add("MatMul", [y, f"{y}/ones"], f"{y}/sum")
    return f"{y}/sum"


def add_division(add: Add, product: Any, total: str) -> None:
    """The product of exponentials and values, divided by their sum."""
    (out,) = product.output
    add("MatMul", list(product.input), f"{out}/undivided")
    add("Div", [f"{out}/undivided", total], out)
