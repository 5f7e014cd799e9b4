"""Pairs of texts to token ids: tokenised once, query kept whole, packed by length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from secondpass.candidate import Note
from secondpass.errors import ModelError
from secondpass.score import Pair

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from tokenizers import Encoding, Tokenizer

    Ids = npt.NDArray[np.int64]

CHARACTERS_PER_TOKEN, CHARACTERS_AT_LEAST = 64, 32_768
"""A text is cut to this many characters before it is tokenised, so that a book does not cost a
book's time. Real text has three to six characters a token."""
CHARACTERS_AT_ONCE = 400_000
"""Texts tokenised in one call: bounds the memory of their encodings."""


def longest_input(max_length: int, config: Mapping[str, Any]) -> int:
    """`max_length`, or what the model (its config.json) has positions for, if that is less."""
    most = config.get("max_position_embeddings")
    if not isinstance(most, int):
        return max_length
    if config.get("model_type") in ("roberta", "xlm-roberta", "camembert"):
        most -= 2  # their positions start behind the padding index
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


class Pairing:
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
        queries = self._encoded([q for q, _ in pairs])
        texts = self._encoded([t for _, t in pairs])
        templates = {q: self._template(encoding, room) for q, encoding in queries.items()}
        return [self._joined(templates[q], texts[t]) for q, t in pairs]

    def _encoded(self, texts: Sequence[str]) -> dict[str, _Text]:
        import numpy as np

        limit = max(self.max_length * CHARACTERS_PER_TOKEN, CHARACTERS_AT_LEAST)
        done: dict[str, _Text] = {}
        for part in _by_characters(list(dict.fromkeys(texts)), limit):
            cut = [text[:limit] for text in part]
            for text, encoding in zip(part, self._batch(cut), strict=True):
                ids = np.array(encoding.ids, dtype=np.int64)
                done[text] = _Text(ids[: self.max_length], len(ids), len(text) > limit)
        return done

    def _batch(self, texts: list[str]) -> list[Encoding]:
        # a lone surrogate is legal in a Python string and not in UTF-8, which the tokeniser needs
        clean = [t.encode("utf-8", "replace").decode("utf-8") for t in texts]
        return self.tokenizer.encode_batch_fast(clean, add_special_tokens=False)

    def _template(self, query: _Text, room: int) -> _Template:
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

    def _joined(self, template: _Template, text: _Text) -> Tokens:
        import numpy as np

        kept = text.ids[: template.room]
        ids = np.concatenate([template.before, kept, template.after])
        note: dict[str, object] = {}
        if text.length > len(kept) or text.longer:
            note["cut_tokens"] = text.length - len(kept)
            note["read_tokens"] = len(kept)
        if text.longer:
            note["cut_is_a_lower_bound"] = True
        if template.query.length > template.query_kept:
            note["cut_query_tokens"] = template.query.length - template.query_kept
        return Tokens(ids, template.text_start, len(ids), note)


@dataclass(frozen=True, slots=True)
class _Text:
    ids: Ids
    length: int  # before it was cut to what a model can read at all
    longer: bool  # whether even that was counted on a prefix


@dataclass(frozen=True, slots=True)
class _Template:
    before: Ids
    text_start: int
    after: Ids
    room: int
    query: _Text
    query_kept: int


def _leading_zeros(types: Sequence[int]) -> int:
    return next((i for i, t in enumerate(types) if t), len(types))


def _by_characters(texts: Sequence[str], limit: int) -> Iterator[list[str]]:
    part: list[str] = []
    size = 0
    for text in texts:
        part.append(text)
        size += min(len(text), limit)
        if size >= CHARACTERS_AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def packed(lengths: Sequence[int], token_budget: int) -> Iterator[list[int]]:
    """Places of pairs, longest first, in batches of at most `token_budget` padded tokens.

    Sorting by length leaves little padding, and the budget bounds memory whatever the number and
    length of the pairs. A single pair longer than the budget is a batch by itself.
    """
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        longest = lengths[batch[0]] if batch else lengths[place]
        if batch and longest * (len(batch) + 1) > token_budget:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
