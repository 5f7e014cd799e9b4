"""Attention with its softmax in one operator, as OpenVINO computes it fastest.

int8 files have it in parts, which add in one order on every processor (`export.quantise`). OpenVINO
promises no order anyway, and fuses a whole one with what is around it.
"""

from __future__ import annotations

from typing import Any


def join_softmax(graph: Any) -> None:
    """Put softmax(x) v where exp(x - max) v / sum stands.

    Args:
        graph: An `openvino.Model` that was read from a file; changed in place.
    """
    from openvino import opset13  # openvino is imported: it has read the graph

    for node in graph.get_ordered_ops():
        found = _parts(node)
        if found is not None:
            scores, values = found
            whole = opset13.matmul(opset13.softmax(scores, -1), values, False, False)
            for user in node.output(0).get_target_inputs():
                user.replace_source_output(whole.output(0))


def _parts(division: Any) -> tuple[Any, Any] | None:
    """The scores and the values of attention, if this is the division at its end."""
    if division.get_type_name() != "Divide":
        return None
    product, total = _inputs(division)
    if product.get_type_name() != "MatMul" or total.get_type_name() != "MatMul":
        return None
    (exponential, _), (summed, ones) = _inputs(product), _inputs(total)
    if exponential.get_type_name() != "Exp" or summed.get_name() != exponential.get_name():
        return None
    if any(_transposes(node) for node in (product, total)) or not _is_ones(ones):
        return None
    (below,) = _inputs(exponential)
    if below.get_type_name() != "Subtract" or _inputs(below)[1].get_type_name() != "ReduceMax":
        return None
    return below.input_value(0), product.input_value(1)


def _inputs(node: Any) -> list[Any]:
    return [value.get_node() for value in node.input_values()]


def _transposes(product: Any) -> bool:
    given = product.get_attributes()
    return bool(given["transpose_a"] or given["transpose_b"])


def _is_ones(node: Any) -> bool:
    """Whether it is a 1, broadcast."""
    value = _inputs(node)[0] if node.get_type_name() == "Broadcast" else node
    return value.get_type_name() == "Constant" and bool((value.get_data() == 1).all())
