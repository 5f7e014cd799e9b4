"""Texts and queries that are read apart: what is taken from each, and how a pair is scored."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from secondpass.models.batching import InferenceSession

    Floats = npt.NDArray[np.float32]

SINGLE_THREADED = 262_144
"""Multiplications that OpenBLAS, numpy's usual library, does on the calling thread. It splits
larger products, and its threads and the model's then wait for each other: a third of the speed."""


class Matching(Protocol):
    """One way to score a query with texts, from what a model says of each of them.

    Attributes:
        query_outputs: What it needs of the model for a query, by name.
        text_outputs: The same for a text.
        head: What reads the last of a query's outputs, without padding, in a second step, if
            anything does; `read_query` takes its `head_outputs` in place of that one.
        head_outputs: What is needed of `head`, by name.
    """

    @property
    def head(self) -> InferenceSession | None: ...

    @property
    def head_outputs(self) -> Sequence[str]: ...

    @property
    def query_outputs(self) -> Sequence[str]: ...

    @property
    def text_outputs(self) -> Sequence[str]: ...

    def read_query(self, tokens: int, outputs: Sequence[Any]) -> Any:
        """What is kept of a query: of its row of each output, the first `tokens`."""

    def read_text(self, tokens: int, outputs: Sequence[Any]) -> Any:
        """What is kept of a text."""

    def part(self, text: Any, start: int, end: int) -> Any:
        """Of a text, its tokens from `start` to `end`, of which there is at least one."""

    def scores(self, query: Any, texts: Sequence[Any]) -> Floats:
        """Raw logits of one query with texts, shape (texts,)."""

    def small(self) -> Matching:
        """The same, whose stored texts are small; itself, where they are already."""

    def part_scores(self, query: Any, parts: Sequence[Any]) -> Floats:
        """Raw scores of one query with parts, comparable inside one text, shape (parts,)."""

    def pack(self, text: Any) -> bytes:
        """A text, to be stored."""

    def unpack(self, packed: bytes) -> Any:
        """A text that was stored."""

    def is_whole(self, packed: bytes) -> bool:
        """Whether these can be the bytes of a text."""


@dataclass(frozen=True, slots=True)
class MatchingSum:
    """Two ways to match, added: a query and a text are the tuple of what each keeps of them.

    Only the last may have a head.

    Attributes:
        parts: The two.
        last_in_parts: How much the last counts where the parts of a text are compared.
    """

    parts: tuple[Matching, Matching]
    last_in_parts: float = 1.0

    @property
    def head(self) -> InferenceSession | None:
        return self.parts[-1].head

    @property
    def head_outputs(self) -> Sequence[str]:
        return self.parts[-1].head_outputs

    @property
    def query_outputs(self) -> Sequence[str]:
        return [name for part in self.parts for name in part.query_outputs]

    @property
    def text_outputs(self) -> Sequence[str]:
        return [name for part in self.parts for name in part.text_outputs]

    def read_query(self, tokens: int, outputs: Sequence[Any]) -> Any:
        first, second = self.parts
        own = len(first.query_outputs)
        return first.read_query(tokens, outputs[:own]), second.read_query(tokens, outputs[own:])

    def read_text(self, tokens: int, outputs: Sequence[Any]) -> Any:
        rest = iter(outputs)
        return tuple(
            part.read_text(tokens, [next(rest) for _ in part.text_outputs]) for part in self.parts
        )

    def part(self, text: Any, start: int, end: int) -> Any:
        return tuple(part.part(own, start, end) for part, own in zip(self.parts, text, strict=True))

    def scores(self, query: Any, texts: Sequence[Any]) -> Floats:
        total: Floats = np.sum(self._scores(query, texts), axis=0, dtype=np.float32)
        return total

    def part_scores(self, query: Any, parts: Sequence[Any]) -> Floats:
        first, last = self._scores(query, parts)
        return first + np.float32(self.last_in_parts) * last

    def _scores(self, query: Any, texts: Sequence[Any]) -> list[Floats]:
        return [
            part.scores(own, of_part)
            for part, own, of_part in zip(self.parts, query, zip(*texts, strict=True), strict=True)
        ]

    def small(self) -> Matching:
        first, second = self.parts
        return replace(self, parts=(first.small(), second.small()))

    def pack(self, text: Any) -> bytes:
        packed = [part.pack(own) for part, own in zip(self.parts, text, strict=True)]
        return struct.pack(f"<{len(packed)}I", *map(len, packed)) + b"".join(packed)

    def unpack(self, packed: bytes) -> Any:
        pieces = self._split(packed)
        return tuple(part.unpack(own) for part, own in zip(self.parts, pieces, strict=True))

    def is_whole(self, packed: bytes) -> bool:
        pieces = self._split(packed)
        return len(pieces) == len(self.parts) and all(
            part.is_whole(own) for part, own in zip(self.parts, pieces, strict=True)
        )

    def _split(self, packed: bytes) -> list[bytes]:
        """Of each part; nothing if the lengths are not those of the bytes."""
        head = 4 * len(self.parts)
        if len(packed) < head:
            return []
        lengths = struct.unpack_from(f"<{len(self.parts)}I", packed)
        if head + sum(lengths) != len(packed):
            return []
        pieces, start = [], head
        for length in lengths:
            pieces.append(packed[start : start + length])
            start += length
        return pieces


def multiply(rows: Sequence[Floats], columns: Floats) -> Floats:
    """All rows (n, hidden) times all columns (m, hidden), shape (n, m), without BLAS threads."""
    tokens, hidden = columns.shape
    at_once = max(1, SINGLE_THREADED // (hidden * tokens))
    count = sum(map(len, rows))
    filled = np.concatenate([*rows, np.zeros((-count % at_once, hidden), np.float32)])
    products: Floats = filled.reshape(-1, at_once, hidden) @ columns.T
    return products.reshape(-1, tokens)[:count]


def dot_rows(rows: Floats, vector: Floats) -> Floats:
    """Rows (n, m) times a vector (m), shape (n): the same bits whatever other rows there are.

    Not `@`: how BLAS adds depends on how many rows it is given.
    """
    products: Floats = np.einsum("nm,m->n", rows, vector)
    return products


def starts_of(rows: Sequence[Floats]) -> npt.NDArray[np.intp]:
    """Where the rows of each text begin once they are all one below the other."""
    return np.cumsum([0, *map(len, rows[:-1])])


def pack_rows(rows: Floats) -> bytes:
    """Vectors (n, hidden) as codes of one byte and then a scale of two bytes for each."""
    scales = (np.abs(rows).max(axis=1) / 127).astype(np.float16)
    exact = rows / np.maximum(scales, np.float16(1e-4))[:, None]
    codes = np.rint(exact).clip(-127, 127).astype(np.int8)
    return bytes(codes.tobytes() + scales.tobytes())


def unpack_rows(packed: bytes, hidden: int) -> Floats:
    """As floats, four times as large."""
    count = len(packed) // (hidden + 2)
    codes = np.frombuffer(packed, np.int8, count * hidden)
    scales = np.frombuffer(packed, np.float16, count, offset=count * hidden)
    rows: Floats = codes.reshape(count, -1).astype(np.float32) * scales.astype(np.float32)[:, None]
    return rows
