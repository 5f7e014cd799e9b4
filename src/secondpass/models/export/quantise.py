"""int8 ONNX graphs whose scores hardly depend on the batch: activations are quantised row by row.

ONNX Runtime's own dynamic quantisation takes one scale for a whole batch of activations, so an
outlier in one pair coarsens every other pair in the batch. Here each token gets a scale of its
own, as in LLM.int8() (Dettmers et al. 2022, arXiv:2208.07339, section 2.1, vector-wise
quantisation): no calibration data, closer scores, the same integer kernel and nearly its speed.
benchmarks/builtin_quality.py measures it.

Sums of integers are the same on every processor; a softmax is not: with AVX-512 ONNX Runtime adds
its terms in another order, some activations get the next code, and scores came out .05 of a logit
apart. So attention stands in parts (`attention.py`, benchmarks/processors.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from secondpass.core.errors import MissingExtraError
from secondpass.models.export.int8_calibration import (
    round_compensated,
    round_to_nearest,
    smoothing_factors,
)
from secondpass.models.onnx.session import LARGEST_CODE

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from secondpass.models.export.attention import (
        add_division,
        add_exponential,
        weighted_values,
    )
    from secondpass.models.export.gelu import GELU_FLOOR, GELU_ZERO, is_gelu
except ImportError as error:
    raise MissingExtraError("quantising a model", "export") from error

TABLE_ELEMENTS = 100_000
"""Lookup tables smaller than this stay in float; they save nothing."""
MATRIX_ELEMENTS = 4_096
"""Weight matrices smaller than this stay in float: heads, where precision matters most."""


def products(model: Any) -> dict[str, str]:
    """The weight matrices that `quantise` makes int8, each with the activation it multiplies."""
    return _Quantiser(model).products()


def quantise(model: Any, moments: Mapping[str, Any] | None = None) -> Any:
    """An int8 copy of a float ONNX model (`onnx.ModelProto`, opset 15 to 17).

    * ``MatMul`` by a constant [K, N]: weights int8 in [-64, 64], one scale per output column;
      activations uint8, one scale per row; sums in int32; result float32.
    * ``Gather`` from a large constant table: int8 with one scale per row of the table.
    * ``MatMul`` of a ``Softmax``, attention: its parts, in float, so that sums have one order.
    * Everything else stays in float: normalisation, attention scores, and ``Gemm``, which
      is what pooler and classifier become.

    Args:
        model: Is left as it is.
        moments: By weight, see `secondpass.models.export.int8_calibration`: where samples show that
            an error costs most, and which outliers after normalisations move to the weights.
            Without it each weight gets the nearest code.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    return _Quantiser(copy, moments).run()


