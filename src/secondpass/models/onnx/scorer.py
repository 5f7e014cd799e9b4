"""What every scorer on ONNX Runtime does: open a folder, read pairs ahead, keep all cores busy."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import numpy as np

from secondpass.core.errors import InvalidInputError
from secondpass.core.event import Note
from secondpass.models.batching import batches_for, prefetch
from secondpass.models.digest import digest, weight_files
from secondpass.models.encoding.pair_encoder import longest_input
from secondpass.models.folder import (
    MODEL_FILES,
    json_file,
    model_file,
    pad_id,
    processors,
    tokenizer_of,
)
from secondpass.models.hub import fetched
from secondpass.models.onnx.session import InferenceSession, Session
from secondpass.models.smoke_test import run_smoke_test
from secondpass.stages.score import Pair

if TYPE_CHECKING:
    import numpy.typing as npt

    Logits = npt.NDArray[np.float32]

PAIRS_AT_ONCE = 1024
"""Pairs tokenised and sorted together, while the model reads those before: bounds the memory."""
TOKEN_BUDGET = 512
"""Padded tokens of a batch. One processor is as fast from 256 to 1,024, within five per cent."""

Read = TypeVar("Read")


class OnnxScorer(ABC, Generic[Read]):
    """Raw logits of pairs by an ONNX file; the arguments are those of `OnnxCrossEncoder`."""

    batch_overhead = 8
    """Tokens that could be read in the time that a batch costs beside its own."""
    width_step = 1
    """Widths of batches are multiples of it, up to the longest input."""

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        revision: str | None = None,
        file: str | None = None,
        max_length: int = 512,
        token_budget: int = TOKEN_BUDGET,
        threads: int | None = None,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        for what, number in (("token_budget", token_budget), ("threads", threads)):
            if number is not None and number < 1:
                raise InvalidInputError(f"{what}={number} must be at least 1")
        self.model, self.revision, self.file = os.fspath(model), revision, file
        self.max_length, self.token_budget, self.threads = max_length, token_budget, threads
        self.verify, self.on_progress = verify, on_progress
        self._beside = threads or processors()
        self.folder, path = self._found()
        config_file = self.folder / "config.json"
        config = json_file(config_file)
        self._tokenizer = tokenizer_of(self.folder)
        files = weight_files(path)  # before a runtime reads what it refuses
        self._session = self._compiled(path)
        self.name = f"{self._label()}@{self._content(files)}"
        self._longest = longest_input(max_length, config)
        self._pad = pad_id(self._tokenizer, config, config_file)
        self._open()
        if verify:
            run_smoke_test(self.name, self.score)

    def _found(self) -> tuple[Path, Path]:
        """The model's folder, and the file in it to run."""
        folder = fetched(self.model, self.revision, self.file or MODEL_FILES)
        return folder, model_file(folder, self.file)

    def _compiled(self, path: Path) -> InferenceSession:
        """The file, ready to run on one processor at a time, from any thread."""
        return Session(path)

    def _batches(self, lengths: Sequence[int]) -> list[list[int]]:
        """Places, so that all processors end at the same time."""
        return batches_for(lengths, self.token_budget, self._beside, self.batch_overhead)

    @abstractmethod
    def _open(self) -> None:
        """Check what the file takes and gives. Raises: ModelError."""

    @abstractmethod
    def _read(self, pairs: Sequence[Pair]) -> Read:
        """The pairs as token ids."""

    @abstractmethod
    def _notes(self, read: Read) -> list[Note]:
        """What was cut, one note a pair."""

    @abstractmethod
    def _logits(self, read: Read) -> Iterator[tuple[list[int], Logits]]:
        """Places of pairs and their logits, as they come."""

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and what was cut of its text (`cut_tokens`)."""
        scores = np.empty(len(pairs), dtype=np.float32)
        notes: list[Note] = []
        done = 0
        parts = [pairs[i : i + PAIRS_AT_ONCE] for i in range(0, len(pairs), PAIRS_AT_ONCE)]
        for read in prefetch(self._read, parts):
            start = len(notes)
            for places, logits in self._logits(read):
                scores[[start + i for i in places]] = logits
                done += len(places)
                if self.on_progress is not None:
                    self.on_progress(done, len(pairs))
            notes.extend(self._notes(read))
        return [float(s) for s in scores], notes

    def _padded(self, rows: Sequence[npt.NDArray[np.int64]]) -> tuple[Any, Any]:
        """Token ids and their mask, int64 [rows, width]."""
        longest = max(map(len, rows))
        width = max(longest, min(longest + -longest % self.width_step, self._longest))
        ids = np.full((len(rows), width), self._pad, dtype=np.int64)
        mask = np.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = row
            mask[i, : len(row)] = 1
        return ids, mask

    def _label(self) -> str:
        return f"onnx:{self.model}"

    def _content(self, files: Sequence[Path]) -> str:
        return digest(*files, self.folder / "tokenizer.json")

    @property
    def cache_key(self) -> str:
        """What scores depend on beside the name: see `Scorer`."""
        return f"{self._longest} tokens"

    def __reduce__(self) -> tuple[Any, ...]:  # sessions do not pickle: open it again over there
        return _opened, (type(self), self._arguments())

    def _arguments(self) -> dict[str, Any]:
        names = ("revision", "file", "max_length", "token_budget", "threads", "verify")
        return {"model": self.model, **{n: getattr(self, n) for n in names}}


def _opened(kind: type[OnnxScorer[Any]], arguments: Mapping[str, Any]) -> OnnxScorer[Any]:
    return kind(**arguments)
