"""Int8 codes that keep a layer's sums, where the nearest ones undo what training did."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

pytest.importorskip("onnx")

from onnx import TensorProto, helper, numpy_helper

from secondpass.models.export.int8_calibration import (
    round_compensated,
    round_to_nearest,
    second_moments,
)
from secondpass.models.export.quantise import products, quantise

Floats = npt.NDArray[Any]


@pytest.fixture
def activations() -> Floats:
    """[tokens, 192], as alike as those of a network: 24 directions make most of them."""
    g = np.random.default_rng(0)
    made = g.normal(size=(2_000, 24)) @ g.normal(size=(24, 192)) + 0.3 * g.normal(size=(2_000, 192))
    return made.astype(np.float32)


def trained_a_little(g: np.random.Generator) -> tuple[Floats, Floats, Floats]:
    """Weights on the int8 grid, the same after steps smaller than half of it, and its scale."""
    start = g.integers(-126, 127, (192, 40))
    start[0] = 127  # of every column the largest, which stays: so the grid does too
    scale = g.uniform(0.001, 0.002, 40).astype(np.float32)
    step = g.uniform(-0.4, 0.4, (192, 40))
    step[0] = 0
    return start * scale, ((start + step) * scale).astype(np.float32), scale


def test_nearest_codes_undo_small_steps_and_compensated_ones_keep_them(activations: Floats) -> None:
    before, after, scale = trained_a_little(np.random.default_rng(1))
    wanted = activations @ after - activations @ before
    assert round_to_nearest(after, scale) * scale == pytest.approx(before, rel=1e-5)
    moment = (activations.T @ activations).astype(np.float64)
    kept = activations @ (round_compensated(after, scale, moment) * scale - before)
    assert np.square(kept - wanted).mean() < 0.2 * np.square(wanted).mean()


def test_on_activations_that_have_nothing_in_common_both_are_the_same() -> None:
    _, after, scale = trained_a_little(np.random.default_rng(2))
    assert np.array_equal(
        round_compensated(after, scale, np.eye(192)), round_to_nearest(after, scale)
    )


@pytest.mark.parametrize("moment", [np.zeros((192, 192)), np.ones((192, 192))])
def test_activations_that_say_little_break_nothing(moment: Floats) -> None:
    _, after, scale = trained_a_little(np.random.default_rng(3))
    codes = round_compensated(after, scale, moment)
    assert np.abs(codes * scale - after).max() < 127 * scale.max()


def test_a_graph_is_quantised_with_the_moments_of_its_activations(
    activations: Floats, tmp_path: Path
) -> None:
    _, weight, _ = trained_a_little(np.random.default_rng(4))
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["y"])], "one",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", 192])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", "tokens", 40])],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert products(model) == {"w": "x"}
    assert second_moments(model, {}, [{"x": activations[None]}], tmp_path) == {}
    feeds = [{"x": rows[None]} for rows in np.split(activations, 20)]
    found = second_moments(model, products(model), feeds, tmp_path)
    assert found["w"] == pytest.approx(activations.T @ activations, rel=1e-3, abs=1)

    made = {c.name: numpy_helper.to_array(c) for c in quantise(model, found).graph.initializer}
    assert np.array_equal(made["w/int8"], round_compensated(weight, made["w/scale"], found["w"]))
    rounded = {c.name: numpy_helper.to_array(c) for c in quantise(model).graph.initializer}
    assert np.array_equal(rounded["w/int8"], round_to_nearest(weight, rounded["w/scale"]))
