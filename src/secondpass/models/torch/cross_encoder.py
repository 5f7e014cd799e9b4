"""Cross-encoders of sentence-transformers, on torch: any device, any size, LLM rerankers too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from secondpass.core.errors import InvalidInputError, MissingExtraError, ModelError
from secondpass.core.event import Note
from secondpass.models.batching import pack
from secondpass.models.encoding.encoders import check_max_length, longest_input
from secondpass.models.loading import run_smoke_test
from secondpass.models.model_files import digest, torch_weight_files
from secondpass.stages.score import Pair

try:
    import torch
    from sentence_transformers import CrossEncoder
    from sentence_transformers.util import get_device_name
    from transformers.utils.import_utils import is_flash_attn_2_available

    import secondpass.models.late_interaction  # noqa: F401 - registers its class
    from secondpass.models.encoding.torch_encoder import (
        EncodedBatch,
        EncodedPair,
        TextInputs,
        make_id_inputs,
    )
except ImportError as error:
    raise MissingExtraError("the cross-encoder: backend", "torch") from error

Dtype = Literal["float32", "bfloat16", "float16", "auto"]
DTYPES = ("float32", "bfloat16", "float16", "auto")
TOLERANCES = {"float32": 1e-3, "bfloat16": 0.1, "float16": 0.02}
PAIRS_AT_ONCE = 4096
"""Pairs tokenised and sorted together; more come in further rounds, so memory stays bounded."""


class TorchCrossEncoder:
    """A `sentence_transformers.CrossEncoder`, scoring (query, text) pairs with raw logits.

    Encoders with a classification head, and causal language models that answer yes or no
    (such as Qwen3-Reranker, whose template and suffix survive truncation). The text is cut to fit
    before the template is applied, and the query only where it does not fit by itself; the trail
    says so.

    Args:
        model: Folder or hub id.
        device: "cpu", "cuda", "mps"; the best there is if None.
        dtype: Weights and arithmetic; scores are float32 whatever it is. "auto" is bfloat16 on a
            CUDA device that has it, else float32.
        attention: "eager", "sdpa" or "flash_attention_2", which also leaves out the padding. If
            None, the last on CUDA in half precision where the package flash-attn is installed and
            the model supports it, else what transformers chooses (SDPA for most models).
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run Python code from the model's repository. Off unless you ask.
        max_length: Longest input in tokens, template included; the model's own if None, or if it
            has fewer positions.
        token_budget: Padded tokens per batch: speed and memory.
        verify: Give the model three easy questions as it loads, and refuse it if it fails.
        on_progress: Called with (pairs done, pairs in all) after each batch; on an accelerator,
            those handed to it.

    Attributes:
        tolerance: How much a score may change with its batch mates (rounding of padded batches).
        computed_in: The dtype that is used, never "auto".
        limit: Longest input that it reads, in tokens, template included.
        attention_used: The attention that is used.

    Raises:
        ModelError: Unreadable, no trained classification head, or it failed the check.
        MissingExtraError: sentence-transformers is not installed.
        InvalidInputError: An argument that makes no sense.
    """

    def __init__(
        self,
        model: str | os.PathLike[str],
        *,
        device: str | None = None,
        dtype: Dtype = "float32",
        attention: str | None = None,
        revision: str | None = None,
        trust_remote_code: bool = False,
        max_length: int | None = None,
        token_budget: int = 4096,
        verify: bool = True,
        on_progress: Callable[[int, int], None] | None = None,
    ) -> None:
        if dtype not in DTYPES:
            raise InvalidInputError(f"dtype={dtype!r}; one of {', '.join(DTYPES)}")
        if max_length is not None:
            check_max_length(max_length)
        if token_budget < 1:
            raise InvalidInputError(f"token_budget={token_budget} must be at least 1")
        self.model, self.device, self.dtype = os.fspath(model), device, dtype
        self.attention, self.revision = attention, revision
        self.trust_remote_code = trust_remote_code
        self.max_length, self.token_budget = max_length, token_budget
        self.verify, self.on_progress = verify, on_progress
        looks_like_folder = self.model.startswith((".", "/", "~"))
        if looks_like_folder and not Path(self.model).expanduser().is_dir():
            raise ModelError(f"there is no model folder {self.model!r}")
        cuda = (device or get_device_name()).startswith("cuda")
        best = "bfloat16" if cuda and torch.cuda.is_bf16_supported() else "float32"
        self.computed_in = best if dtype == "auto" else dtype
        self.tolerance = TOLERANCES[self.computed_in]
        self._encoder = self._load(cuda)
        self._encoder.eval()
        self._check_head()
        self.name = f"cross-encoder:{self.model}@{self._revision()}"
        if self.computed_in != "float32":
            self.name += f"/{self.computed_in}"
        self.limit = self._longest_input()
        self._texts = TextInputs(self._encoder, self.limit)
        self._check_room()
        self._encode = make_id_inputs(self._encoder, self.limit) or self._texts
        if verify:
            run_smoke_test(self.name, self.score)

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        """One raw logit per pair, as Python floats."""
        return self.score_with_notes(pairs)[0]

    def score_with_notes(self, pairs: Sequence[Pair]) -> tuple[list[float], list[Note]]:
        """One raw logit per pair, and what was cut of its text (`cut_tokens`)."""
        scores: list[float] = [0.0] * len(pairs)
        notes: list[Note] = []
        logits: list[torch.Tensor] = []
        indices: list[int] = []
        for start in range(0, len(pairs), PAIRS_AT_ONCE):
            encoded = self._encode(pairs[start : start + PAIRS_AT_ONCE])
            notes.extend(pair.note for pair in encoded)
            for batch, features in self._batches(encoded):
                logits.append(self._logits(features))
                indices.extend(start + i for i in batch)
                if self.on_progress is not None:
                    self.on_progress(len(indices), len(pairs))
        if logits:  # fetched once: the next batch is tokenised while a device computes the last
            for index, logit in zip(indices, torch.cat(logits).tolist(), strict=True):
                scores[index] = logit
        return scores, notes

    def batches(self, pairs: Sequence[Pair]) -> Iterator[tuple[list[int], EncodedBatch]]:
        """Indices of pairs of similar length, and the inputs of the network, on the CPU."""
        return self._batches(self._encode(pairs))

    @property
    def encoder(self) -> Any:
        """The `CrossEncoder` as sentence-transformers has it, such as for its trainer."""
        return self._encoder

    def cut(self, query: str, text: str, max_length: int) -> str:
        """As much of the text as fits with the query into `max_length` tokens."""
        return self._texts.cut(query, text, max_length)

    def _batches(self, encoded: Sequence[EncodedPair]) -> Iterator[tuple[list[int], EncodedBatch]]:
        for batch in pack([pair.length for pair in encoded], self.token_budget):
            yield batch, self._encode.features([encoded[i] for i in batch])

    @torch.inference_mode()
    def _logits(self, features: EncodedBatch) -> torch.Tensor:
        """float32 [batch], on the model's device."""
        device = self._encoder.device
        on_device = {
            name: value.to(device, non_blocking=True) if torch.is_tensor(value) else value
            for name, value in features.items()
        }
        out: torch.Tensor = self._encoder(on_device)["scores"].float()
        if out.ndim == 1:
            return out
        return out[:, 1] - out[:, 0] if out.shape[1] == 2 else out[:, 0]

    def _load(self, cuda: bool) -> Any:
        half = self.computed_in != "float32"
        flash = "flash_attention_2"
        tries = [self.attention]
        if self.attention is None and cuda and half and is_flash_attn_2_available():
            tries.insert(0, flash)  # not every model supports it, and only loading tells
        for attention in tries:
            options = {} if attention is None else {"attn_implementation": attention}
            try:
                return CrossEncoder(
                    self.model,
                    device=self.device,
                    revision=self.revision,
                    trust_remote_code=self.trust_remote_code,
                    max_length=self.max_length,
                    model_kwargs={"dtype": getattr(torch, self.computed_in), **options},
                )
            except Exception as error:  # offline, unknown, damaged: each its own class over there
                failed = error
        raise ModelError(f"cannot load the cross-encoder {self.model!r}: {failed}") from failed

    @property
    def attention_used(self) -> str:
        config = getattr(self._encoder.model, "config", None)
        return str(getattr(config, "_attn_implementation", None) or "eager")

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

    def _longest_input(self) -> int:
        """What its tokenizer allows, or `max_length`, and no more than it has positions for."""
        allowed = int(self._encoder.max_seq_length or 512)
        config = getattr(self._encoder.model, "config", None)
        if config is None:
            return allowed
        limit = longest_input(allowed, config.get_text_config().to_dict())
        if limit < allowed:
            self._encoder.max_seq_length = limit
        return limit

    def _check_room(self) -> None:
        special = self._texts.length(("", ""))
        if special >= self.limit:
            raise ModelError(
                f"max_length={self.limit} leaves no room beside {special} special tokens of "
                f"{self.model!r}"
            )

    @property
    def cache_key(self) -> str:
        """What scores depend on beside the name: see `Scorer`."""
        return f"{self.limit} tokens"

    def _revision(self) -> str:
        folder = Path(self.model)
        if folder.is_dir():
            return digest(*torch_weight_files(folder), folder / "tokenizer.json")
        commit = getattr(getattr(self._encoder.model, "config", None), "_commit_hash", None)
        return str(commit)[:12] if commit else (self.revision or "unknown")
