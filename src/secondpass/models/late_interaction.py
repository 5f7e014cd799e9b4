"""A BERT that reads query and text separately and matches every query token with its best token.

One input, `[CLS] query [SEP] [CLS] text [SEP]`, as a cross-encoder takes it, but attention stays
inside each segment and positions begin anew in the second, so each segment is encoded exactly as
if it were alone. The score is a weighted mean, over the query's tokens, of the cosine to the most
similar text token (MaxSim: Khattab & Zaharia 2020, "ColBERT", arXiv:2004.12832), plus the cosine of
the segments' means and an offset that depends on the query only. So a bi-encoder becomes a
reranker before any training, and its vectors of a text can be kept.

With a `sharpness` s the best match is the soft maximum of the cosines, log(sum exp(s cosine)) / s:
a text with several good matches of a token beats one with a single match.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from secondpass.core.errors import MissingExtraError

try:
    import torch
    from torch.nn import functional
    from transformers import (
        AutoConfig,
        AutoModelForSequenceClassification,
        BertConfig,
        BertModel,
        BertPreTrainedModel,
    )
    from transformers.modeling_outputs import SequenceClassifierOutput
except ImportError as error:
    raise MissingExtraError("a late-interaction model in torch", "torch") from error

START_SCALE, START_OFFSET = 20.0, -14.0
"""Of the logit before training: cosines of all-MiniLM-L6-v2's best matches lie around 0.7."""


class LateInteractionConfig(BertConfig):
    """A BERT configuration under a name of its own.

    Attributes:
        sharpness: Of the soft maximum over a text's tokens; 0 for the maximum itself.
    """

    model_type = "late-interaction-bert"
    sharpness: float = 0.0


@dataclass
class LateInteractionOutput(SequenceClassifierOutput):
    """Logits [batch, 1] of pairs, and what they are made of.

    For a lone segment (token_type_ids of 0) the parts are all that a score needs of it, so that a
    text can be encoded once for every query: `secondpass.models.onnx.maxsim`.

    Attributes:
        token_vectors: Of length 1, [batch, sequence, hidden].
        mean: Of the first segment, of length 1, [batch, hidden].
        importance: How much each token counts, before the softmax, [batch, sequence].
        offset: What the query adds to the logit, [batch].
    """

    token_vectors: torch.Tensor | None = None
    mean: torch.Tensor | None = None
    importance: torch.Tensor | None = None
    offset: torch.Tensor | None = None


