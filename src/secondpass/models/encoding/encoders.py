"""Pairs to the token ids that a model reads: together in one input, or query and text apart.

What does not fit is cut, and a note says so. Of a pair that is read together the text is cut, and
the query only where it does not fit by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import Note
from secondpass.models.encoding.tokenize import TextIds, tokenize
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt
    from tokenizers import Tokenizer

    Ids = npt.NDArray[np.int64]


OFFSET_POSITIONS = (
    "roberta", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "camembert", "mpnet",
    "longformer", "data2vec-text", "ibert", "xmod",
)  # fmt: skip
"""Model types whose positions start after the padding index: two fewer are for tokens."""


def check_max_length(max_length: object) -> None:
    """Refuse what is not a number of tokens.

    Raises:
        InvalidInputError: Not a whole number, or below 1.
    """
    if isinstance(max_length, bool) or not isinstance(max_length, int) or max_length < 1:
        raise InvalidInputError(
            f"max_length={max_length!r} must be a whole number of tokens, at least 1"
        )


def longest_input(max_length: int, config: Mapping[str, Any]) -> int:
    """`max_length`, or what the model (its config.json) has positions for, if that is less.

    Raises:
        InvalidInputError: `max_length` is not a number of tokens.
        ModelError: The config leaves no position for a token.
    """
    check_max_length(max_length)
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or config.get("position_biased_input") is False:
        return max_length  # DeBERTa's positions are relative: a text may have more tokens
    if config.get("model_type") in OFFSET_POSITIONS:
        positions -= 2
    if positions < 1:
        raise ModelError(
            "config.json of the model leaves no position for a token: "
            f"max_position_embeddings={config['max_position_embeddings']}"
        )
    return min(max_length, positions)


@dataclass(frozen=True, slots=True)
class PairIds:
    """One pair as token ids.

    Attributes:
        ids: Token ids, shape (length,).
        text_start: Where the second segment begins; it goes on to the end.
        note: What was cut, for the trail.
    """

    ids: Ids
    text_start: int
    note: Note


class PairEncoder:
    """Turns pairs into `PairIds` with a model's own template ([CLS] query [SEP] text [SEP], ...).

    The text is cut to fit `max_length`; the query only where it does not fit by itself.
    """

    def __init__(self, tokenizer: Tokenizer, max_length: int) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.tokenizer, self.max_length = tokenizer, max_length
        self.special = tokenizer.num_special_tokens_to_add(is_pair=True)
        if max_length <= self.special:
            raise ModelError(
                f"max_length={max_length} leaves no room beside {self.special} special tokens"
            )

    def __call__(self, pairs: Sequence[Pair]) -> list[PairIds]:
        """One `PairIds` per pair, in order. Each distinct query and text is tokenised once."""
        limit = self.max_length - self.special
        queries = tokenize(self.tokenizer, [q for q, _ in pairs], self.max_length)
        texts = tokenize(self.tokenizer, [t for _, t in pairs], self.max_length)
        templates = {q: self._template(ids, limit) for q, ids in queries.items()}
        return [_join(templates[q], texts[t]) for q, t in pairs]

    def _template(self, query: TextIds, limit: int) -> _Template:
        kept = query.ids[:limit]
        sample = self.tokenizer.encode("a", "b")  # any two words: only what is around them counts
        sequences = sample.sequence_ids
        if 0 not in sequences or 1 not in sequences:
            raise ModelError("this tokenizer.json has no template for pairs of texts")
        ids = np.array(sample.ids, dtype=np.int64)
        q0, q1 = sequences.index(0), len(sequences) - sequences[::-1].index(0)
        t0, t1 = sequences.index(1), len(sequences) - sequences[::-1].index(1)
        if q0 > t0:
            raise ModelError(
                "this tokenizer puts the text before the query, which is not supported"
            )
        before = np.concatenate([ids[:q0], kept, ids[q1:t0]])
        text_types = sample.type_ids[q1:t0]
        second = next((i for i, type_ in enumerate(text_types) if type_), len(text_types))
        return _Template(
            before=before,
            text_start=len(before) - len(text_types) + second,
            after=ids[t1:],
            text_room=limit - len(kept),
            note=query.cut_query_to(limit),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Template:
    """What surrounds every text of one query."""

    before: Ids
    text_start: int
    after: Ids
    text_room: int
    note: Note


def _join(template: _Template, text: TextIds) -> PairIds:
    ids = np.concatenate([template.before, text.ids[: template.text_room], template.after])
    note: Note = {**text.cut_to(template.text_room), **template.note}
    return PairIds(ids, template.text_start, note)


class SegmentEncoder:
    """Turns texts into ids with what the tokenizer puts around a single text ([CLS] text [SEP]).

    Args:
        tokenizer: Of the model.
        max_length: Longest input in tokens, prefix included.
        query_prefix: What a model such as E5 expects before each query.
        text_prefix: The same before each text.

    Raises:
        ModelError: `max_length` leaves no room for a text.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_length: int, query_prefix: str = "", text_prefix: str = ""
    ) -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        sample = tokenizer.encode("a")  # any word: only what is around it counts
        special = np.array(sample.special_tokens_mask)
        ids = np.array(sample.ids, dtype=np.int64)
        first, last = int(np.argmin(special)), len(ids) - int(np.argmin(special[::-1]))
        self.tokenizer, self.after = tokenizer, ids[last:]
        self.before_query, self.before_text = (
            np.concatenate([ids[:first], self._ids(prefix)])
            for prefix in (query_prefix, text_prefix)
        )
        longest = max(len(self.before_query), len(self.before_text))
        self.room = max_length - longest - len(self.after)
        if self.room < 1:
            raise ModelError(f"max_length={max_length} leaves no room for a text")

    def tokenize(self, texts: Sequence[str]) -> dict[str, TextIds]:
        """Each distinct text with its ids."""
        return tokenize(self.tokenizer, texts, self.room)

    def query_rows(self, queries: Mapping[str, TextIds]) -> list[tuple[str, Ids]]:
        """Each query, and what the model reads of it, shape (length,)."""
        return self._rows(queries, self.before_query)

    def text_rows(self, texts: Mapping[str, TextIds]) -> list[tuple[str, Ids]]:
        """Each text, and what the model reads of it, shape (length,)."""
        return self._rows(texts, self.before_text)

    def note(self, query: TextIds, text: TextIds) -> Note:
        """What is cut of a pair."""
        return {**text.cut_to(self.room), **query.cut_query_to(self.room)}

    def _rows(self, texts: Mapping[str, TextIds], before: Ids) -> list[tuple[str, Ids]]:
        return [
            (text, np.concatenate([before, ids.ids[: self.room], self.after]))
            for text, ids in texts.items()
        ]

    def _ids(self, prefix: str) -> Ids:
        encoded = self.tokenizer.encode(prefix.strip(), add_special_tokens=False)
        return np.array(encoded.ids, dtype=np.int64)
