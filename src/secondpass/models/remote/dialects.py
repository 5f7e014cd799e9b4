"""How each rerank API is spoken, as data: a new one is an entry in `DIALECTS`.

Sources: the providers' API references (Cohere's and TEI's OpenAPI documents, which the tests
validate requests against), and the servers' own documentation.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

UNIT = "0 to 1, the provider's own scale; not a probability"
LOGIT = "unbounded"
OWN = "whatever the served model gives"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A rerank API. Fields of the request and the response are dotted paths, such as input.query.

    Attributes:
        path: Of the request, after the server's address.
        url: The provider's address; None where users run the server themselves.
        key: The environment variable of the key.
        key_header: The header that carries it; in `Authorization` it is a Bearer token.
        headers: Other headers.
        model: Field of the model's name; None where a server has one model.
        query: Field of the query.
        documents: Field of the texts.
        wrapped: Key under which a text stands ({"text": ...}); None for plain strings.
        query_wrapped: Likewise for the query.
        constant: Other fields of each request.
        results: Field of the response that lists the results; "" for the response itself.
        index: Field of a result that says which text it belongs to.
        score: Field of a result.
        text: Field of a result that repeats the text, where there is one.
        spans: Field of a result with the relevant spans of the text; None where the API has none.
        usage: Fields of the response that count what is billed.
        most: Largest number of texts in one request, where nobody asks for another.
        limit: Largest number that can be asked for.
        scores: What the API says of its scores.
    """

    path: str
    url: str | None = None
    key: str | None = None
    key_header: str = "Authorization"
    headers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = "model"
    query: str = "query"
    documents: str = "documents"
    wrapped: str | None = None
    query_wrapped: str | None = None
    constant: Mapping[str, Any] = field(default_factory=dict)
    results: str = "results"
    index: str = "index"
    score: str = "relevance_score"
    text: str | None = None
    spans: str | None = None
    usage: tuple[str, ...] = ("usage.total_tokens",)
    most: int = 1000
    limit: int = 100_000
    scores: str = OWN


_NO_DOCUMENTS = {"return_documents": False}

DIALECTS: Mapping[str, Dialect] = {
    "cohere": Dialect(
        path="/v2/rerank",
        url="https://api.cohere.com",
        key="CO_API_KEY",
        spans="relevant_spans",
        usage=("meta.billed_units.search_units", "meta.billed_units.total_tokens"),
        scores=UNIT,
    ),
    "cohere-v1": Dialect(
        path="/v1/rerank",
        url="https://api.cohere.com",
        key="CO_API_KEY",
        constant=_NO_DOCUMENTS,
        usage=("meta.billed_units.search_units",),
        scores=UNIT,
    ),
    "contextual": Dialect(
        path="/v1/rerank", url="https://api.contextual.ai", key="CONTEXTUAL_API_KEY", scores=UNIT
    ),
    "dashscope": Dialect(
        path="/api/v1/services/rerank/text-rerank/text-rerank",
        url="https://dashscope.aliyuncs.com",
        key="DASHSCOPE_API_KEY",
        query="input.query",
        documents="input.documents",
        constant={"parameters.return_documents": False},
        results="output.results",
        most=500,
        scores=UNIT,
    ),
    "dashscope-compatible": Dialect(
        path="/compatible-api/v1/reranks",
        url="https://dashscope.aliyuncs.com",
        key="DASHSCOPE_API_KEY",
        most=500,
        scores=UNIT,
    ),
    "infinity": Dialect(path="/rerank", constant={**_NO_DOCUMENTS, "raw_scores": False}),
    "jina": Dialect(
        path="/v1/rerank",
        url="https://api.jina.ai",
        key="JINA_API_KEY",
        constant=_NO_DOCUMENTS,
        scores=UNIT,
    ),
    "llamacpp": Dialect(path="/v1/rerank", scores=LOGIT),
    "llamacpp-tei": Dialect(
        path="/rerank", model=None, documents="texts", results="", score="score", scores=LOGIT
    ),
    "mixedbread": Dialect(
        path="/v1/reranking",
        url="https://api.mixedbread.com",
        key="MXBAI_API_KEY",
        documents="input",
        constant={"return_input": False},
        results="data",
        score="score",
        scores=UNIT,
    ),
    "nvidia": Dialect(
        path="/v1/ranking",
        key="NVIDIA_API_KEY",
        documents="passages",
        wrapped="text",
        query_wrapped="text",
        constant={"truncate": "END"},
        results="rankings",
        score="logit",
        most=512,
        scores=LOGIT,
    ),
    "openrouter": Dialect(
        path="/api/v1/rerank",
        url="https://openrouter.ai",
        key="OPENROUTER_API_KEY",
        text="document",
        usage=("usage.total_tokens", "usage.search_units", "usage.cost"),
    ),
    "pinecone": Dialect(
        path="/rerank",
        url="https://api.pinecone.io",
        key="PINECONE_API_KEY",
        key_header="Api-Key",
        headers={"X-Pinecone-API-Version": "2026-07"},
        wrapped="text",
        constant={**_NO_DOCUMENTS, "parameters.truncate": "END"},
        results="data",
        score="score",
        usage=("usage.rerank_units",),
        most=100,
        scores=UNIT,
    ),
    "sglang": Dialect(path="/v1/rerank", results="", score="score", text="document", usage=()),
    "siliconflow": Dialect(
        path="/v1/rerank",
        url="https://api.siliconflow.com",
        key="SILICONFLOW_API_KEY",
        constant=_NO_DOCUMENTS,
        usage=("meta.tokens.input_tokens",),
        scores=UNIT,
    ),
    "tei": Dialect(
        path="/rerank",
        model=None,
        documents="texts",
        constant={"truncate": True, "raw_scores": False, "return_text": False},
        results="",
        score="score",
        usage=(),
        most=32,
        scores="0 to 1, the sigmoid of the model's logit",
    ),
    "trtllm": Dialect(path="/v1/rerank", text="document"),
    "vllm": Dialect(path="/v1/rerank", text="document"),
    "vllm-score": Dialect(
        path="/v1/score", query="text_1", documents="text_2", results="data", score="score"
    ),
    "voyage": Dialect(
        path="/v1/rerank",
        url="https://api.voyageai.com",
        key="VOYAGE_API_KEY",
        constant={**_NO_DOCUMENTS, "truncation": True},
        results="data",
        scores=UNIT,
    ),
    "zeroentropy": Dialect(
        path="/v1/models/rerank",
        url="https://api.zeroentropy.dev",
        key="ZEROENTROPY_API_KEY",
        usage=("total_tokens",),
        scores=UNIT,
    ),
}
"""By name. Those with an address are backends of model strings by themselves (``cohere:MODEL``);
any is one with an address (``rerank+tei:http://localhost:8080``)."""

HOSTED = tuple(name for name, dialect in DIALECTS.items() if dialect.url)


def request_body(
    dialect: Dialect, model: str | None, query: str, texts: list[str]
) -> dict[str, Any]:
    """The JSON of one request."""
    fields: dict[str, Any] = dict(dialect.constant)
    if dialect.model and model:
        fields[dialect.model] = model
    fields[dialect.query] = {dialect.query_wrapped: query} if dialect.query_wrapped else query
    key = dialect.wrapped
    fields[dialect.documents] = [{key: text} for text in texts] if key else texts
    body: dict[str, Any] = {}
    for path, value in fields.items():
        *parents, last = path.split(".")
        inner = body
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[last] = value
    return body


def at(value: Any, path: str) -> Any:
    """What stands at a dotted path of parsed JSON; None where nothing does."""
    for key in path.split(".") if path else ():
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
