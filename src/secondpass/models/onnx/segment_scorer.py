"""Models that read queries and texts apart: a query once, a text once for all queries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import Note
from secondpass.models.batching import (
    BatchedSession,
    InferenceSession,
    map_in_threads,
    prefetch,
)
from secondpass.models.encoding.encoders import SegmentEncoder, longest_input
from secondpass.models.encoding.language import is_other_language
from secondpass.models.inference import ScoredPairs
from secondpass.models.loading import InferenceOptions, run_smoke_test
from secondpass.models.long_texts import PairsToRead, PartOfPairs, count_tokens
from secondpass.models.model_files import ModelFolder
from secondpass.models.onnx.matching import Matching
from secondpass.models.onnx.pair_matcher import PairMatcher, PairsInParts
from secondpass.models.onnx.passage_cache import PassageCache, StoredVectors
from secondpass.models.onnx.passage_rows import is_small
from secondpass.models.onnx.span_scores import score_spans
from secondpass.stages.evidence import SpanRequest
from secondpass.stages.score import Pair
from secondpass.stages.sentences import Place
from secondpass.stages.split_chunks import split_chunks

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]
    Ids = npt.NDArray[np.int64]

CHUNK = 128
"""Tokens of a chunk of a long text: among more, a single sentence that answers counts for less, see
benchmarks/long_documents.py."""
STORED_AT_ONCE = 32
"""Texts whose stored vectors are unpacked and matched together: bounds the memory."""


@dataclass(kw_only=True, eq=False, repr=False)
class SegmentScorer(InferenceOptions):
    """Scores pairs from what a model says of the query and of the text, each read by itself.

    A class of this kind calls `_start` in its constructor.

    Attributes:
        vectors: The file that keeps what was read of texts, if there is one.
        chunks: The most chunks of a long text that are read; None for all of it.
    """

    vectors: str | os.PathLike[str] | None = None
    chunks: int | None = None

    tolerance = 0.02
    """How much a score may change with its batch mates, or by vectors that were kept as int8."""
    only_english = False
    """Whether a note says which texts are in another language."""

    def _start(
        self, name: str, folder: ModelFolder, session: InferenceSession, matching: Matching
    ) -> None:
        self.name, self.folder = name, folder.path
        longest = longest_input(self.max_length, folder.config)
        self._session = BatchedSession(
            session, folder.pad_id(), longest, self.token_budget, self.workers
        )
        self._matching = matching
        prefixes = (str(folder.config.get(f"{kind}_prefix", "")) for kind in ("query", "text"))
        self._encoder = SegmentEncoder(folder.tokenizer, longest, *prefixes)
        read = f"{'all' if self.chunks is None else self.chunks} chunks of {CHUNK}"
        self.cache_key = f"{longest} tokens" + f", {read}" * (self.chunks != 1)
        self._store: PassageCache | None = None
        if self.verify:
            run_smoke_test(name, self.score)
        if self.vectors is not None:  # opened after the smoke test, whose texts are not stored
            self.vectors = os.fspath(self.vectors)
            about, kept = f"{name}, {longest} tokens", "as int8"
            if is_small(self.vectors):
                self._matching, about, kept = matching.small(), f"{about}, small", "small"
            self._store = PassageCache(self.vectors, about, self._matching.is_whole)
            self.cache_key += f", vectors kept {kept}"

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and a note of what was cut (`cut_tokens`) or kept (`stored`)."""
        reading, matching = self._reading(pairs), self._matching
        scored = ScoredPairs(len(pairs), self.on_progress)
        queries: dict[str, Any] = {}
        for part in self._parts(reading):
            scored.expect(len(reading))
            queries = {query: queries[query] for query in part.queries if query in queries}
            new = {query: ids for query, ids in part.queries.items() if query not in queries}
            rows = self._encoder.query_rows(new)
            for batch, said in self._session.run(matching.query_outputs, [ids for _, ids in rows]):
                for i, *own in zip(batch, *said, strict=True):
                    query, ids = rows[i]
                    if matching.head is not None:  # called here: a short way to the runtime
                        own[-1:] = matching.head(
                            matching.head_outputs, {"word_states": own[-1][: len(ids)]}
                        )
                    queries[query] = matching.read_query(len(ids), own)
            match = PairMatcher(part.pairs, queries, matching)
            scored.postpone([i for text in part.later for i in match.indices[text]])
            for indices, values in self._match_stored(part, match):
                scored.add(indices, values)
            rows = self._encoder.text_rows(part.unstored())
            for batch, said in self._session.run(matching.text_outputs, [ids for _, ids in rows]):
                texts = self._keep(self._texts(rows, batch, said), part.stored)
                scored.add(*match(texts))
            scored.end_part([self._note(pair, part) for pair in part.pairs])
        return reading.combined(*scored.result())

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without those that the model puts around it."""
        return count_tokens(self._encoder.tokenizer, texts)

    def score_spans(self, requests: Sequence[SpanRequest]) -> list[list[float]]:
        """How well parts of a text match a query, each read in the context of the text."""
        return score_spans(self._encoder, self._session, self._matching, requests)

    def encode(self, texts: Sequence[str]) -> int:
        """Compute the vectors of texts and keep them, for instance when documents are indexed.

        Returns:
            The number of texts that were new; chunks of long ones do not count.

        Raises:
            InvalidInputError: There is no `vectors` file to keep them in.
            ModelError: They cannot be written to it.
        """
        if self._store is None:
            raise InvalidInputError(f"{self.name!r} keeps no vectors; give it vectors='FILE'")
        reading = self._reading([("", text) for text in texts])
        done, new = 0, set()
        for part in self._parts(reading):
            rows = self._encoder.text_rows(part.unstored())
            ids, outputs = [ids for _, ids in rows], self._matching.text_outputs
            for batch, said in self._session.run(outputs, ids):
                self._keep(self._texts(rows, batch, said), part.stored)
            failure = part.stored.failure
            if rows and self._store.read_only:
                failure = "not written: it is read-only"
            if failure is not None:
                raise ModelError(f"the vectors file {self.vectors} was {failure}")
            computed = {text for text, _ in rows}
            read = zip(part.origins, part.pairs, strict=True)
            new |= {texts[index] for index, (_, text) in read if text in computed}
            done += len(part.pairs)
            if self.on_progress is not None:
                self.on_progress(done, len(reading))
        return len(new)

    def _reading(self, pairs: Sequence[Pair]) -> PairsToRead:
        return PairsToRead(pairs, None if self.chunks == 1 else self._places, self.chunks)

    def _parts(self, reading: PairsToRead) -> Iterator[PairsInParts]:
        """Under a deadline a part is made when the one before it was read, not while it is."""
        read = partial(self._read, reading)
        parts = reading.parts()
        return prefetch(read, parts) if time_left() is None else map(read, parts)

    def _places(self, text: str) -> list[Place]:
        """Of the chunks of a text that is too long to be read at once."""
        return split_chunks(text, min(CHUNK, self._encoder.room), 0, self.count_tokens)

    def _texts(
        self, rows: Sequence[tuple[str, Ids]], batch: Sequence[int], said: Sequence[Any]
    ) -> dict[str, Any]:
        """A batch of texts in the form of the way to match."""
        read = self._matching.read_text
        return {
            rows[i][0]: read(len(rows[i][1]), own) for i, *own in zip(batch, *said, strict=True)
        }

    def _read(self, reading: PairsToRead, part: PartOfPairs) -> PairsInParts:
        queries = self._encoder.tokenize([q for q, _ in part.pairs])
        texts = self._encoder.tokenize([t for _, t in part.pairs])
        later = reading.later(texts, self._encoder.room, part)
        now = texts if not later else [text for text in texts if text not in later]
        stored = StoredVectors() if self._store is None else self._store.get(now)
        return PairsInParts(part.pairs, part.origins, queries, texts, stored, later)

    def _match_stored(
        self, part: PairsInParts, match: PairMatcher
    ) -> Iterator[tuple[list[int], Floats]]:
        packed = part.stored.packed
        texts = list(packed)
        chunks = [texts[i : i + STORED_AT_ONCE] for i in range(0, len(texts), STORED_AT_ONCE)]
        return map_in_threads(
            lambda chunk: match({text: self._matching.unpack(packed[text]) for text in chunk}),
            chunks,
            min(self._session.workers, len(chunks)),
        )

    def _keep(self, texts: Mapping[str, Any], stored: StoredVectors) -> Mapping[str, Any]:
        """Add them to the file unless it has failed already: one wait for a lock.

        Returns:
            The texts as they are to be matched: where few bytes are kept of them, as they are kept,
            so that a score is the same before and after.
        """
        if self._store is None:
            return texts
        writes = not self._store.read_only and stored.failure is None
        small = is_small(self._store.path)
        if not (writes or small):
            return texts
        packed = {text: self._matching.pack(read) for text, read in texts.items()}
        if writes:
            stored.failure = self._store.add(packed)
        return {t: self._matching.unpack(own) for t, own in packed.items()} if small else texts

    def _note(self, pair: Pair, part: PairsInParts) -> Note:
        """What was cut of a pair, whether its text was stored, and why that did not work."""
        query, text = pair
        note: Note = {**self._encoder.note(part.queries[query], part.texts[text])}
        if text in part.stored.packed:
            note["stored"] = True
        elif part.stored.failure is not None:
            note["vector_file_failed"] = part.stored.failure
        if text in part.stored.damaged:
            note["stored_vector_damaged"] = True
        if self.only_english and is_other_language(text):
            note["other_language"] = True
        return note
