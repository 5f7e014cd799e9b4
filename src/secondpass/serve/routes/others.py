"""Other people's APIs, by path: Cohere v1 and v2, Jina, TEI, vLLM."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Body, HTTPException, Request, Response
from pydantic import Discriminator, Tag

from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.tokens import cut_to, estimated
from secondpass.models.remote.dialects import DIALECTS
from secondpass.serve.answers import scored, spans_of
from secondpass.serve.asking import Service, status_headers
from secondpass.serve.bodies import CohereBody, Documents, RerankBody, ScoreBody, TeiBody

router = APIRouter(tags=["other APIs"])
_COHERE, _JINA = DIALECTS["cohere"], DIALECTS["jina"]
_TEI, _VLLM_SCORE = DIALECTS["tei"], DIALECTS["vllm-score"]


def _kind(body: Any) -> str:
    return (
        "tei"
        if isinstance(body, TeiBody) or (isinstance(body, dict) and "texts" in body)
        else "rerank"
    )


EitherBody = Annotated[
    Annotated[TeiBody, Tag("tei")] | Annotated[RerankBody, Tag("rerank")], Discriminator(_kind)
]


@router.post(_COHERE.path)
async def cohere(body: CohereBody, request: Request, response: Response) -> dict[str, Any]:
    """Cohere v2, with ``relevant_spans`` where the recipe gives evidence."""
    texts = _cut(body.documents, body.max_tokens_per_doc)
    ranking = await _ranked(request, response, body.model, body.query, texts)
    spans = body.relevant_spans
    results = []
    for candidate, score in scored(ranking)[: body.top_n]:
        assert candidate.position is not None
        result: dict[str, Any] = {_COHERE.index: candidate.position, _COHERE.score: score}
        if body.return_documents:
            result["document"] = {"text": body.documents[candidate.position]}
        if spans is not None and spans.mode == "enabled":
            found = spans_of(candidate, spans.threshold, spans.max_spans)
            if found:
                result["relevant_spans"] = found
        results.append(result)
    return {
        "id": str(uuid.uuid4()),
        _COHERE.results: results,
        "meta": _meta("2", body.query, texts),
    }


@router.post(_JINA.path)
async def rerank(body: RerankBody, request: Request, response: Response) -> dict[str, Any]:
    """Jina, Cohere v1, vLLM. Documents are returned unless Cohere's client asks, or the field
    ``return_documents`` says no."""
    texts = _cut(_texts(body.documents, body.rank_fields), body.max_tokens_per_doc)
    ranking = await _ranked(request, response, body.model, body.query, texts)
    wanted = body.return_documents
    if wanted is None:
        wanted = not (_from_cohere(request) or body.rank_fields or body.max_chunks_per_doc)
    results = []
    for candidate, score in scored(ranking)[: body.top_n]:
        assert candidate.position is not None
        result: dict[str, Any] = {_JINA.index: candidate.position, _JINA.score: score}
        if wanted:
            given = body.documents[candidate.position]
            result["document"] = {"text": given} if isinstance(given, str) else given
        results.append(result)
    return {
        "id": str(uuid.uuid4()),
        "object": "list",
        "model": body.model or response.headers["secondpass-recipe"],
        "usage": {"total_tokens": _tokens(body.query, texts)},
        "meta": _meta("1", body.query, texts),
        _JINA.results: results,
    }


@router.post(_TEI.path)
async def either(body: Annotated[EitherBody, Body()], request: Request, response: Response) -> Any:
    """TEI with ``texts``, else the same as ``/v1/rerank``."""
    if isinstance(body, RerankBody):
        return await rerank(body, request, response)
    if not body.texts:
        raise HTTPException(400, "texts: the batch is empty")
    if (body.truncation_direction or "right").lower() == "left":
        raise InvalidInputError("truncation_direction: texts are cut at their end, 'Right'")
    ranking = await _ranked(request, response, None, body.query, body.texts, uncut=True)
    if body.truncate is False and any(e.kind == "truncated" for e in ranking.events):
        raise HTTPException(413, "a text is longer than the model reads; send truncate: true")
    results = []
    for candidate, score in scored(ranking, raw=bool(body.raw_scores)):
        assert candidate.position is not None
        result: dict[str, Any] = {_TEI.index: candidate.position, _TEI.score: score}
        if body.return_text:
            result["text"] = body.texts[candidate.position]
        results.append(result)
    return results


@router.post("/score")
@router.post(_VLLM_SCORE.path)
async def score(body: ScoreBody, request: Request, response: Response) -> dict[str, Any]:
    """vLLM's scores of pairs, in the order of the request."""
    queries = [body.text_1] if isinstance(body.text_1, str) else body.text_1
    texts = [body.text_2] if isinstance(body.text_2, str) else body.text_2
    if not queries or not texts:
        raise HTTPException(400, "text_1 and text_2 must not be empty")
    if len(queries) not in (1, len(texts)):
        raise InvalidInputError(
            f"text_1 has {len(queries)} texts and text_2 has {len(texts)}; give one, or as many"
        )
    if len(queries) == 1:
        asked = [Ranking.of(queries[0], texts)]
    else:
        asked = [Ranking.of(query, [text]) for query, text in zip(queries, texts, strict=True)]
    service: Service = request.app.state.service
    served = service.served(body.model)
    rankings = await service.rank(request, served, asked, uncut=True)
    scores: list[tuple[int, float]] = []
    for number, ranking in enumerate(rankings):
        found = [(c.position or 0, value) for c, value in scored(ranking)]
        scores += found if len(asked) == 1 else [(number, value) for _, value in found]
    response.headers.update(status_headers(rankings[0]))
    return {
        "id": f"score-{uuid.uuid4().hex}",
        "object": "list",
        "created": int(time.time()),
        "model": body.model or served.name,
        _VLLM_SCORE.results: [
            {_VLLM_SCORE.index: index, "object": "score", _VLLM_SCORE.score: value}
            for index, value in sorted(scores)
        ],
        "usage": _usage(sum(map(estimated, [*queries, *texts]))),
    }


