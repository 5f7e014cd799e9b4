"""Who takes part. A new variant of ours is one line in OURS: name, model string, options, weights.

In a model string {hf}, {onnx} and {int8} stand for the folders with the weights.
"""

from __future__ import annotations

from typing import Any

from speed.contender import Contender, Weights

DEFAULT = "sentence-transformers float32"
"""Every ratio is to this one: the most used library as it comes."""
FLASHRANK = {"onnx": "FlashRank float32", "int8": "FlashRank int8"}
"""FlashRank on the same ONNX file as ours."""

_OPENVINO = ("openvino",)
_BFLOAT16 = {"precision": "bfloat16"}
_BOTH = {"precision": "int8-bfloat16"}
OURS: tuple[tuple[str, str, dict[str, Any], Weights, tuple[str, ...]], ...] = (
    # name, model string, options, weights, modules needed
    ("secondpass onnx float32", "onnx:{onnx}", {}, "onnx", ()),
    ("secondpass onnx int8", "onnx:{int8}", {}, "int8", ()),
    ("secondpass openvino float32", "openvino:{onnx}", {"precision": "float32"}, "onnx", _OPENVINO),
    ("secondpass openvino bfloat16", "openvino:{onnx}", _BFLOAT16, "onnx", _OPENVINO),
    ("secondpass openvino int8", "openvino:{int8}", {"precision": "int8"}, "int8", _OPENVINO),
    ("secondpass openvino int8-bfloat16", "openvino:{int8}", _BOTH, "int8", _OPENVINO),
    ("secondpass builtin", "builtin", {}, "own", ()),
)  # fmt: skip

_SENTENCE_TRANSFORMERS = ("sentence_transformers", "torch")
_OPTIMUM = (
    "{} needs an older transformers than the newest, which other rows use; give it a Python of its "
    "own, see README.md (--python)"
)
PEERS = (
    Contender(DEFAULT, "of_sentence_transformers", "hf", {}, _SENTENCE_TRANSFORMERS),
    Contender(
        "sentence-transformers bfloat16", "of_sentence_transformers", "hf",
        {"dtype": "bfloat16"}, _SENTENCE_TRANSFORMERS,
    ),
    Contender(
        "sentence-transformers onnx", "of_sentence_transformers", "hf", {"backend": "onnx"},
        (*_SENTENCE_TRANSFORMERS, "optimum.onnxruntime"), _OPTIMUM.format("optimum-onnx"),
    ),
    Contender(
        "sentence-transformers openvino", "of_sentence_transformers", "hf",
        {"backend": "openvino"},
        (*_SENTENCE_TRANSFORMERS, "optimum.intel"), _OPTIMUM.format("optimum-intel"),
    ),
    Contender("FlashRank float32", "of_flashrank", "onnx", {}, ("flashrank",)),
    Contender("FlashRank int8", "of_flashrank", "int8", {}, ("flashrank",)),
    Contender("rerankers", "of_rerankers", "hf", {}, ("rerankers", "torch", "transformers")),
    Contender(
        "LlamaIndex SentenceTransformerRerank", "of_llama_index", "hf", {},
        ("llama_index.core", *_SENTENCE_TRANSFORMERS),
    ),
    Contender(
        "Haystack SentenceTransformersSimilarityRanker", "of_haystack", "hf", {},
        ("haystack", "haystack_integrations.components.rankers.sentence_transformers"),
    ),
)  # fmt: skip


def roster() -> tuple[Contender, ...]:
    """All rows, peers first, the default of them at the head."""
    ours = tuple(
        Contender(name, "secondpass", weights, {"model": model, "options": options}, needs)
        for name, model, options, weights, needs in OURS
    )
    return PEERS + ours
