"""int8 products are exact on every processor: computed from the files, whatever runs here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from secondpass.models.builtin import FOLDER
from secondpass.models.builtin.model import Builtin
from secondpass.models.onnx import session
from secondpass.models.onnx.onnx_file import open_mapped
from secondpass.models.onnx.session import (
    LARGEST_CODE,
    PROBE,
    Int8SaturationWarning,
    product_weights,
    saturating_weights,
    warn_of_saturation,
)

HERE = Path(__file__).parent
CORPUS = HERE.parents[1] / "cookbook/corpus.jsonl"
Codes = npt.NDArray[np.int8]


def _weights(path: Path) -> dict[str, Codes]:
    with open_mapped(path) as model:
        return dict(product_weights(model))


def _vpmaddubsw(activations: npt.NDArray[np.uint8], codes: Codes) -> npt.NDArray[np.int64]:
    """The sum of products as a processor without VNNI makes it: pairs add up in 16 bits."""
    products = activations.astype(np.int64) * codes.astype(np.int64)
    pairs = products.reshape(-1, 2).sum(axis=1).clip(-(2**15), 2**15 - 1)
    total: npt.NDArray[np.int64] = pairs.sum()
    return total


def _wrong(codes: Codes, activations: Sequence[npt.NDArray[np.uint8]]) -> int:
    even = codes[: len(codes) // 2 * 2]
    return sum(
        int(_vpmaddubsw(a[: len(even)], even) != a[: len(even)].astype(np.int64) @ even)
        for a in activations
    )


def _activations(length: int) -> list[npt.NDArray[np.uint8]]:
    chance = np.random.default_rng(0)
    return [np.full(length, 255, np.uint8), chance.integers(0, 256, length, dtype=np.uint8)]


def test_no_product_of_the_built_in_model_saturates() -> None:
    weights = _weights(FOLDER / "model.onnx")
    assert len(weights) == 36
    assert saturating_weights(FOLDER / "model.onnx") == []
    for codes in weights.values():
        # neighbours in the file, and the largest two side by side: however a kernel packs them
        for row in (codes[:3072], np.sort(codes)[-3072:], np.sort(codes)[:3072]):
            assert _wrong(row, _activations(len(row))) == 0


def test_what_saturates_is_seen() -> None:
    ((name, codes),) = _weights(PROBE).items()
    assert saturating_weights(PROBE) == [name]
    assert _wrong(codes, _activations(len(codes))) == 2


@pytest.mark.parametrize("fitted", [False, True], ids=["nearest", "fitted"])
def test_what_quantising_writes_is_exact(fitted: bool, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    from secondpass.models.export.quantise import quantise

    chance = np.random.default_rng(0)
    weight = chance.normal(size=(96, 64)).astype(np.float32) * 10 ** chance.normal(size=(1, 64))
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("MatMul", ["x", "w"], ["y"])],
        "product",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, ["rows", 96])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["rows", 64])],
        [onnx.numpy_helper.from_array(weight.astype(np.float32), "w")],
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    seen = chance.normal(size=(500, 96)) ** 3
    file = tmp_path / "model.onnx"
    onnx.save(quantise(model, {"w": seen.T @ seen} if fitted else None), file)
    ((_, codes),) = _weights(file).items()
    assert np.abs(codes.astype(int)).max() == LARGEST_CODE
    assert saturating_weights(file) == []


def test_the_probe_is_what_it_says() -> None:
    onnx = pytest.importorskip("onnx")
    (node,) = onnx.load(PROBE).graph.node
    assert (node.op_type, list(node.input)) == ("MatMulInteger", ["activations", "weights"])
    ((_, codes),) = _weights(PROBE).items()
    assert codes.tolist() == [127] * 64 * 16


def test_a_foreign_int8_file_is_warned_of_where_it_saturates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "kernels_saturate", lambda: True)
    with pytest.warns(Int8SaturationWarning, match=r"weights and 0 more.*secondpass export"):
        warn_of_saturation(PROBE)
    warn_of_saturation(FOLDER / "model.onnx")
    monkeypatch.setattr(session, "kernels_saturate", lambda: False)
    warn_of_saturation(PROBE)


def test_stored_pairs_score_the_same_on_every_processor() -> None:
    """In logits. Sums of int8 products are exact; what may differ is how floats are rounded."""
    rows = json.loads((HERE / "stored_scores.json").read_text("utf-8"))
    lines = CORPUS.read_text("utf-8").split("\n")
    texts = {p["id"]: p["text"] for p in map(json.loads, filter(None, lines))}
    assert len(rows) == 200
    scores = Builtin().score([(row["query"], texts[row["passage"]]) for row in rows])
    assert np.abs(np.array(scores) - [row["score"] for row in rows]).max() <= 0.02
