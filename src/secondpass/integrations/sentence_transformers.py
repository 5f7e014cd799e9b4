"""Any stage with the methods of sentence-transformers' `CrossEncoder`, without torch.

    from secondpass.integrations.sentence_transformers import CrossEncoder

    model = CrossEncoder("builtin")
    scores = model.predict([("who wrote Faust?", "Goethe wrote Faust.")])
    model.rank("who wrote Faust?", ["Cats sleep.", "Goethe wrote Faust."], top_k=1)

Written for sentence-transformers 6.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Scale
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.ranking import Ranking
from secondpass.integrations.pair_scores import (
    check_batch_size,
    score_pairs,
    scored,
    stage_named,
    texts_of,
)
from secondpass.models.load import ModelLike
from secondpass.stages.cut import whole_number

_LOAD = 'load the model with it: CrossEncoder(load("cross-encoder:...", options={"KEYWORD": ...}))'
_AT_LOADING = dict.fromkeys(
    (
        "trust_remote_code", "revision", "local_files_only", "token", "cache_folder", "backend",
        "model_kwargs", "tokenizer_kwargs", "processor_kwargs", "config_kwargs", "dtype",
        "automodel_args", "tokenizer_args", "num_labels", "default_activation_function",
        "activation_fn",
    ),
    _LOAD,
)  # fmt: skip
_IN_CALLS = {
    "sentences": "it is called 'inputs' here, as in sentence-transformers 6",
    "num_workers": "leave it out; no workers are needed",
    "processing_kwargs": _LOAD,
}


class CrossEncoder:
    """Scores for pairs of query and text, and rankings, by any model or stage.

    Args:
        model_name_or_path: A stage or a model string; a hub id or a folder of weights, as
            sentence-transformers takes, is read as ``cross-encoder:NAME``, which needs torch.
        device: Option of a model that is loaded here, such as "cuda".
        max_length: Option of a model that is loaded here, in tokens.

    Attributes:
        stage: What ranks.
        num_labels: Always 1.

    Raises:
        WrongCallError: An option that belongs elsewhere; says where.
        SecondPassError: What loading the model may raise.
    """

    num_labels = 1

    @hint_keywords(_AT_LOADING)
    def __init__(
        self,
        model_name_or_path: ModelLike,
        *,
        device: str | None = None,
        max_length: int | None = None,
    ) -> None:
        options = {"device": device, "max_length": max_length}
        self.stage = stage_named(model_name_or_path, "cross-encoder", options)

    def __repr__(self) -> str:
        return f"CrossEncoder({self.stage.name})"

    @hint_keywords(_IN_CALLS)
    def predict(  # noqa: PLR0917 - theirs
        self,
        inputs: Sequence[Sequence[str]] | Sequence[str] | np.ndarray,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Callable[[Any], Any] | None = None,
        apply_softmax: bool | None = False,
        convert_to_numpy: bool = True,
        convert_to_tensor: bool = False,
        device: str | None = None,
        pool: None = None,
        chunk_size: int | None = None,
    ) -> Any:
        """A score for each pair, in the order given; see `num_labels`: never a row of them.

        Args:
            inputs: Pairs of query and text, as lists, tuples or a numpy array; or one pair.
            prompt_name: Refused.
            prompt: Refused: what a model is told belongs to the model.
            batch_size: At least 1. Changes no score; batches are limited by tokens here.
            show_progress_bar: No bar is drawn here, whatever it is.
            activation_fn: Applied to raw scores, as a function of a torch tensor; needs torch.
                Of probabilities only `torch.nn.Identity` is accepted.
            apply_softmax: Without effect, as there, since there is one label.
            convert_to_numpy: False gives a list of torch tensors.
            convert_to_tensor: A torch tensor instead of an array.
            device: Refused: an option of the model.
            pool: Refused.
            chunk_size: Refused.

        Returns:
            float32 of shape (pairs,), or one number for one pair. P(relevant) where the stage
            gives probabilities, else raw scores: no sigmoid is applied that was not asked for.

        Raises:
            InvalidInputError: An option that cannot be used, something that is no pair of texts,
                an empty query, or a stage that cuts.
            NoScoresError: The stage only orders.
        """
        _refuse(prompt_name=prompt_name, prompt=prompt, device=device, pool=pool,
                chunk_size=chunk_size)  # fmt: skip
        check_batch_size(batch_size)
        pairs, is_one = _pairs(inputs)
        numbers, scale = score_pairs(self.stage, pairs)
        scores = _activated(np.asarray(numbers, dtype=np.float32), activation_fn, scale)
        if convert_to_tensor or not convert_to_numpy:
            import torch

            tensor = torch.from_numpy(scores)
            if is_one:
                return tensor[0]
            return tensor if convert_to_tensor else list(tensor)
        return scores[0] if is_one else scores

    @hint_keywords(_IN_CALLS)
    def rank(  # noqa: PLR0917 - theirs
        self,
        query: str,
        documents: Sequence[str],
        top_k: int | None = None,
        return_documents: bool = False,
        prompt_name: str | None = None,
        prompt: str | None = None,
        batch_size: int = 32,
        show_progress_bar: bool | None = None,
        activation_fn: Callable[[Any], Any] | None = None,
        device: str | None = None,
        pool: None = None,
        chunk_size: int | None = None,
    ) -> list[dict[str, Any]]:
        """The documents by relevance, best first; those that the stage cut are not there.

        Args:
            query: What was asked.
            documents: Texts. None is a legal question.
            top_k: The number kept at most.
            return_documents: Also the text of each.
            prompt_name: See `predict`, for this and the options below.
            prompt: Refused.
            batch_size: Changes no score.
            show_progress_bar: No bar is drawn here.
            activation_fn: Applied to raw scores; the order is by its values.
            device: Refused.
            pool: Refused.
            chunk_size: Refused.

        Returns:
            Of each document ``corpus_id``, its index in `documents`, ``score``, a float with
            float32 precision, and ``text`` if asked for. Equal scores keep the order given.

        Raises:
            InvalidInputError: See `predict`.
            NoScoresError: The stage only orders.
        """
        _refuse(prompt_name=prompt_name, prompt=prompt, device=device, pool=pool,
                chunk_size=chunk_size)  # fmt: skip
        check_batch_size(batch_size)
        kept = None if top_k is None else whole_number(top_k, "top_k")
        ranking = scored(self.stage, Ranking.of(query, texts_of(documents)))
        numbers = np.asarray([c.score for c in ranking], dtype=np.float32)
        scores = _activated(numbers, activation_fn, ranking.scale).tolist()
        results = []
        for candidate, index, score in zip(ranking, ranking.indices, scores, strict=True):
            result: dict[str, Any] = {"corpus_id": index, "score": score}
            if return_documents:
                result["text"] = candidate.text
            results.append(result)
        return sorted(results, key=lambda result: -result["score"])[:kept]


def _pairs(inputs: Any) -> tuple[list[tuple[str, str]], bool]:
    """The pairs, and whether it was one pair and no list of them."""
    if isinstance(inputs, np.ndarray):
        inputs = inputs.tolist()
    if isinstance(inputs, str) or not hasattr(inputs, "__iter__"):
        raise InvalidInputError(f"inputs is {shown(inputs)}; pass pairs of a query and a text")
    listed = list(inputs)
    is_one = bool(listed) and isinstance(listed[0], str)
    pairs = [tuple(listed)] if is_one else [_pair(p, i) for i, p in enumerate(listed)]
    for index, pair in enumerate(pairs):
        if len(pair) != 2 or not all(isinstance(part, str) for part in pair):
            raise InvalidInputError(
                f"pair {index} is {shown(pair)}; a pair is a query and a text, both strings"
            )
    return pairs, is_one


def _pair(pair: Any, index: int) -> tuple[Any, ...]:
    if not isinstance(pair, list | tuple | np.ndarray):
        raise InvalidInputError(
            f"pair {index} is {shown(pair)}; a pair is a query and a text, both strings"
        )
    return tuple(pair)


def _activated(scores: np.ndarray, activation: Any, scale: Scale) -> np.ndarray:
    if activation is None or not len(scores):
        return scores
    if scale == "probability":
        if type(activation).__name__ == "Identity":
            return scores
        raise InvalidInputError(
            f"activation_fn={activation!r}: these scores are probabilities already, and it would "
            "make them something else; leave it out, or give a model with raw scores"
        )
    import torch

    return np.asarray(activation(torch.from_numpy(scores)), dtype=np.float32)


def _refuse(**options: object) -> None:
    """Options that would change which numbers come out, or where, and that a stage has not."""
    for name, value in options.items():
        if value is not None:
            raise InvalidInputError(
                f"{name}={value!r}: this belongs to the model here; "
                + _LOAD.replace("KEYWORD", "device" if name in ("pool", "chunk_size") else name)
            )
