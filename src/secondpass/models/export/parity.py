"""Whether an exported cross-encoder scores as the original does: the check behind `export`."""

from __future__ import annotations

import dataclasses
import inspect
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.encoding.encoders import longest_input
from secondpass.models.onnx.maxsim import PARTS
from secondpass.models.onnx.session import onnxruntime

try:
    import torch
except ImportError as error:
    raise MissingExtraError("exporting a model", "export") from error

FLOAT_TOLERANCE = 1e-3
"""Largest difference of a logit to torch's float32 that a float export may have."""
INT8_TOLERANCE = (0.05, 0.1)
"""The same for int8: a constant, plus a share of the spread of the original scores over SAMPLES."""
INPUTS = ("input_ids", "attention_mask", "token_type_ids")

_QUERY = "how do bees make honey"
SAMPLES: tuple[tuple[str, str, str], ...] = (
    ("answer", _QUERY, "Bees turn nectar into honey by drying it in the comb and adding enzymes."),
    ("other subject", _QUERY, "The bridge was closed to lorries after the inspection in spring."),
    ("empty text", _QUERY, ""),
    ("one word", "honey", "honey"),
    ("long", _QUERY, "A colony visits thousands of flowers, and nectar loses its water. " * 80),
    ("unicode", "Wie entsteht Honig? 蜂蜜", "Bienen sammeln Nektar, 蜜蜂采集花蜜 🐝 мёд."),
)
"""Name, query, text. Written for this purpose."""


@dataclasses.dataclass(frozen=True, slots=True)
class PairCheck:
    """One sample pair: its score by torch in float32, by the exported file, and the difference."""

    name: str
    original: float
    exported: float

    @property
    def difference(self) -> float:
        """Absolute."""
        return abs(self.original - self.exported)


@dataclasses.dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written and how close its scores are to the original's."""

    directory: Path
    source: str
    revision: str | None
    int8: bool
    size: int
    """Of the model file or files, in bytes."""
    tolerance: float
    """The largest difference that was allowed."""
    pairs: tuple[PairCheck, ...]

    @property
    def max_difference(self) -> float:
        """Largest absolute difference of a score over the sample pairs."""
        return max(pair.difference for pair in self.pairs)

    def to_dict(self) -> dict[str, Any]:
        """For JSON; without the directory, which means nothing elsewhere."""
        return {
            "source": self.source,
            "revision": self.revision,
            "int8": self.int8,
            "size": self.size,
            "tolerance": self.tolerance,
            "max_difference": self.max_difference,
            "pairs": [dataclasses.asdict(p) | {"difference": p.difference} for p in self.pairs],
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Original:
    """A model in torch, as it was loaded."""

    name: str
    network: Any
    tokenizer: Any
    inputs: list[str]
    """Those of INPUTS that the network takes."""


def inputs_of(network: Any, tokenizer: Any) -> list[str]:
    """Those of INPUTS that the model takes; it has no use for a segment table of one row."""
    takes = inspect.signature(network.forward).parameters
    types = getattr(network.config, "type_vocab_size", 2)
    names = [n for n in INPUTS if n in takes and n in tokenizer.model_input_names]
    return [n for n in names if n != "token_type_ids" or types > 1]


BY_TOKEN = ("token_vectors", "importance")
"""Those of `PARTS` that have a second axis, the sequence."""


class Logits(torch.nn.Module):
    """`network` as a function of the tensors `names`, giving float32 logits [batch, labels].

    A late-interaction model gives `PARTS` after them.
    """

    def __init__(self, network: Any, names: list[str]) -> None:
        super().__init__()
        self.network, self.names = network, names

    def forward(self, *tensors: Any) -> Any:
        output = self.network(**dict(zip(self.names, tensors, strict=True)), return_dict=True)
        parts = [output[name] for name in PARTS if name in output]
        return (output.logits.float(), *parts) if parts else output.logits.float()


def check_parity(
    original: Original, folder: Path, int8: bool
) -> tuple[tuple[PairCheck, ...], float]:
    """Scores of SAMPLES by both, and the tolerance that applied.

    Raises:
        ModelError: A score differs by more than that.
    """
    network, tokenizer, names = original.network, original.tokenizer, original.inputs
    # each side with its own tokenizer, so that this checks the tokenizer.json as well
    limit = longest_input(min(tokenizer.model_max_length, 512), network.config.to_dict())
    fast = Tokenizer.from_file(str(folder / "tokenizer.json"))
    fast.enable_truncation(limit, strategy="only_second")
    pad = tokenizer.pad_token_id or 0
    fast.enable_padding(pad_id=pad, pad_token=tokenizer.pad_token or "[PAD]")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        folder / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    # all in one padded batch here, one by one in torch: this checks the mask and the axes too
    encoded = fast.encode_batch([(query, text) for _, query, text in SAMPLES])
    columns = zip(*((e.ids, e.attention_mask, e.type_ids) for e in encoded), strict=True)
    arrays = zip(INPUTS, (np.array(column, dtype=np.int64) for column in columns), strict=True)
    exported = session.run(["logits"], {n: array for n, array in arrays if n in names})[0]
    pairs = []
    for (name, query, text), row in zip(SAMPLES, exported, strict=True):
        inputs = tokenizer(
            [query], [text], truncation="only_second", max_length=limit, return_tensors="pt"
        )
        with torch.no_grad():
            logits = network(**{n: inputs[n] for n in names}, return_dict=True).logits.numpy()
        pairs.append(PairCheck(name, _score(logits[0]), _score(row)))
    scores = [pair.original for pair in pairs]
    floor, share = INT8_TOLERANCE
    tolerance = floor + share * (max(scores) - min(scores)) if int8 else FLOAT_TOLERANCE
    worst = max(pairs, key=lambda pair: pair.difference)
    if not worst.difference <= tolerance:  # a NaN is not
        raise ModelError(
            f"the exported {original.name!r} scores the {worst.name!r} pair "
            f"{worst.exported:.5f} and the original {worst.original:.5f}: "
            f"more than {tolerance:.3g} apart. Nothing was written; "
            + ("export it without int8" if int8 else f"use it as 'cross-encoder:{original.name}'")
        )
    return tuple(pairs), tolerance


def _score(row: Any) -> float:
    """Of logits [1] or [2]; two labels give the difference."""
    return float(row[0]) if len(row) == 1 else float(row[1] - row[0])
