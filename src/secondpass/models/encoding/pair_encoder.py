"""Pairs of texts to the ids that a joint model reads: the query whole, the text cut to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import Note
from secondpass.models.encoding.tokenize import TextIds, tokenize
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Tokenizer

    Ids = npt.NDArray[np.int64]


OFFSET_POSITIONS = (
    "roberta", "xlm-roberta", "xlm-roberta-xl", "roberta-prelayernorm", "camembert", "mpnet",
    "longformer", "data2vec-text", "ibert", "xmod",
)  # fmt: skip
"""Model types whose positions start behind the padding index: two fewer are for tokens."""


def check_max_length(max_length: object) -> None:
    """Refuse what is no number of tokens.

    Raises:
        InvalidInputError: No whole number, or below 1.
    """
    if isinstance(max_length, bool) or not isinstance(max_length, int) or max_length < 1:
        raise InvalidInputError(
            f"max_length={max_length!r} must be a whole number of tokens, at least 1"
        )


def longest_input(max_length: int, config: Mapping[str, Any]) -> int:
    """`max_length`, or what the model (its config.json) has positions for, if that is less.

    Raises:
        InvalidInputError: `max_length` is no number of tokens.
        ModelError: The config's number of positions is none.
    """
    check_max_length(max_length)
    most = config.get("max_position_embeddings")
    if not isinstance(most, int) or config.get("position_biased_input") is False:
        return max_length  # DeBERTa's positions are relative: a text may have more tokens
    if config.get("model_type") in OFFSET_POSITIONS:
        most -= 2
    if most < 1:
        raise ModelError(
            "config.json of the model leaves no position for a token: "
            f"max_position_embeddings={config['max_position_embeddings']}"
        )
    return min(max_length, most)


@dataclass(frozen=True, slots=True)
class Tokens:
    """One pair as a model reads it.

    Attributes:
        ids: Token ids, shape (length,).
        text_start: Where the second segment begins.
        text_end: Where it ends, its closing special token included.
        note: What was cut, for the trail.
    """

    ids: Ids
    text_start: int
    text_end: int
    note: Note


class PairEncoder:
    """Turns pairs into `Tokens` with a model's own template ([CLS] query [SEP] text [SEP], ...).

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

    def __call__(self, pairs: Sequence[Pair]) -> list[Tokens]:
        """One `Tokens` per pair, in order. Each distinct query and text is tokenised once."""
        room = self.max_length - self.special
        queries = tokenize(self.tokenizer, [q for q, _ in pairs], self.max_length)
        texts = tokenize(self.tokenizer, [t for _, t in pairs], self.max_length)
        templates = {q: self._template(encoding, room) for q, encoding in queries.items()}
        return [self._joined(templates[q], texts[t]) for q, t in pairs]

    def _template(self, query: TextIds, room: int) -> _Template:
        import numpy as np

        kept = query.ids[:room]
        whole = self.tokenizer.encode("a", "b")  # any two words: only what stands around them
        of = whole.sequence_ids
        if 0 not in of or 1 not in of:
            raise ModelError("this tokenizer.json has no template for pairs of texts")
        ids = np.array(whole.ids, dtype=np.int64)
        q0, q1 = of.index(0), len(of) - of[::-1].index(0)
        t0, t1 = of.index(1), len(of) - of[::-1].index(1)
        if q0 > t0:
            raise ModelError(
                "this tokenizer puts the text before the query, which is not supported"
            )
        before = np.concatenate([ids[:q0], kept, ids[q1:t0]])
        starts = t0 - q1 - _leading_zeros(whole.type_ids[q1:t0])
        return _Template(before, len(before) - starts, ids[t1:], room - len(kept), query, len(kept))

    def _joined(self, template: _Template, text: TextIds) -> Tokens:
        import numpy as np

        kept = text.ids[: template.room]
        ids = np.concatenate([template.before, kept, template.after])
        note = text.cut_to(template.room)
        if template.query.length > template.query_kept:
            note["cut_query_tokens"] = template.query.length - template.query_kept
        return Tokens(ids, template.text_start, len(ids), note)


@dataclass(frozen=True, slots=True)
class _Template:
    before: Ids
    text_start: int
    after: Ids
    room: int
    query: TextIds
    query_kept: int


def _leading_zeros(types: Sequence[int]) -> int:
    return next((i for i, t in enumerate(types) if t), len(types))
