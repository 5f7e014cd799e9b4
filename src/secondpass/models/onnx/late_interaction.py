"""Late interaction on ONNX Runtime: a query is encoded once, a text once for all queries."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.event import Note
from secondpass.models.batching import BatchedSession, map_in_threads, prefetch
from secondpass.models.encoding.encoders import SegmentEncoder, longest_input
from secondpass.models.inference import (
    ScoredPairs,
    split_into_parts,
)
from secondpass.models.loading import InferenceOptions, run_smoke_test
from secondpass.models.long_texts import count_tokens, read_rest
from secondpass.models.model_files import MODEL_FILES, ModelFolder, fetch, find_file
from secondpass.models.onnx.matching import Matcher, PairsInParts, query_vectors, text_vectors
from secondpass.models.onnx.maxsim import QueryVectors, TextVectors, read_weights
from secondpass.models.onnx.passage_cache import PassageCache, StoredVectors
from secondpass.models.onnx.session import OnnxSession
from secondpass.models.onnx.span_scores import score_spans
from secondpass.stages.evidence import SpanRequest
from secondpass.stages.score import Pair
from secondpass.stages.sentences import Place
from secondpass.stages.split_chunks import split_chunks

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[np.float32]

PARTS = ("token_vectors", "mean", "importance", "offset")
"""The outputs of the file besides logits; `secondpass export` writes it."""
CHUNK = 256
"""Tokens of a chunk of a long text: among more, a single sentence that answers counts for less."""
STORED_AT_ONCE = 32
"""Texts whose stored vectors are unpacked and matched together: bounds the memory."""


@dataclass(kw_only=True, eq=False, repr=False)
class LateInteraction(InferenceOptions):
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
        max_length: Longest query, and longest text that is read at once, in tokens.
        chunks: A longer text is read in so many chunks of `CHUNK` tokens at most; None reads
            all of it, and 1 cuts it, and the trail says so. Its score is that of the best chunk,
            and the best chunks are its evidence.
        token_budget: Padded tokens per batch: speed and memory, never results.
        threads: Batches that run at the same time; as many as this process may use processors if
            None.
        verify: Give the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, not a late-interaction model, or it failed the check; or `vectors`
            is not such a file, or another model's.
        MissingExtraError: A hub id, and huggingface-hub is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    model: str | os.PathLike[str] = field(kw_only=False)
    vectors: str | os.PathLike[str] | None = None
    chunks: int | None = None

    tolerance = 0.02
    """How much a score may change with its batch mates, or by vectors that were kept as int8."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.model = os.fspath(self.model)
        path = fetch(self.model, self.revision, self.file or MODEL_FILES)
        folder = ModelFolder.read(path, find_file(path, self.file))
        digest = folder.digest("config.json")  # which says how to match
        self._load(f"late-interaction:{self.model}@{digest}", folder)

    def _load(self, name: str, folder: ModelFolder) -> None:
        self.name, self.folder = name, folder.path
        session = OnnxSession(folder.file)
        missing = [output for output in PARTS if output not in session.outputs]
        if missing:
            raise ModelError(
                f"{name!r} does not give {', '.join(missing)}: it is not a late-interaction "
                "model that `secondpass export` wrote. Use it as 'onnx:...'"
            )
        longest = longest_input(self.max_length, folder.config)
        self._session = BatchedSession(
            session, folder.pad_id(), longest, self.token_budget, self.workers
        )
        self._weights, hidden = read_weights(folder.config, name)
        self._encoder = SegmentEncoder(folder.tokenizer, longest)
        read = "all chunks" if self.chunks is None else f"{self.chunks} chunks"
        self.cache_key = f"{longest} tokens" + f", {read}" * (self.chunks != 1)
        self._store: PassageCache | None = None
        if self.verify:
            run_smoke_test(name, self.score)
        if self.vectors is not None:  # opened after the smoke test, whose texts are not stored
            self.vectors = os.fspath(self.vectors)
            self._store = PassageCache(self.vectors, f"{name}, {longest} tokens", hidden)
            self.cache_key += ", vectors kept as int8"

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and a note of what was cut (`cut_tokens`) or kept (`stored`)."""
        scored = ScoredPairs(len(pairs), self.on_progress)
        for part in prefetch(self._read, split_into_parts(pairs)):
            queries: dict[str, QueryVectors] = {}
            rows = self._encoder.rows(part.queries)
            for batch, outputs in self._session.run(PARTS, [ids for _, ids in rows]):
                queries |= query_vectors([rows[i] for i in batch], outputs)
            match = Matcher(part.pairs, queries, self._weights)
            for indices, values in self._match_stored(part, match):
                scored.add(indices, values)
            rows = self._encoder.rows(part.unstored())
            for batch, outputs in self._session.run(PARTS[:2], [ids for _, ids in rows]):
                vectors = text_vectors([rows[i] for i in batch], outputs)
                self._keep(vectors, part.stored)
                scored.add(*match(vectors))
            scored.end_part([self._note(pair, part) for pair in part.pairs])
        scores, said = scored.result()
        if self.chunks != 1 and any("cut_tokens" in note for note in said):
            return read_rest(
                self.score_with_notes, self._places, pairs, scores, said, at_most=self.chunks
            )
        return scores, said

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, without those that the model puts around it."""
        return count_tokens(self._encoder.tokenizer, texts)

    def score_spans(self, requests: Sequence[SpanRequest]) -> list[list[float]]:
        """How well parts of a text match a query, each read in the context of the text."""
        return score_spans(self._encoder, self._session, self._weights, requests)

    def _places(self, text: str) -> list[Place]:
        """Of the chunks of a text that is too long to be read at once."""
        return split_chunks(text, min(CHUNK, self._encoder.room), 0, self.count_tokens)

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
        new = done = 0
        more: list[str] = []
        for part in prefetch(self._read, split_into_parts([("", text) for text in texts])):
            rows = self._encoder.rows(part.unstored())
            for batch, outputs in self._session.run(PARTS[:2], [ids for _, ids in rows]):
                self._keep(text_vectors([rows[i] for i in batch], outputs), part.stored)
            failure = part.stored.failure
            if rows and self._store.read_only:
                failure = "not written: it is read-only"
            if self.chunks != 1:
                more += [
                    text[start:end]
                    for text, ids in part.texts.items()
                    if ids.cut_to(self._encoder.room)
                    for start, end in self._places(text)[: self.chunks]
                ]
            if failure is not None:
                raise ModelError(f"the vectors file {self.vectors} was {failure}")
            new, done = new + len(rows), done + len(part.pairs)
            if self.on_progress is not None:
                self.on_progress(done, len(texts))
        if more:
            self.encode(more)
        return new

    def _read(self, pairs: Sequence[Pair]) -> PairsInParts:
        queries = self._encoder.tokenize([q for q, _ in pairs])
        texts = self._encoder.tokenize([t for _, t in pairs])
        stored = StoredVectors() if self._store is None else self._store.get(texts)
        return PairsInParts(pairs, queries, texts, stored)

    def _match_stored(
        self, part: PairsInParts, match: Matcher
    ) -> Iterator[tuple[list[int], Floats]]:
        packed = part.stored.packed
        texts = list(packed)
        chunks = [texts[i : i + STORED_AT_ONCE] for i in range(0, len(texts), STORED_AT_ONCE)]
        return map_in_threads(
            lambda chunk: match({text: packed[text].unpack() for text in chunk}),
            chunks,
            min(self._session.workers, len(chunks)),
        )

    def _keep(self, vectors: Mapping[str, TextVectors], stored: StoredVectors) -> None:
        """Add them to the file unless it has failed already: one wait for a lock."""
        if self._store is not None and stored.failure is None:
            stored.failure = self._store.add(vectors)

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
        return note
