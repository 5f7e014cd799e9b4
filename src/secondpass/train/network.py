"""The network as training runs it: its loss, pairs of similar length together, bfloat16 where the
device multiplies in it, and no dropout."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.errors import MissingExtraError
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.stages.score import Pair
from secondpass.train.config import Loss

try:
    import torch
    from sentence_transformers.cross_encoder import losses
    from sentence_transformers.util import batch_to_device
except ImportError as error:
    raise MissingExtraError("training a cross-encoder", "train") from error

WHOLE_STEP = -1
"""Tells the losses over lists not to split a step: `LengthBucketing` does."""


class LengthBucketing(torch.nn.Module):
    """Stands where a loss of sentence-transformers expects its model.

    Such a loss has its pairs tokenised (`preprocess`) and puts the result through the model. Here
    `preprocess` returns the pairs themselves, so that they are sorted by length before any is
    padded: a list's texts differ in length, and a batch of them is padded to its longest.

    Args:
        scorer: Holds the network, and the size of a batch (`token_budget`).
    """

    def __init__(self, scorer: TorchCrossEncoder) -> None:
        super().__init__()
        self.scorer, self.model = scorer, scorer.encoder

    @property
    def device(self) -> Any:
        """Of the network."""
        return self.model.device

    def preprocess(self, pairs: Sequence[Pair], **_: Any) -> dict[str, Any]:
        """The pairs as they are."""
        return {"pairs": list(pairs)}

    def forward(self, features: dict[str, Any]) -> dict[str, torch.Tensor]:
        """`scores` [pairs], in the order of the pairs."""
        indices: list[int] = []
        scores: list[torch.Tensor] = []
        for batch, inputs in self.scorer.batches(features["pairs"]):
            scores.append(self.model(batch_to_device(inputs, self.device))["scores"].view(-1))
            indices += batch
        original_order = torch.tensor(indices, device=self.device).argsort()
        return {"scores": torch.cat(scores)[original_order]}


def create_loss(loss: Loss, scorer: TorchCrossEncoder) -> Any:
    """A loss of sentence-transformers that puts its pairs through `LengthBucketing`."""
    if loss == "pointwise":
        module: Any = losses.BinaryCrossEntropyLoss(scorer.encoder)
    else:
        kind = losses.ListNetLoss if loss == "listnet" else losses.LambdaLoss
        module = kind(scorer.encoder, mini_batch_size=WHOLE_STEP)
    module.model = LengthBucketing(scorer)
    return module


def supports_bfloat16(device: str) -> bool:
    """Whether the device multiplies in bfloat16; a processor that emulates it is slower."""
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    names = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    checks = [getattr(torch.cpu, name, None) for name in names]
    return device == "cpu" and any(check is not None and check() for check in checks)


def disable_dropout(network: Any) -> None:
    """Set every dropout of a torch network to 0.

    On a processor, drawing the masks, and the slow attention that they require, takes 40 % of a
    step. The validation queries watch for overfitting instead.
    """
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout_prob", "dropout"):  # passed on to attention
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
