"""All pairs of a training step through the network, those of like length together.

A list's texts differ in length, and a chunk of them is padded to its longest: sorted first, the
step pads little.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.errors import MissingExtraError
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.stages.score import Pair

try:
    import torch
    from sentence_transformers.util import batch_to_device
except ImportError as error:
    raise MissingExtraError("training a cross-encoder", "train") from error


class LikeLengths(torch.nn.Module):
    """Stands where a loss of sentence-transformers expects its model.

    Such a loss has its pairs read (`preprocess`) and puts what comes back through the model; here
    that is the pairs themselves, so that they are sorted before anything is padded.

    Args:
        scorer: Holds the network, and says how much is read at once (`token_budget`).
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
        """`scores` [pairs], in the order in which the pairs were given."""
        places: list[int] = []
        scores: list[torch.Tensor] = []
        for batch, given in self.scorer.batches(features["pairs"]):
            scores.append(self.model(batch_to_device(given, self.device))["scores"].view(-1))
            places += batch
        back = torch.tensor(places, device=self.device).argsort()
        return {"scores": torch.cat(scores)[back]}
