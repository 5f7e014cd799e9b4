"""Late interaction on ONNX Runtime: a query is encoded once, a text once for all queries."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import Note
from secondpass.models.batching import map_in_threads, prefetch
from secondpass.models.encoding.segment_encoder import SegmentEncoder, Segments
from secondpass.models.encoding.tokenize import TextIds
from secondpass.models.folder import json_file
from secondpass.models.onnx.maxsim import MaxSimWeights, QueryVectors, TextVectors, logits, weights
from secondpass.models.onnx.passage_cache import PassageCache, StoredVectors
from secondpass.models.onnx.scorer import PAIRS_AT_ONCE, TOKEN_BUDGET, OnnxScorer
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

Done = TypeVar("Done")
PARTS = ("token_vectors", "mean", "importance", "offset")
"""What the file must give besides logits; `secondpass export` writes it."""
STORED_AT_ONCE = 32
"""Texts whose kept vectors are unpacked and matched together: bounds the memory."""


class LateInteraction(OnnxScorer[Segments]):
    """A late-interaction model in ONNX form, scoring (query, text) pairs with raw logits.

    The scores are those of `OnnxCrossEncoder` on the same file, but queries and texts are read by
    themselves: a text may have `max_length` tokens whatever the query, is read once however many
    queries it is paired with, and, with `vectors`, once for good.

    Args:
        model: Folder or hub id with an .onnx file that `secondpass export` made of a
            late-interaction model, tokenizer.json and config.json.
        vectors: A file that keeps the vectors of texts, made if it does not exist: those in it are
            not computed, others are computed and added. See `PassageCache` for its size.
        revision: Branch, tag or commit on the hub.
        file: Which .onnx file, relative to the folder; needed where there are several.
        max_length: Longest query and longest text in tokens; what is longer is cut, and the trail
            says so.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches beside each other; as many as this process may use processors if None.
        verify: Ask the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, not a late-interaction model, or it failed the check; or `vectors`
            is no such file, or another model's.
        MissingExtraError: A hub id, and huggingface-hub is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    tolerance = 0.02
    """How much a score may change with its batch mates, or by vectors that were kept as int8."""

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        vectors: str | os.PathLike[str] | None = None,
        revision: str | None = None,
        file: str | None = None,
        max_length: int = 512,
        token_budget: int = TOKEN_BUDGET,
        threads: int | None = None,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        self.vectors = None if vectors is None else os.fspath(vectors)
        self._store: PassageCache | None = None
        super().__init__(
            model,
            revision=revision,
            file=file,
            max_length=max_length,
            token_budget=token_budget,
            threads=threads,
            verify=verify,
            on_progress=on_progress,
        )
        if self.vectors is not None:  # after the check, whose texts are nobody's
            self._store = PassageCache(
                self.vectors, f"{self.name}, {self._longest} tokens", self._hidden
            )

    def encode(self, texts: Sequence[str]) -> int:
        """Compute the vectors of texts and keep them, for instance when documents are indexed.

        Returns:
            How many were new.

        Raises:
            InvalidInputError: There is no `vectors` file to keep them in.
            ModelError: They cannot be written to it.
        """
        if self._store is None:
            raise InvalidInputError(f"{self.name!r} keeps no vectors; give it vectors='FILE'")
        new = 0
        parts = [texts[i : i + PAIRS_AT_ONCE] for i in range(0, len(texts), PAIRS_AT_ONCE)]
        for start, read in enumerate(
            prefetch(lambda part: self._read([("", t) for t in part]), parts)
        ):
            fresh = read.fresh()
            new += sum(map(len, self._segments(fresh, partial(self._kept_texts, read.stored))))
            failure = read.stored.failure
            if fresh and self._store.read_only:
                failure = "not written: it is read-only"
            if failure is not None:
                raise ModelError(f"the vectors file {self.vectors} was {failure}")
            if self.on_progress is not None:
                self.on_progress(min((start + 1) * PAIRS_AT_ONCE, len(texts)), len(texts))
        return new

    def _open(self) -> None:
        missing = [name for name in PARTS if name not in self._session.outputs]
        if missing:
            raise ModelError(
                f"{self.name!r} does not give {', '.join(missing)}: it is no late-interaction "
                "model that `secondpass export` wrote. Use it as 'onnx:...'"
            )
        config = json_file(self.folder / "config.json")
        try:
            by_match, by_mean = map(float, config["scales"])
            self._matching = MaxSimWeights((by_match, by_mean), float(config.get("sharpness", 0.0)))
            self._hidden = int(config["hidden_size"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise ModelError(
                f"config.json of {self.name!r} does not say how to match (scales of two numbers, "
                "sharpness, hidden_size): take the one that `secondpass export` wrote"
            ) from error
        self._segmenting = SegmentEncoder(self._tokenizer, self._longest)

    def _read(self, pairs: Sequence[Pair]) -> Segments:
        queries = self._segmenting.tokenize([q for q, _ in pairs])
        texts = self._segmenting.tokenize([t for _, t in pairs])
        stored = StoredVectors() if self._store is None else self._store.get(texts)
        return Segments(pairs, queries, texts, stored)

    def _notes(self, read: Segments) -> list[Note]:
        return self._segmenting.notes(read)

    def _logits(self, read: Segments) -> Iterator[tuple[list[int], Floats]]:
        places = read.places()
        queries: dict[str, QueryVectors] = {}
        for made in self._segments(read.queries, self._queries):
            queries.update(made)

        def scored(texts: Mapping[str, TextVectors]) -> tuple[list[int], Floats]:
            by_query: dict[str, list[int]] = {}
            for text in texts:
                for place in places[text]:
                    by_query.setdefault(read.pairs[place][0], []).append(place)
            of = [
                logits(queries[q], [texts[read.pairs[p][1]] for p in found], self._matching)
                for q, found in by_query.items()
            ]
            return [p for found in by_query.values() for p in found], np.concatenate(of)

        def scored_again(texts: Sequence[str]) -> tuple[list[int], Floats]:
            return scored({text: packed[text].unpacked() for text in texts})

        packed = read.stored.packed
        kept = list(packed)
        parts = [kept[i : i + STORED_AT_ONCE] for i in range(0, len(kept), STORED_AT_ONCE)]
        yield from map_in_threads(scored_again, parts, self._beside)
        yield from self._segments(
            read.fresh(), lambda batch: scored(self._kept_texts(read.stored, batch))
        )

    def _segments(
        self, segments: Mapping[str, TextIds], work: Callable[[Mapping[str, Ids]], Done]
    ) -> Iterator[Done]:
        """`work` of batches of segments with their special tokens, on every processor."""
        rows = {text: self._segmenting.row(given) for text, given in segments.items()}
        texts = list(rows)
        batches = self._batches([len(r) for r in rows.values()])
        named = [{texts[i]: rows[texts[i]] for i in batch} for batch in batches]
        return map_in_threads(work, named, self._beside)

    def _queries(self, batch: Mapping[str, Ids]) -> dict[str, QueryVectors]:
        made = self._forward(PARTS, batch)
        return {
            text: QueryVectors(vectors[: len(ids)], weights(importance[: len(ids)]), mean, offset)
            for (text, ids), vectors, mean, importance, offset in zip(
                batch.items(), *made, strict=True
            )
        }

    def _texts(self, batch: Mapping[str, Ids]) -> dict[str, TextVectors]:
        made = self._forward(PARTS[:2], batch)
        return {
            text: TextVectors(vectors[: len(ids)], mean)
            for (text, ids), vectors, mean in zip(batch.items(), *made, strict=True)
        }

    def _kept_texts(
        self, stored: StoredVectors, batch: Mapping[str, Ids]
    ) -> dict[str, TextVectors]:
        """Computed, and added to the file unless it has failed already: one wait for a lock."""
        texts = self._texts(batch)
        if self._store is not None and stored.failure is None:
            failure = self._store.add(texts)
            stored.failure = failure or stored.failure
        return texts

    def _forward(self, outputs: Sequence[str], batch: Mapping[str, Ids]) -> list[Any]:
        ids, mask = self._padded(list(batch.values()))
        feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        return self._session(outputs, feed)

    @property
    def cache_key(self) -> str:
        """What scores depend on beside the name: see `Scorer`."""
        return super().cache_key + ("" if self.vectors is None else ", vectors kept as int8")

    def _label(self) -> str:
        return f"late-interaction:{self.model}"

    def _content(self, files: Sequence[Path]) -> str:
        return super()._content([*files, self.folder / "config.json"])  # it says how to match

    def _arguments(self) -> dict[str, Any]:
        return {**super()._arguments(), "vectors": self.vectors}
