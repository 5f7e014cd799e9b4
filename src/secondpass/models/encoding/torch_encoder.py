"""Pairs to what a sentence-transformers cross-encoder reads, tokenised in few large calls.

Fast tokenizers work on all processors in one call on many texts, and on one in a call on one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from tokenizers import Tokenizer

from secondpass.core.errors import ModelError
from secondpass.core.event import Note
from secondpass.models.encoding.encoders import PairEncoder, PairIds
from secondpass.models.encoding.tokenize import (
    CHARACTERS_AT_LEAST,
    CHARACTERS_PER_TOKEN,
    by_characters,
)
from secondpass.stages.score import Pair

EncodedBatch = dict[str, Any]
SAMPLES: tuple[Pair, ...] = (
    ("how to boil an egg", "Put it in boiling water, for eight minutes."),
    ("Äpfel und 2 Birnen?", "yes"),
    ("a", "The committee postponed the vote on the new railway until next spring (again)."),
)


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One pair, cut to fit.

    Attributes:
        length: Tokens of the whole input.
        note: What was cut, for the trail.
        pair: The query, and what is left of the text, where the model's template is in text.
        tokens: The token ids, where it is in ids.
    """

    length: int
    note: Note
    pair: Pair | None = None
    tokens: PairIds | None = None


class IdInputs:
    """For encoders whose template is a few special tokens: each text is tokenised once, cut as
    ids, and joined, so that nothing is tokenised again for its batch."""

    def __init__(self, pairing: PairEncoder, pad: int, types: bool, others: EncodedBatch) -> None:
        self.pairing, self.pad, self.types, self.others = pairing, pad, types, others

    def __call__(self, pairs: Sequence[Pair]) -> list[EncodedPair]:
        """Each pair cut to fit, in order."""
        return [EncodedPair(len(t.ids), t.note, tokens=t) for t in self.pairing(pairs)]

    def features(self, batch: Sequence[EncodedPair]) -> EncodedBatch:
        """What the model takes: int64 [batch, sequence] on the CPU, padded on the right."""
        shape = len(batch), max(r.length for r in batch)
        ids = torch.full(shape, self.pad, dtype=torch.int64)
        mask, types = torch.zeros_like(ids), torch.zeros_like(ids)
        for row, read in enumerate(batch):
            assert read.tokens is not None
            ids[row, : read.length] = torch.from_numpy(read.tokens.ids)
            mask[row, : read.length] = 1
            types[row, read.tokens.text_start : read.length] = 1
        made = {"input_ids": ids, "attention_mask": mask}
        return made | ({"token_type_ids": types} if self.types else {}) | self.others


def id_inputs(encoder: Any, limit: int) -> IdInputs | None:
    """`IdInputs` if they are exactly what `encoder.preprocess` makes of a few samples, else None.

    None for chat templates, prompts, padding on the left, slow tokenizers, and unpadded inputs.
    """
    tokenizer = encoder.tokenizer
    if not getattr(tokenizer, "is_fast", False) or tokenizer.pad_token_id is None:
        return None
    theirs = encoder.preprocess(list(SAMPLES))
    tensors = {k: v for k, v in theirs.items() if isinstance(v, torch.Tensor)}
    if not {"input_ids", "attention_mask"} <= set(tensors):
        return None
    others = {k: v for k, v in theirs.items() if k not in tensors}
    own = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())  # ours to set up differently
    try:
        pairing = PairEncoder(own, limit)
        made = IdInputs(pairing, tokenizer.pad_token_id, "token_type_ids" in tensors, others)
        ours = IdInputs(PairEncoder(own, 512), made.pad, made.types, others)
        features = ours.features(ours(SAMPLES))
    except ModelError:  # no template for pairs, or no room beside it
        return None
    same = {k for k, v in tensors.items() if k in features and torch.equal(v, features[k])}
    return made if same == set(tensors) else None


class TextInputs:
    """For every other model: the text is cut as text, and its own `preprocess` does the rest."""

    def __init__(self, encoder: Any, limit: int) -> None:
        self.encoder, self.limit = encoder, limit

    def __call__(self, pairs: Sequence[Pair], limit: int | None = None) -> list[EncodedPair]:
        """Each pair cut to fit `limit` tokens, or the model's own limit if that is less."""
        limit = self.limit if limit is None else min(limit, self.limit)
        frames = {q: self.length((q, "")) for q in dict.fromkeys(q for q, _ in pairs)}
        ends = self._ends([t for _, t in pairs])
        return [self._read(q, t, frames[q], ends[t], limit) for q, t in pairs]

    def cut(self, query: str, text: str, limit: int) -> str:
        """So much of the text that the pair has `limit` tokens; the query stays whole."""
        pair = self([(query, text)], limit)[0].pair
        assert pair is not None
        return pair[1]

    def features(self, batch: Sequence[EncodedPair]) -> EncodedBatch:
        """What the model takes, as its own `preprocess` makes it."""
        return dict(self.encoder.preprocess([r.pair for r in batch]))

    def _read(self, query: str, text: str, frame: int, ends: list[int], limit: int) -> EncodedPair:
        room = max(0, limit - frame)
        more = len(text) > self._characters()
        if len(ends) <= room and not more:
            return EncodedPair(frame + len(ends), {}, pair=(query, text))
        room = min(room, len(ends))
        kept = text[: ends[room - 1]] if room else ""
        note: Note = {"cut_tokens": len(ends) - room, "read_tokens": room}
        if more:
            note = {**note, "cut_is_a_lower_bound": True}
        return EncodedPair(frame + room, note, pair=(query, kept))

    def _ends(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """Where each token of each distinct text ends, in characters."""
        done: dict[str, list[int]] = {}
        most = self._characters()
        for part in by_characters(list(dict.fromkeys(texts)), most):
            encoded = self.encoder.tokenizer(
                [text[:most] for text in part], add_special_tokens=False,
                return_offsets_mapping=True, return_attention_mask=False, truncation=False,
                padding=False, verbose=False,
            )  # fmt: skip
            for text, offsets in zip(part, encoded["offset_mapping"], strict=True):
                done[text] = [end for _, end in offsets]
        return done

    def _characters(self) -> int:
        return max(self.limit * CHARACTERS_PER_TOKEN, CHARACTERS_AT_LEAST)

    def length(self, pair: Pair) -> int:
        """Tokens of a pair with the template around it."""
        features = self.encoder.preprocess([pair])
        mask = features.get("attention_mask")  # unpadded inputs have none
        return int(features["input_ids"].numel() if mask is None else mask.sum())
