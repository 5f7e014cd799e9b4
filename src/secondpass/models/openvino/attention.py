"""Attention with its softmax in one operator, as OpenVINO computes it fastest.

int8 files have it in parts, which add in one order on every processor (`export.quantise`). OpenVINO
promises no order anyway, and computes a whole one, and what is around it, in 0.77 of the time.
"""

from __future__ import annotations

from typing import Any


def join_softmax(graph: Any) -> None:
    """Put softmax(x) v where exp(x - max) v / sum stands.

    Args:
        graph: An `openvino.Model` that was read from a file; changed in place.
    """
    from openvino import opset13

    for node in graph.get_ordered_ops():
        found = _parts(node)
        if found is not None:
            scores, values = found
            whole = opset13.matmul(opset13.softmax(scores, -1), values, False, False)
            for user in node.output(0).get_target_inputs():
                user.replace_source_output(whole.output(0))


def _parts(node: Any) -> tuple[Any, Any] | None:
    """The scores and the values of attention, if this is the division at its end."""
    if node.get_type_name() != "Divide":
        return None
    product, total = (value.get_node() for value in node.input_values())
    if {product.get_type_name(), total.get_type_name()} != {"MatMul"}:
        return None
    exponential = product.input_value(0).get_node()
    below = exponential.input_value(0).get_node() if exponential.get_input_size() else None
    if exponential.get_type_name() != "Exp" or below is None:
        return None
    if total.input_value(0).get_node() != exponential or below.get_type_name() != "Subtract":
        return None
    if below.input_value(1).get_node().get_type_name() != "ReduceMax":
        return None
    return below.input_value(0), product.input_value(1)
