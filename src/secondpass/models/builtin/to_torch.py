"""The weights of an ONNX folder back in torch, so that what ships as int8 can be fine-tuned.

An exported graph says in the names of its nodes which module each came from
(``/network/bert/encoder/layer.0/attention/self/query/MatMul``). Each linear map, table and
normalisation of a fresh network takes its weights from the nodes of the same module; int8 ones are
multiplied by their scales and freed of their smoothing (see `secondpass.models.export.quantise`),
so they keep its rounding.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.builtin import FOLDER

try:
    import onnx
    import torch
    from onnx import numpy_helper
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        PreTrainedTokenizerFast,
    )

    import secondpass.models.late_interaction  # noqa: F401 - registers its class
    from secondpass.models.export.parity import Original, check_parity, inputs_of
except ImportError as error:
    raise MissingExtraError("taking the built-in model's weights into torch", "export") from error

_MAKE: Any = AutoModelForSequenceClassification
_SKIPPED = ("network", "bert", "encoder")
"""Parts of a module's path that some graphs have and others lack, by who called the layer."""


def write_torch(target: str | os.PathLike[str], source: str | os.PathLike[str] = FOLDER) -> Path:
    """Write the model of an ONNX folder as a transformers folder, checked against the graph.

    Args:
        target: Folder to write model.safetensors, config.json and the tokenizer to.
        source: A folder that `secondpass.models.export.export.export` wrote from a BERT or a
            late-interaction model, int8 or not; the built-in model's if not given.

    Returns:
        `target`, which `load("cross-encoder:...")` takes.

    Raises:
        ModelError: The graph lacks weights of the network that config.json describes, or the
            network's scores are not those of the graph.
        MissingExtraError: torch, sentence-transformers or onnx is not installed.
    """
    source, target = Path(source), Path(target)
    try:
        config = AutoConfig.from_pretrained(source, local_files_only=True)
        network = _MAKE.from_config(config)
        graph = _OnnxGraph(onnx.load(source / "model.onnx"))
    except (OSError, ValueError) as error:
        raise ModelError(f"cannot read the model in {os.fspath(source)!r}: {error}") from error
    weights = graph.weights(network)
    if hasattr(config, "scales"):  # of a late interaction, which matches outside the graph too
        weights["scales"] = torch.tensor(config.scales)
        del network.config.scales  # a copy, which training would leave behind
    state = network.state_dict()
    missing = sorted(state.keys() - weights.keys())
    wrong = sorted(n for n in weights if n in state and state[n].shape != weights[n].shape)
    if missing or wrong:
        raise ModelError(
            f"the graph in {os.fspath(source)!r} does not hold the weights of a "
            f"{config.model_type}: {', '.join((missing or wrong)[:4])}"
        )
    network.load_state_dict(weights)
    network.eval()
    # the file holds the pair template too, so one class serves both kinds of model
    backend = Tokenizer.from_file(str(source / "tokenizer.json"))
    tokenizer = wrap_tokenizer(backend, min(512, config.max_position_embeddings))
    try:
        check_parity(
            Original(str(source), network, tokenizer, inputs_of(network, tokenizer)), source, True
        )
    except ModelError as error:
        raise ModelError(
            f"the torch weights taken from {os.fspath(source)!r} do not score as it does: {error}"
        ) from error
    network.save_pretrained(target)
    tokenizer.save_pretrained(target)
    return target


def pair_tokenizer(tokenizer: Any) -> PreTrainedTokenizerFast:
    """A BERT tokenizer that gives the second segment of a pair a [CLS] of its own.

    Saved and loaded again it stays so, which transformers' BertTokenizer does not: that one
    rebuilds BERT's template.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [CLS]:1 $B:1 [SEP]:1",
        special_tokens=[(t, backend.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return wrap_tokenizer(backend)


def wrap_tokenizer(backend: Tokenizer, longest: int = 512) -> PreTrainedTokenizerFast:
    """A tokenizer with BERT's special tokens for transformers, its template left alone."""
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        model_max_length=longest,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )


