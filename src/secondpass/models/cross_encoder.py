"""Cross-encoders of sentence-transformers, on torch: any device, any size, LLM rerankers too."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from secondpass.candidate import Note
from secondpass.errors import InvalidInputError, MissingExtraError, ModelError
from secondpass.models.batches import packed
from secondpass.models.canary import check_canaries
from secondpass.models.digest import digest
from secondpass.score import Pair

try:
    import torch
    from sentence_transformers import CrossEncoder

    import secondpass.models.late_interaction  # noqa: F401 - registers its class
except ImportError as error:
    raise MissingExtraError("the cross-encoder: backend", "torch") from error

Dtype = Literal["float32", "bfloat16", "float16"]
DTYPES = ("float32", "bfloat16", "float16")


class TorchCrossEncoder:
    """A `sentence_transformers.CrossEncoder`, scoring (query, text) pairs with raw logits.

    Encoders with a classification head, and causal language models that answer yes or no
    (Qwen3-Reranker and its like, whose template and suffix survive truncation). The text is cut
    to fit before the template is applied, so neither the query nor the template ever is.

    Args:
        model: Folder or hub id.
        device: "cpu", "cuda", "mps"; the best there is if None.
        dtype: Weights and arithmetic; scores come back in float32 whatever it is.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run Python code from the model's repository. Off unless you ask.
        max_length: Longest input in tokens, template included; the model's own if None.
        token_budget: Padded tokens per batch: speed and memory.
        verify: Ask the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch.

    Raises:
        ModelError: Unreadable, no trained classification head, or it failed the check.
        MissingExtraError: sentence-transformers is not installed.
    """

    tolerance = 1e-3
    """How much a float32 score may change with its batch mates (rounding of padded batches)."""

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        device: str | None = None,
        dtype: Dtype = "float32",
        revision: str | None = None,
        trust_remote_code: bool = False,
        max_length: int | None = None,
        token_budget: int = 4096,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise InvalidInputError(f"dtype={dtype!r}; one of {', '.join(DTYPES)}")
        self.model, self.device, self.dtype = os.fspath(model), device, dtype
        self.revision, self.trust_remote_code = revision, trust_remote_code
        self.max_length, self.token_budget = max_length, token_budget
        self.verify, self.on_progress = verify, on_progress
        looks_like_folder = self.model.startswith((".", "/", "~"))
        if looks_like_folder and not Path(self.model).expanduser().is_dir():
            raise ModelError(f"there is no model folder {self.model!r}")
        try:
            self._encoder = CrossEncoder(
                self.model,
                device=device,
                revision=revision,
                trust_remote_code=trust_remote_code,
                max_length=max_length,
                model_kwargs={"dtype": getattr(torch, dtype)},
            )
        except Exception as error:  # offline, unknown, damaged: each its own class over there
            raise ModelError(f"cannot load the cross-encoder {self.model!r}: {error}") from error
        self._encoder.eval()
        self._check_head()
        self.name = f"cross-encoder:{self.model}@{self._revision()}"
        if dtype != "float32":
            self.name += f"/{dtype}"
        self._limit = int(self._encoder.max_seq_length or 512)
        self._templates: dict[str, int] = {}
        if verify:
            check_canaries(self.name, self.score)

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and what was cut of its text (`cut_tokens`)."""
        fitted = [self._fitted(query, text) for query, text in pairs]
        scores = [0.0] * len(pairs)
        done = 0
        for batch in packed([length for _, length, _ in fitted], self.token_budget):
            texts = [(pairs[i][0], fitted[i][0]) for i in batch]
            for i, logit in zip(batch, self._predicted(texts), strict=True):
                scores[i] = logit
            done += len(batch)
            if self.on_progress is not None:
                self.on_progress(done, len(pairs))
        return scores, [note for _, _, note in fitted]

    @property
    def encoder(self) -> Any:
        """The `CrossEncoder` as sentence-transformers has it, such as for its trainer."""
        return self._encoder

    def cut(self, query: str, text: str, max_length: int) -> str:
        """So much of the text that the pair has `max_length` tokens; the query stays whole."""
        return self._fitted(query, text, max_length)[0]

    def _predicted(self, pairs: list[Pair]) -> list[float]:
        out = self._encoder.predict(
            pairs,
            batch_size=len(pairs),
            show_progress_bar=False,
            activation_fn=torch.nn.Identity(),
            convert_to_tensor=True,
        ).float()
        if out.ndim == 2 and out.shape[1] == 2:
            out = out[:, 1] - out[:, 0]
        return [float(x) for x in out.reshape(len(pairs), -1)[:, 0]]

    def _fitted(self, query: str, text: str, limit: int | None = None) -> tuple[str, int, Note]:
        """The text cut to fit, the tokens of the whole input, and what was cut."""
        if query not in self._templates:
            self._templates = {query: self._length((query, ""))}  # one query at a time is plenty
        frame = self._templates[query]
        encoding = self._encoder.tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False,
            verbose=False,
        )  # fmt: skip
        offsets = encoding["offset_mapping"]
        limit = self._limit if limit is None else min(limit, self._limit)
        room = max(0, limit - frame)
        if len(offsets) <= room:
            return text, frame + len(offsets), {}
        kept = text[: offsets[room - 1][1]] if room else ""
        return kept, limit, {"cut_tokens": len(offsets) - room, "read_tokens": room}

    def _length(self, pair: Pair) -> int:
        features = self._encoder.preprocess([pair])
        return int(features["attention_mask"].sum())

    def _check_head(self) -> None:
        if self._encoder.num_labels not in (1, 2):
            raise ModelError(
                f"{self.model!r} has {self._encoder.num_labels} labels; a reranker has one, or two "
                "(not relevant, relevant)"
            )
        inner: Any = self._encoder.model
        if inner is None or "ForSequenceClassification" not in type(inner).__name__:
            return  # a language model read through its yes and no logits has its head anyway
        stored = getattr(inner.config, "architectures", None) or []
        if stored and not any("ForSequenceClassification" in name for name in stored):
            raise ModelError(
                f"{self.model!r} has no classification head: it is a {stored[0]}, and its scores "
                "would be random. Use a cross-encoder, or train one from it"
            )

    def _revision(self) -> str:
        folder = Path(self.model)
        if folder.is_dir():
            return digest(*sorted(folder.glob("*.safetensors")), folder / "tokenizer.json")
        commit = getattr(getattr(self._encoder.model, "config", None), "_commit_hash", None)
        return str(commit)[:12] if commit else (self.revision or "unknown")
