"""What requests hold, by API. Fields are those of the APIs' own documents.

Cohere refuses fields that it does not know (422, "unknown field"), and so does our own API; the
others ignore them. null stands for "not given" everywhere, since clients send it.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Documents = list[str | dict[str, Any]]
Count = int | None


class _Ignoring(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)


class _Refusing(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class RerankBody(_Ignoring):
    """Cohere v1, Jina, vLLM, and those that copy them: Open WebUI, Dify, Infinity."""

    model: str | None = None
    query: str
    documents: Documents
    top_n: Count = Field(None, ge=1)
    return_documents: bool | None = None
    rank_fields: list[str] | None = None
    max_chunks_per_doc: Count = None
    max_tokens_per_doc: Count = Field(None, ge=1)


class RelevantSpans(_Refusing):
    """Which parts of a text are to be named."""

    mode: Literal["enabled", "disabled"] = "enabled"
    threshold: float | None = Field(None, ge=0, le=1)
    max_spans: Count = Field(None, ge=1)


class CohereBody(_Refusing):
    """Cohere v2; `return_documents` is of its first versions, and LiteLLM sends it."""

    model: str
    query: str
    documents: list[str]
    top_n: Count = Field(None, ge=1)
    max_tokens_per_doc: Count = Field(None, ge=1)
    priority: Count = Field(None, ge=0, le=999)
    return_documents: bool | None = None
    relevant_spans: RelevantSpans | None = None


class TeiBody(_Ignoring):
    """Text Embeddings Inference."""

    query: str
    texts: list[str]
    raw_scores: bool | None = None
    return_text: bool | None = None
    truncate: bool | None = None
    truncation_direction: Literal["Left", "Right", "left", "right"] | None = None


class ScoreBody(_Ignoring):
    """vLLM's pairs: one text with each of a list, or two lists side by side."""

    model: str | None = None
    text_1: str | list[str]
    text_2: str | list[str]


class OwnDocument(_Refusing):
    """A text with what else is known of it."""

    id: str | None = None
    text: str
    metadata: dict[str, Any] = {}
    score: float | None = Field(None, allow_inf_nan=False)


class RankBody(_Refusing):
    """Our own."""

    recipe: str | None = None
    query: str
    documents: list[str | OwnDocument]
    top_k: Count = Field(None, ge=0)
    threshold: float | None = Field(None, ge=0, le=1)
    return_documents: bool = False
    deadline_ms: float | None = Field(None, gt=0, allow_inf_nan=False)