class _OnnxGraph:
    """An exported graph, by the modules that its nodes came from."""

    def __init__(self, model: Any) -> None:
        self.constants = {tensor.name: tensor for tensor in model.graph.initializer}
        self.same = {n.output[0]: n.input[0] for n in model.graph.node if n.op_type == "Identity"}
        self.nodes_of: dict[str, list[Any]] = {}
        for node in model.graph.node:
            if node.output[0].startswith("/network/"):
                self.nodes_of.setdefault(_module_path(node.output[0].split("/")[:-1]), []).append(
                    node
                )
                # the quantiser adds one or two parts behind the name of the output it replaces
                whole = re.sub(r"_output_0/.*$", "_output_0", node.output[0])
                if whole != node.output[0]:
                    self.nodes_of.setdefault(_module_path(whole.split("/")[:-1]), []).append(node)

    def weights(self, network: torch.nn.Module) -> dict[str, torch.Tensor]:
        """Weights by their names in `network.state_dict()`, as far as the graph has them."""
        weights: dict[str, Any] = {}
        for name, module in network.named_modules():
            nodes = self.nodes_of.get(_module_path(re.sub(r"\.(\d+)", r":\1", name).split(".")), [])
            if isinstance(module, torch.nn.Linear):
                weights |= {f"{name}.{k}": v for k, v in self._linear(nodes).items()}
            elif isinstance(module, torch.nn.Embedding):
                weights |= {f"{name}.weight": v for v in self._constants(nodes, "Gather", 0)}
            elif isinstance(module, torch.nn.LayerNorm):
                weights |= {
                    f"{name}.weight": v for v in self._constants(nodes, "LayerNormalization", 1)
                }
                weights |= {
                    f"{name}.bias": v for v in self._constants(nodes, "LayerNormalization", 2)
                }
        return {name: torch.from_numpy(np.array(v, np.float32)) for name, v in weights.items()}

    def _linear(self, nodes: list[Any]) -> dict[str, Any]:
        parts: dict[str, Any] = {}
        for weight in self._constants(nodes, "MatMul", 1):
            parts["weight"] = weight.T
        for node in nodes:
            if node.op_type == "MatMulIntegerToFloat":
                parts["weight"] = (self._value(node.input[1]) * self._factor(node.input[0])).T
        for weight in self._constants(nodes, "Gemm", 1):
            parts["weight"] = weight  # torch exports it with transB
        for kind, index in (("Add", 0), ("Add", 1), ("Gemm", 2)):
            for bias in self._constants(nodes, kind, index):
                parts["bias"] = bias
        return parts

    def _constants(self, nodes: list[Any], kind: str, index: int) -> list[Any]:
        """The constants that nodes of a kind take as input number `index`."""
        names = [n.input[index] for n in nodes if n.op_type == kind and len(n.input) > index]
        values = [self._value(name) for name in names]
        return [v for v in values if v is not None and v.ndim]

    def _factor(self, quantised: str) -> Any:
        """What an activation was multiplied by, so that weights were divided by it: [K, 1]."""
        name = quantised.removesuffix("/int8") + "/factor"
        return self._value(name)[:, None] if name in self.constants else 1.0

    def _value(self, name: str) -> Any:
        """A constant as float32, whatever it is stored as; None for what is computed."""
        name = self.same.get(name, name)
        if name.endswith("/scale") and name in self.constants:
            return None  # read together with its /int8
        if name not in self.constants:
            return None
        value = numpy_helper.to_array(self.constants[name])
        if not name.endswith("/int8"):
            return value.astype(np.float32)
        scale = numpy_helper.to_array(self.constants[name.removesuffix("/int8") + "/scale"])
        return value.astype(np.float32) * scale


def _module_path(parts: list[str]) -> str:
    """A module's path, comparable between a graph's scopes and torch's names."""
    joined = "/".join(parts).replace(".", ":")
    return "/".join(p for p in joined.split("/") if p and p not in _SKIPPED)
