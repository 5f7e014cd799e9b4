"""What each rerank API's request must be and what its answer looks like, by path."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any


class Wire:
    """One path: what its request must be, and what its answer looks like."""

    def __init__(
        self,
        read: Callable[[Any], tuple[str, list[str]]],
        answer: Callable[[Any, list[tuple[int, Any]], list[str]], Any],
        in_order: bool = False,
    ) -> None:
        self.read, self.answer, self.sorted = read, answer, not in_order


def _fields(body: Any, required: str, optional: str = "") -> None:
    have = set(body)
    assert set(required.split()) <= have, f"required: {set(required.split()) - have}"
    unknown = have - {*required.split(), *optional.split()}
    assert not unknown, f"unknown: {unknown}"
    assert all(isinstance(text, str) for text in (body.get("documents") or []))


def _cohere(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model query documents", "top_n max_tokens_per_doc priority relevant_spans")
    return body["query"], body["documents"]


def _jina(body: Any) -> tuple[str, list[str]]:
    optional = "top_n return_documents raw_scores instruct instruction truncation"
    _fields(body, "model query documents", optional)
    return body["query"], body["documents"]


def _either(body: Any) -> tuple[str, list[str]]:
    """``/rerank`` is TEI's and llama.cpp's with ``texts``, infinity's with ``documents``."""
    if "texts" in body:
        _fields(body, "query texts", "truncate truncation_direction raw_scores return_text")
        return body["query"], body["texts"]
    if "parameters" in body or (body["documents"] and isinstance(body["documents"][0], dict)):
        assert set(body) <= {"model", "query", "documents", "return_documents", "parameters"}
        return body["query"], [document["text"] for document in body["documents"]]
    return _jina(body)


def _results(body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    """Cohere v1 and v2, Jina, vLLM (which always repeats the documents); Voyage."""
    if "truncation" in body:
        return _data(body, scores, texts)
    results: list[dict[str, Any]] = [{"index": i, "relevance_score": s} for i, s in scores]
    if body.get("return_documents", True) and "max_tokens_per_doc" not in body:
        for result, (i, _) in zip(results, scores, strict=True):
            if i < len(texts):
                result["document"] = {"text": texts[i]}
    if body.get("relevant_spans"):
        for result, (i, _) in zip(results, scores, strict=True):
            result["relevant_spans"] = [
                {"start": 0, "end": len(texts[i].split(".")[0]), "score": 0.5}
            ]
    return {
        "id": "1",
        "model": body.get("model"),
        "results": results,
        "usage": {"total_tokens": 10 * len(texts)},
        "meta": {"billed_units": {"search_units": 1}},
    }


def _bare(body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    if "texts" in body:
        return [{"index": i, "score": s} for i, s in scores]
    if isinstance(body["documents"][0], dict):
        return _data(body, scores, texts)
    return _results(body, scores, texts)


def _data(_body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    """Pinecone, mixedbread, Voyage and vLLM's /score share the list and differ in its names."""
    data = [{"index": i, "score": s, "relevance_score": s, "object": "score"} for i, s in scores]
    usage = {"rerank_units": 1, "total_tokens": 10 * len(texts)}
    return {"object": "list", "data": data, "usage": usage}


def _dashscope(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model input", "parameters")
    _fields(body["input"], "query documents")
    return body["input"]["query"], body["input"]["documents"]


def _nvidia(body: Any) -> tuple[str, list[str]]:
    _fields(body, "query passages", "model truncate")
    return body["query"]["text"], [passage["text"] for passage in body["passages"]]


def _score(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model text_1 text_2")
    return body["text_1"], body["text_2"]


def _mixedbread(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model query input", "top_k return_input")
    return body["query"], body["input"]


def _logits(_body: Any, scores: list[tuple[int, Any]], _texts: list[str]) -> Any:
    return {"rankings": [{"index": i, "logit": s} for i, s in scores]}


def _output(_body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    return {"output": {"results": _results({}, scores, texts)["results"]}, "request_id": "1"}


def _decisions(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model input questions", "prompt_cache_key safety_identifier")
    assert 1 <= len(body["questions"]) <= 400
    for question in body["questions"]:
        assert question["type"] == "predicate"
        assert set(question) <= {"type", "name", "instructions"}
    return _state(json.loads(body["input"]), [q["instructions"] for q in body["questions"]])


def _system_one(body: Any) -> tuple[str, list[str]]:
    _fields(body, "model state questions")
    assert all(q["type"] == "noul" for q in body["questions"].values())
    return _state(body["state"], [q["instructions"] for q in body["questions"].values()])


def _state(state: Any, statements: list[str]) -> tuple[str, list[str]]:
    """What a decision model reads: the passage that each statement names."""
    names = [next(word for word in s.split() if word in state["passages"]) for s in statements]
    return state["query"], [state["passages"][name] for name in names]


def _predicates(body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    answers = [
        {"type": "predicate", "name": body["questions"][i]["name"], "probability": s}
        for i, s in scores
        if i < len(texts)
    ]
    for answer in answers:
        if answer["probability"] == "high":  # of the fault "not-a-number"
            answer.clear()
            answer.update(type="refusal", name=None)
    return {"model": body["model"], "answers": answers, "usage": _tokens(texts)}


def _nouls(body: Any, scores: list[tuple[int, Any]], texts: list[str]) -> Any:
    names = list(body["questions"])
    answers = {names[i]: {"type": "noul", "noul": s} for i, s in scores if i < len(texts)}
    return {"model": body["model"], "answers": answers, "usage": _tokens(texts)}


def _tokens(texts: list[str]) -> dict[str, int]:
    return {"input_tokens": 10 * len(texts), "output_tokens": len(texts)}


WIRES: Mapping[str, Wire] = {
    "/v1/decisions": Wire(_decisions, _predicates, in_order=True),
    "/v1/systemone": Wire(_system_one, _nouls),
    "/v2/rerank": Wire(_cohere, _results),
    "/v1/rerank": Wire(_jina, _results),
    "/rerank": Wire(_either, _bare),
    "/api/v1/rerank": Wire(_jina, _results),
    "/v1/models/rerank": Wire(_jina, _results),
    "/compatible-api/v1/reranks": Wire(_jina, _results),
    "/api/v1/services/rerank/text-rerank/text-rerank": Wire(_dashscope, _output),
    "/v1/ranking": Wire(_nvidia, _logits),
    "/v1/reranking": Wire(_mixedbread, _data),
    "/v1/score": Wire(_score, _data, in_order=True),
}