class LateInteractionBert(BertPreTrainedModel):
    """Scores pairs with one logit, see the module.

    Args:
        config: Sizes as for BERT. The second row of the segment table is never used.
    """

    config_class = LateInteractionConfig

    def __init__(self, config: LateInteractionConfig) -> None:
        super().__init__(config)
        self.num_labels = 1
        self.bert = BertModel(config, add_pooling_layer=False)
        self.importance = torch.nn.Linear(config.hidden_size, 1, bias=False)
        self.offset = torch.nn.Linear(config.hidden_size, 1)
        self.scales = torch.nn.Parameter(torch.tensor([START_SCALE, 0.0]))
        self.post_init()

    @classmethod
    def from_bi_encoder(cls, folder: str) -> LateInteractionBert:
        """The weights of a BERT bi-encoder, and a head that adds nothing to them yet."""
        network: LateInteractionBert = cls(LateInteractionConfig.from_pretrained(folder))
        network.config.num_labels = 1
        network.config.architectures = [cls.__name__]
        network.bert = BertModel.from_pretrained(folder, add_pooling_layer=False)
        with torch.no_grad():
            network.importance.weight.zero_()
            network.offset.weight.zero_()
            network.offset.bias.fill_(START_OFFSET)
        return network

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor,
        token_type_ids: torch.Tensor,
        labels: torch.Tensor | None = None,
        return_dict: bool | None = None,
    ) -> LateInteractionOutput:
        """Of padded pairs, each argument int64 [batch, sequence]."""
        second = token_type_ids * attention_mask
        first = attention_mask - second
        index = torch.cumsum(torch.ones_like(input_ids), 1) - 1
        positions = index - second * first.sum(1, keepdim=True)
        apart = token_type_ids[:, None, :, None] != token_type_ids[:, None, None, :]
        hidden = self._encode(input_ids, attention_mask, positions, apart)
        vectors = functional.normalize(hidden, dim=-1)
        cosines = vectors @ vectors.transpose(1, 2)
        best = self._best(cosines + _closed(second[:, None, :], cosines.dtype))
        importance = self.importance(hidden).squeeze(-1)
        mean = self._mean(hidden, first)
        offset = self.offset(mean).squeeze(-1)
        late = self._late(importance, first, best)
        logits = self._logits(late, mean, self._mean(hidden, second), offset)
        loss = None
        if labels is not None:
            loss = functional.binary_cross_entropy_with_logits(logits, labels.to(logits.dtype))
        return LateInteractionOutput(
            loss=loss,
            logits=logits[:, None],
            token_vectors=vectors,
            mean=mean,
            importance=importance,
            offset=offset,
        )

    def encode(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Token vectors [batch, sequence, hidden] of single segments, as inside a pair."""
        return self._encode(input_ids, attention_mask, None, None)

    def scores(
        self,
        queries: torch.Tensor,
        query_mask: torch.Tensor,
        texts: torch.Tensor,
        text_mask: torch.Tensor,
    ) -> torch.Tensor:
        """Logits [queries, texts] of every query with every text, from what `encode` made."""
        q, t = functional.normalize(queries, dim=-1), functional.normalize(texts, dim=-1)
        cosines = torch.einsum("qih,tjh->qtij", q, t)
        best = self._best(cosines + _closed(text_mask[None, :, None, :], cosines.dtype))
        importance = self.importance(queries).squeeze(-1)
        late = self._late(importance[:, None], query_mask[:, None], best)
        mean = self._mean(queries, query_mask)
        text_mean = self._mean(texts, text_mask)
        return self._logits(late, mean[:, None], text_mean[None], self.offset(mean))

    def _encode(
        self,
        ids: torch.Tensor,
        mask: torch.Tensor,
        positions: torch.Tensor | None,
        apart: torch.Tensor | None,
    ) -> torch.Tensor:
        hidden: torch.Tensor = self.bert.embeddings(
            input_ids=ids, position_ids=positions, token_type_ids=torch.zeros_like(ids)
        )
        closed = _closed(mask[:, None, None, :], hidden.dtype)
        if apart is not None:
            closed = closed.masked_fill(apart, torch.finfo(hidden.dtype).min)
        for layer in self.bert.encoder.layer:
            hidden = layer(hidden, closed)
        return hidden

    def _logits(
        self,
        late: torch.Tensor,
        query_mean: torch.Tensor,
        text_mean: torch.Tensor,
        offset: torch.Tensor,
    ) -> torch.Tensor:
        """From the weighted best matches and the means [..., hidden] to logits [...]."""
        whole = (query_mean * text_mean).sum(-1)
        logits: torch.Tensor = self.scales[0] * late + self.scales[1] * whole + offset
        return logits

    def _best(self, cosines: torch.Tensor) -> torch.Tensor:
        """How well each query token is matched, from its cosines [..., text tokens]."""
        largest = cosines.max(-1, keepdim=True).values
        best: torch.Tensor = largest.squeeze(-1)
        if sharpness := self.config.sharpness:
            above = ((cosines - largest) * sharpness).exp().sum(-1).log()
            best = best + above / sharpness
        return best

    @staticmethod
    def _late(importance: torch.Tensor, mask: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
        """The mean of the best matches [..., query tokens], weighted."""
        weights = (importance + _closed(mask, importance.dtype)).softmax(-1)
        late: torch.Tensor = (weights * best).sum(-1)
        return late

    @staticmethod
    def _mean(hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        weights = mask[..., None].to(hidden.dtype)
        mean = (hidden * weights).sum(-2) / weights.sum(-2).clamp(min=1)
        return functional.normalize(mean, dim=-1)


def _closed(mask: torch.Tensor, dtype: torch.dtype) -> Any:
    """What is added to a softmax: 0 where the mask is 1, the lowest number where it is 0."""
    return (1 - mask).to(dtype) * torch.finfo(dtype).min


AutoConfig.register(LateInteractionConfig.model_type, LateInteractionConfig, exist_ok=True)
AutoModelForSequenceClassification.register(
    LateInteractionConfig, LateInteractionBert, exist_ok=True
)