async def _ranked(
    request: Request,
    response: Response,
    model: str | None,
    query: str,
    texts: Sequence[str],
    *,
    uncut: bool = False,
) -> Ranking:
    if not texts:
        raise HTTPException(400, "documents: there is none to rank")
    service: Service = request.app.state.service
    served = service.served(model)
    (ranking,) = await service.rank(request, served, [Ranking.of(query, texts)], uncut=uncut)
    response.headers.update(status_headers(ranking))
    response.headers["secondpass-recipe"] = served.name
    return ranking


def _texts(documents: Documents, fields: list[str] | None) -> list[str]:
    """What models read of documents that are objects: the field ``text``, or those named.

    Raises:
        InvalidInputError: An object without it.
    """
    texts: list[str] = []
    for number, document in enumerate(documents):
        if isinstance(document, str):
            texts.append(document)
            continue
        names = fields or ["text"]
        values = [document[name] for name in names if document.get(name) is not None]
        if not values or not all(isinstance(v, str | int | float) for v in values):
            raise InvalidInputError(
                f"documents[{number}] must be a string or have the field "
                f"{' or '.join(map(repr, names))} with a string"
            )
        texts.append("\n".join(map(str, values)))
    return texts


def _cut(texts: list[str], most: int | None) -> list[str]:
    return texts if most is None else [cut_to(text, most).text for text in texts]


def _from_cohere(request: Request) -> bool:
    """Cohere's default is not to return documents, and Jina's is to, on the same path."""
    return request.headers.get("x-fern-sdk-name", "").startswith("cohere")


def _tokens(query: str, texts: Sequence[str]) -> int:
    return estimated(query) * len(texts) + sum(map(estimated, texts))


def _usage(tokens: int) -> dict[str, int]:
    return {"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0}


def _meta(version: str, query: str, texts: Sequence[str]) -> dict[str, Any]:
    return {
        "api_version": {"version": version},
        "tokens": {"input_tokens": _tokens(query, texts)},
    }
