"""What to write instead of options that the reranker does not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.language_models import BaseChatModel

from secondpass import Judge, Recipe, Stage, WrongCallError
from secondpass.core.call_hints import keyword_hint, remedies_for_loading
from secondpass.judge import AsyncJudge

Model = (
    str
    | BaseChatModel
    | BaseCrossEncoder
    | Stage
    | Judge
    | AsyncJudge
    | Recipe
    | os.PathLike[str]
    | Mapping[str, Any]
)
OPTIONS = ("model", "top_n", "threshold", "keep_at_least", "deadline", "group_by", "group_score")

REMEDIES: dict[str, str] = {
    **remedies_for_loading("SecondPassRerank(model=MODEL)", ("api_key", "base_url")),
    "llm": "a chat model is a model here: SecondPassRerank(model=your_chat_model)",
    # FlashrankRerank and HuggingFaceCrossEncoder of langchain-community
    "score_threshold": "it cuts the model's own scores, and ours cuts P(relevant): choose "
    "threshold= on labelled queries, or cut raw scores on purpose: "
    'model=stage >> Threshold(x, scale="raw")',
    "client": "a FlashRank client is not taken: model= takes a model string, such as 'builtin' or "
    "'onnx:FOLDER', or an object with score(pairs)",
    "prefix_metadata": "the keys are always 'relevance_score' and 'secondpass'; yours are kept",
    "model_kwargs": "load the model with them, and pass what load gives: "
    'model=load("cross-encoder:NAME", options={...})',
}
"""Keywords of other rerankers that are not the name of an option here, and what to do."""


def fixed_option(name: str) -> WrongCallError:
    """What setting an attribute raises."""
    if name in OPTIONS:
        return WrongCallError(
            f"{name} cannot be set, since chains and threads may share the reranker; "
            f'reranker.model_copy(update={{"{name}": ...}}) makes another, with all else the same'
        )
    meant = keyword_hint(name, OPTIONS)
    answer = f"it is called {meant!r} here" if meant else f"it has {', '.join(OPTIONS)}"
    return WrongCallError(f"SecondPassRerank has no option {name!r}; {answer}")
