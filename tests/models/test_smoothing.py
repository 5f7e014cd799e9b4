"""Outliers of a normalisation go over to the weights, and the product stays what it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnx")

import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from secondpass.models.export.int8_calibration import second_moments, smoothing_factors
from secondpass.models.export.quantise import products, quantise

Floats = npt.NDArray[Any]
WIDTH = 96


def normalised(uses: list[tuple[str, str]], weights: dict[str, Floats]) -> Any:
    """x and z, normalised so that two channels are outliers, times weights: (input, weight)."""
    gain = np.ones(WIDTH, np.float32)
    gain[[3, 50]] = 30, -15
    nodes = [
        helper.make_node("LayerNormalization", [name, "gain"], [f"n{name}"], axis=-1)
        for name in ("x", "z")
    ]
    nodes += [
        helper.make_node("MatMul", [f"n{given}", weight], [f"{given}{weight}"])
        for given, weight in uses
    ]
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "normalised",
        [info(n, TensorProto.FLOAT, ["batch", "tokens", WIDTH]) for n in ("x", "z")],
        [info(g + w, TensorProto.FLOAT, ["batch", "tokens", 64]) for g, w in uses],
        [numpy_helper.from_array(v, n) for n, v in {**weights, "gain": gain}.items()],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def weight(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(WIDTH, 64)).astype(np.float32)


@pytest.fixture
def feed() -> dict[str, Floats]:
    g = np.random.default_rng(0)
    return {n: g.normal(size=(1, 200, WIDTH)).astype(np.float32) for n in ("x", "z")}


def error(model: Any, float_model: Any, feed: dict[str, Floats]) -> float:
    """Root mean square of the difference to float, over all outputs."""
    made = [
        onnxruntime.InferenceSession(m.SerializeToString()).run(None, feed)
        for m in (model, float_model)
    ]
    return float(np.sqrt(np.mean([np.square(a - b).mean() for a, b in zip(*made, strict=True)])))


def test_factors_even_out_what_is_quantised() -> None:
    g = np.random.default_rng(1)
    activation = g.normal(size=(500, WIDTH))
    activation[:, 7] *= 40
    made = smoothing_factors(weight(0), activation.T @ activation)
    spread = np.abs(activation / made).max(0)
    assert spread.max() / np.median(spread) < 5 < 30 < np.abs(activation).max() / 3
    assert made[7] == made.max()
    assert np.exp(np.log(made).mean()) == pytest.approx(1, rel=1e-4)


def test_channels_that_are_never_used_or_never_read_stay_finite() -> None:
    read, moment = weight(0), np.eye(WIDTH)
    read[2], moment[5, 5] = 0, 0
    for made in (
        smoothing_factors(read, moment),
        smoothing_factors(0 * read, moment),
        smoothing_factors(read, 0 * moment),
    ):
        assert np.isfinite(made).all()
        assert (made > 0).all()


def test_a_smoothed_graph_is_closer_and_shares_what_it_quantised(
    feed: dict[str, Floats], tmp_path: Path
) -> None:
    model = normalised([("x", "a"), ("x", "b")], {"a": weight(1), "b": weight(2)})
    found = second_moments(model, products(model), [feed], tmp_path)
    smoothed = quantise(model, found)
    assert [n.op_type for n in smoothed.graph.node].count("QuantizeLinear") == 1
    # weights of 7 bits have their own share of the error, which smoothing leaves
    assert error(smoothed, model, feed) < 0.6 * error(quantise(model), model, feed)


def test_a_weight_that_two_layers_share_is_left_as_it_is(
    feed: dict[str, Floats], tmp_path: Path
) -> None:
    model = normalised([("x", "a"), ("z", "a")], {"a": weight(1)})
    found = second_moments(model, products(model), [feed], tmp_path)
    smoothed = quantise(model, found)
    assert not any(n.name.endswith("/smoothed") for n in smoothed.graph.node)
    assert error(smoothed, model, feed) < 1.1 * error(quantise(model), model, feed)
