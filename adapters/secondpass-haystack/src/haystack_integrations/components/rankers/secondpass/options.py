"""What the ranker's options may be, and what to write instead of those that it does not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from haystack.components.generators.chat.types import ChatGenerator

from secondpass import InvalidInputError, Judge, Recipe, Stage
from secondpass.core.call_hints import remedies_for_loading
from secondpass.judge import AsyncJudge

Model = (
    str | ChatGenerator | Stage | Judge | AsyncJudge | Recipe | os.PathLike[str] | Mapping[str, Any]
)

REMEDIES: dict[str, str] = {
    **remedies_for_loading("SecondPassRanker(model=MODEL)", ("max_tokens_per_doc",)),
    **dict.fromkeys(
        ("api_key", "token", "api_base_url", "base_url", "url"),
        "keys and addresses of remote rerankers stand in environment variables; name the model: "
        'SecondPassRanker(model="cohere:MODEL")',
    ),
    "embedding_separator": "it is called 'meta_data_separator' here",
    "chat_generator": "a chat generator is a model here: SecondPassRanker(model=generator)",
    "scale_score": "the built-in model gives probabilities, and model='builtin:raw' raw scores",
    "raise_on_failure": "failures are raised; to go on without the model, put it into a "
    "secondpass.Fallback, which says so in an event",
}
"""Keywords of other rankers that are not the name of an option here, and what to do."""


def checked_top_k(top_k: Any) -> int | None:
    """How many documents to keep; Haystack wants it above 0.

    Raises:
        InvalidInputError: Not a whole number, or below 1.
    """
    if top_k is None:
        return None
    if isinstance(top_k, bool) or not isinstance(top_k, int):
        raise InvalidInputError(
            f"top_k={top_k!r}: give a whole number above 0, or None to keep all documents"
        )
    if top_k <= 0:
        raise InvalidInputError(
            f"top_k must be > 0, but got {top_k}; None keeps all, and a threshold may leave none"
        )
    return top_k


def field_names(fields: Any) -> list[str]:
    """The fields of the metadata to read.

    Raises:
        InvalidInputError: Not a list of names, such as one string.
    """
    if fields is None:
        return []
    if isinstance(fields, str) or not all(isinstance(field, str) for field in fields):
        raise InvalidInputError(
            f"meta_fields_to_embed={fields!r}: give a list of names, such as ['title']"
        )
    return list(fields)
