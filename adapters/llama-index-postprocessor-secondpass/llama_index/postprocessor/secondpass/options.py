"""What the reranker's options may be, and what to write instead of those that it does not have."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from llama_index.core.llms import LLM
from llama_index.core.schema import MetadataMode
from llama_index.postprocessor.secondpass.chat import stage_of

import secondpass as sp
from secondpass.core.call_hints import keyword_hint, remedies_for_loading
from secondpass.core.deadline import checked_seconds
from secondpass.judge import AsyncJudge
from secondpass.stages.cut import whole_number
from secondpass.stages.kept import cuts_of

Model = (
    str | LLM | sp.Stage | sp.Judge | AsyncJudge | sp.Recipe | os.PathLike[str] | Mapping[str, Any]
)
OPTIONS = (
    "model",
    "top_n",
    "threshold",
    "keep_at_least",
    "deadline",
    "metadata_mode",
    "group_by",
    "group_score",
)

REMEDIES: dict[str, str] = {
    **remedies_for_loading("SecondPassRerank(model=MODEL)", ("api_key", "base_url")),
    "llm": "an LLM is a model here: SecondPassRerank(model=llm)",
    "keep_retrieval_score": "the retriever's score is always kept, in "
    'node.metadata["secondpass"]["retrieval_score"]',
}
"""Keywords of other rerankers that are not the name of an option here, and what to do."""


def checked_options(
    *,
    model: Model,
    top_n: int | None,
    threshold: float | None,
    keep_at_least: int,
    deadline: float | None,
    metadata_mode: MetadataMode | str,
    group_by: str | None = None,
    group_score: str = "nodes",
) -> dict[str, Any]:
    """The options as they are stored, by name, with the model loaded.

    Raises:
        InvalidInputError: One that cannot be used.
        NotCalibratedError: `threshold` with a model that is known to give raw scores.
        NoScoresError: `threshold` with a model that is known to give only an order.
        SecondPassError: What loading the model may raise.
    """
    if metadata_mode not in list(MetadataMode):
        modes = ", ".join(f"MetadataMode.{mode.name}" for mode in MetadataMode)
        raise sp.InvalidInputError(f"metadata_mode={metadata_mode!r}: give one of {modes}")
    cuts_of(top_n, threshold, keep_at_least, word="top_n")
    options: dict[str, Any] = {
        "top_n": None if top_n is None else whole_number(top_n, "top_n"),
        "threshold": None if threshold is None else float(threshold),
        "keep_at_least": whole_number(keep_at_least, "keep_at_least"),
        "deadline": None if deadline is None else checked_seconds(deadline),
        "metadata_mode": MetadataMode(metadata_mode),
        "group_by": None if group_by is None else _field(group_by),
        "group_score": group_score,
    }
    if group_score not in ("nodes", "documents"):
        raise sp.InvalidInputError(f'group_score={group_score!r}: give "nodes" or "documents"')
    stage = stage_of(model)
    if threshold is not None:
        _check_scale(sp.Threshold(threshold), stage)
    return {"model": stage, **options}


def unknown_option(name: str) -> sp.WrongCallError:
    """What setting an attribute that is not an option raises."""
    meant, remedy = keyword_hint(name, OPTIONS), REMEDIES.get(name)
    if remedy is not None:
        answer = remedy.replace("KEYWORD", name)
    else:
        answer = f"it is called {meant!r} here" if meant else f"it has {', '.join(OPTIONS)}"
    return sp.WrongCallError(f"SecondPassRerank has no option {name!r}; {answer}")


def _field(group_by: object) -> str:
    if not isinstance(group_by, str) or not group_by:
        raise sp.InvalidInputError(
            f'group_by={group_by!r}: give "ref_doc_id", or a key of the metadata'
        )
    return group_by


def _check_scale(threshold: sp.Threshold, model: sp.Stage) -> None:
    """Let a threshold meet the scale that the model gives, where that is known beforehand."""
    last = next((s for s in reversed(sp.Pipeline(model)) if s.origin is not None), None)
    if type(last) in (sp.Score, sp.Compare, sp.Fuse):
        threshold(sp.Ranking("?", (sp.Candidate("?", "?", score=0.0),), "raw"))
    elif type(last) in (sp.Order, sp.Refine):
        threshold(sp.Ranking("?", (sp.Candidate("?", "?"),)))