class _Quantiser:
    def __init__(self, model: Any, moments: Mapping[str, Any] | None = None) -> None:
        self.model, self.graph, self.moments = model, model.graph, moments
        self.constants = {tensor.name: tensor for tensor in self.graph.initializer}
        self.producers = {out: node for node in self.graph.node for out in node.output}
        self.users: dict[str, list[Any]] = {}
        for node in self.graph.node:
            for name in node.input:
                self.users.setdefault(name, []).append(node)
        self.nodes: list[Any] = []
        self.replaced: set[str] = set()
        self.rows: dict[str, str] = {}  # activation -> the name of its zero point, once quantised
        self.sums: dict[str, str] = {}  # attention's product -> what divides it
        self.factors: dict[str, Any] = {}  # activation, once smoothed -> what its weights gain

    def run(self) -> Any:
        self._scalars()
        for node in list(self.graph.node):
            if self._is_product(node):
                self._matmul(node)
            elif node.op_type == "Gather" and self._is_table(node):
                self._gather(node)
            elif node.op_type == "Softmax" and (product := weighted_values(node, self.users)):
                self.sums[product.output[0]] = add_exponential(self._op, node, "int8/column")
            elif node.output[0] in self.sums:
                add_division(self._op, node, self.sums[node.output[0]])
            else:
                self.nodes.append(node)
        still_used = {name for node in self.nodes for name in node.input}
        for name in self.replaced - still_used:
            self.graph.initializer.remove(self.constants[name])
        del self.graph.node[:]
        self.graph.node.extend(self.nodes)
        if all(opset.domain != "com.microsoft" for opset in self.model.opset_import):
            self.model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
        return self.model

    def products(self) -> dict[str, str]:
        return {n.input[1]: n.input[0] for n in self.graph.node if self._is_product(n)}

    def _is_product(self, node: Any) -> bool:
        return node.op_type == "MatMul" and self._is_matrix(node.input[1], MATRIX_ELEMENTS)

    def _scalars(self) -> None:
        self._constant("int8/one", np.float32(1))
        self._constant("int8/tiny", np.float32(1e-9))  # a row of zeros must not divide by zero
        self._constant("int8/step", np.float32(1 / 127))
        self._constant("int8/zero", np.uint8(128))
        self._constant("int8/column", np.array([1]))
        self._constant("int8/gelu_step", np.float32(1 / (255 - GELU_ZERO)))
        self._constant("int8/gelu_floor", np.float32(GELU_FLOOR / GELU_ZERO))
        self._constant("int8/gelu_zero", np.uint8(GELU_ZERO))

    def _is_table(self, node: Any) -> bool:
        by_rows = all(a.i == 0 for a in node.attribute if a.name == "axis")
        return by_rows and self._is_matrix(node.input[0], TABLE_ELEMENTS)

    def _is_matrix(self, name: str, elements: int) -> bool:
        tensor = self.constants.get(name)
        return (
            tensor is not None
            and tensor.data_type == TensorProto.FLOAT
            and len(tensor.dims) == 2
            and int(np.prod(tensor.dims)) >= elements
            and min(tensor.dims) > 2  # a head of one or two labels
        )

    def _matmul(self, node: Any) -> None:
        x, weight = self._smoothed(node.input[0]), node.input[1]
        y = node.output[0]
        zero = self.rows.get(x) or self._quantise_rows(x)
        moment = None if self.moments is None else self.moments[weight]
        self._product_weight(weight, moment, self.factors.get(x))
        self._op(
            "MatMulIntegerToFloat",
            [f"{x}/int8", f"{weight}/int8", "int8/one", f"{weight}/scale", zero],
            f"{y}/unscaled",
            domain="com.microsoft",
        )
        self._op("Mul", [f"{y}/unscaled", f"{x}/scale"], y)

    def _smoothed(self, x: str) -> str:
        """Adds `x`/smoothed and the constant `x`/smoothed/factor, if x is a normalisation's."""
        producer, smoothed = self.producers.get(x), f"{x}/smoothed"
        if self.moments is None or producer is None or producer.op_type != "LayerNormalization":
            return x
        if smoothed in self.factors:
            return smoothed
        uses = [n.input[:2] for n in self.graph.node if self._is_product(n)]
        weights = [weight for activation, weight in uses if activation == x]
        if any(weight in weights and activation != x for activation, weight in uses):
            return x  # layers share the weight, as ALBERT's do: it cannot suit them all
        stacked = np.hstack([numpy_helper.to_array(self.constants[w]) for w in weights])
        factor = self.factors[smoothed] = smoothing_factors(stacked, self.moments[weights[0]])
        self._constant(f"{smoothed}/factor", 1 / factor)
        self._op("Mul", [x, f"{smoothed}/factor"], smoothed)
        return smoothed

    def _quantise_rows(self, x: str) -> str:
        """Adds `x`/int8 (uint8, shape of x) and `x`/scale (float32, last axis 1)."""
        self._op("ReduceMax", [x], f"{x}/max", axes=[-1], keepdims=1)
        if is_gelu(x, self.producers, self.constants):
            zero = self.rows[x] = "int8/gelu_zero"
            self._op("Mul", [f"{x}/max", "int8/gelu_step"], f"{x}/step")
            self._op("Max", [f"{x}/step", "int8/gelu_floor"], f"{x}/scale")
        else:
            zero = self.rows[x] = "int8/zero"
            self._op("ReduceMin", [x], f"{x}/min", axes=[-1], keepdims=1)
            self._op("Neg", [f"{x}/min"], f"{x}/-min")
            self._op("Max", [f"{x}/max", f"{x}/-min", "int8/tiny"], f"{x}/largest")
            self._op("Mul", [f"{x}/largest", "int8/step"], f"{x}/scale")
        self._op("Div", [x, f"{x}/scale"], f"{x}/divided")
        # a scale per row needs a 2-D input here; dividing first is as fast and takes any shape
        self._op("QuantizeLinear", [f"{x}/divided", "int8/one", zero], f"{x}/int8")
        return zero

    def _gather(self, node: Any) -> None:
        (table, indices), (out,) = node.input, node.output
        self._table(table)
        self._op("Gather", [f"{table}/int8", indices], f"{out}/int8")
        self._op("Gather", [f"{table}/scale", indices], f"{out}/scale")
        self._op("Cast", [f"{out}/int8"], f"{out}/float", to=TensorProto.FLOAT)
        self._op("Mul", [f"{out}/float", f"{out}/scale"], out)

    def _product_weight(self, name: str, moment: Any, factor: Any) -> None:
        """Adds `name`/int8 [K, N] and `name`/scale [N], unless they exist."""
        if name in self.replaced:
            return
        self.replaced.add(name)
        weight = numpy_helper.to_array(self.constants[name]).astype(np.float32)
        if factor is not None:
            weight, moment = weight * factor[:, None], moment / np.outer(factor, factor)
        scale = np.maximum(np.abs(weight).max(axis=0), np.float32(1e-9)) / np.float32(LARGEST_CODE)
        codes = (
            round_to_nearest(weight, scale, LARGEST_CODE)
            if moment is None
            else round_compensated(weight, scale, moment, LARGEST_CODE)
        )
        self._constant(f"{name}/int8", codes)
        self._constant(f"{name}/scale", scale)

    def _table(self, name: str) -> None:
        """Adds `name`/int8 and `name`/scale, one scale per row, unless they exist."""
        if name in self.replaced:
            return
        self.replaced.add(name)
        table = numpy_helper.to_array(self.constants[name]).astype(np.float32)
        largest = np.abs(table).max(axis=1, keepdims=True)
        scale = np.maximum(largest, np.float32(1e-9)) / np.float32(127)
        self._constant(f"{name}/int8", round_to_nearest(table, scale))
        self._constant(f"{name}/scale", scale)

    def _op(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))

    def _constant(self, name: str, value: Any) -> None:
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
