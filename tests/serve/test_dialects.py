"""Each path answers as the API that it is taken from, with the numbers of the library."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from secondpass import Ranking, Recipe, load

pytestmark = pytest.mark.enable_socket
DOCUMENTS = [
    "Cats sleep for most of the day.",
    "Goethe wrote the play Faust, published in two parts.",
    "Faust is a family name in some regions.",
    "Rust never sleeps.",
]
QUERY = "who wrote Faust?"


@pytest.fixture(scope="module")
def expected() -> Ranking:
    return load("builtin")(Ranking.of(QUERY, DOCUMENTS))


@pytest.fixture(scope="module")
def raw() -> dict[int, float]:
    ranking = load("builtin:raw")(Ranking.of(QUERY, DOCUMENTS))
    return dict(zip(ranking.indices, ranking.scores, strict=True))


def results(answer: Any, key: str = "relevance_score") -> dict[int, float]:
    found = answer if isinstance(answer, list) else answer.get("results", answer.get("data"))
    return {result["index"]: result[key] for result in found}


def test_cohere_v2(service: Any, expected: Ranking) -> None:
    body = {"model": "rerank-v3.5", "query": QUERY, "documents": DOCUMENTS}
    response = service.post("/v2/rerank", body)
    answer = response.json()
    assert [r["index"] for r in answer["results"]] == expected.indices
    assert list(results(answer).values()) == pytest.approx(expected.scores, abs=1e-6)
    assert set(answer["results"][0]) == {"index", "relevance_score"}
    assert response.headers["secondpass-scale"] == "probability"
    two = service.post("/v2/rerank", {**body, "top_n": 2, "max_tokens_per_doc": None}).json()
    assert two["results"] == answer["results"][:2]
    returned = service.post("/v2/rerank", {**body, "return_documents": True}).json()["results"]
    assert all(r["document"] == {"text": DOCUMENTS[r["index"]]} for r in returned)
    unknown = service.post("/v2/rerank", {**body, "rank_fields": ["text"]})
    assert unknown.status_code == 422
    assert "'rank_fields' is not a valid field" in unknown.json()["message"]


def test_cohere_v1_and_jina_on_one_path(service: Any, expected: Ranking) -> None:
    dicts = [{"text": text, "page": i} for i, text in enumerate(DOCUMENTS)]
    body = {"model": "builtin", "query": QUERY, "documents": dicts, "top_n": 1}
    answer = service.post("/v1/rerank", body).json()
    (best,) = answer["results"]
    assert best["document"] == dicts[1]
    assert best["relevance_score"] == pytest.approx(expected.scores[0], abs=1e-6)
    assert answer["usage"]["total_tokens"] > 0
    assert (
        "document"
        not in service.post("/v1/rerank", body, headers={"X-Fern-SDK-Name": "cohere"}).json()[
            "results"
        ][0]
    )
    no = service.post("/v1/rerank", {**body, "return_documents": False, "unknown": 1}).json()
    assert "document" not in no["results"][0]
    named = [{"title": QUERY, "text": "x"}, {"title": "Cats", "text": DOCUMENTS[1]}]
    by_field = {"query": QUERY, "documents": named, "return_documents": False}
    assert service.post("/v1/rerank", by_field).json()["results"][0]["index"] == 1
    titles = service.post("/v1/rerank", {**by_field, "rank_fields": ["title"]}).json()
    assert titles["results"][0]["index"] == 0


def test_tei(service: Any, expected: Ranking, raw: dict[int, float]) -> None:
    body = {"query": QUERY, "texts": DOCUMENTS}
    answer = service.post("/rerank", body).json()
    assert list(results(answer, "score")) == expected.indices
    logits = service.post("/rerank", {**body, "raw_scores": True, "return_text": True}).json()
    assert results(logits, "score") == pytest.approx(raw, abs=1e-5)
    assert logits[0]["text"] == DOCUMENTS[expected.indices[0]]
    assert service.post("/rerank", {**body, "texts": []}).status_code == 400
    long = {"query": QUERY, "texts": ["word " * 2000]}
    assert service.post("/rerank", long).status_code == 200
    assert service.post("/rerank", {**long, "truncate": False}).status_code == 200  # it reads all
    left = service.post("/rerank", {**body, "truncation_direction": "Left"})
    assert left.status_code == 422
    assert set(left.json()) >= {"error", "error_type"}


def test_tei_is_told_that_a_text_would_be_cut(tmp_path: Path, serving: Any) -> None:
    recipe = tmp_path / "cutting.json"
    Recipe.of(load("builtin", options={"chunks": 1})).save(recipe)
    with serving(recipes={"cutting": str(recipe)}) as server:
        server.wait_until_ready()
        long = {"query": QUERY, "texts": ["word " * 2000]}
        assert server.post("/rerank", long).status_code == 200
        assert server.post("/rerank", {**long, "truncate": False}).status_code == 413


def test_vllm_scores_in_the_order_of_the_request(service: Any, expected: Ranking) -> None:
    by_index = dict(zip(expected.indices, expected.scores, strict=True))
    answer = service.post("/score", {"text_1": QUERY, "text_2": DOCUMENTS}).json()
    assert list(results(answer, "score")) == [0, 1, 2, 3]
    assert results(answer, "score") == pytest.approx(by_index, abs=1e-6)
    pairs = {"text_1": [QUERY, "cats"], "text_2": DOCUMENTS[1::-1], "model": "cut"}
    answer = service.post("/v1/score", pairs).json()
    assert answer["data"][0]["score"] == pytest.approx(by_index[1], abs=1e-6)
    assert len(answer["data"]) == 2  # a threshold in the recipe drops nothing here
    assert service.post("/score", {"text_1": ["a", "b"], "text_2": ["c"]}).status_code == 422


def test_vllm_and_infinity_without_a_version(service: Any, expected: Ranking) -> None:
    body = {"model": "builtin", "query": QUERY, "documents": DOCUMENTS}
    answer = service.post("/rerank", body).json()
    assert [r["index"] for r in answer["results"]] == expected.indices


def test_raw_scores_are_squeezed_in_their_order_and_said_to_be_no_probabilities(
    service: Any, raw: dict[int, float]
) -> None:
    response = service.post("/v2/rerank", {"model": "raw", "query": QUERY, "documents": DOCUMENTS})
    assert response.headers["secondpass-scale"] == "raw"
    squeezed = {i: 1 / (1 + math.exp(-s)) for i, s in raw.items()}
    assert results(response.json()) == pytest.approx(squeezed, abs=1e-6)


def test_our_own_says_everything(service: Any, expected: Ranking) -> None:
    documents = [*DOCUMENTS[:3], {"id": "rust", "text": DOCUMENTS[3], "metadata": {"by": "Neil"}}]
    body = {"query": QUERY, "documents": documents, "return_documents": True}
    answer = service.post("/rank", body).json()
    assert [c["position"] for c in answer["candidates"]] == expected.indices
    assert [c["probability"] for c in answer["candidates"]] == pytest.approx(expected.scores)
    assert answer["scale"], answer["status"] == ("probability", "complete")
    assert answer["model"].startswith("builtin@")
    by_id = {c["id"]: c for c in answer["candidates"]}
    assert by_id["rust"]["metadata"] == {"by": "Neil"}
    assert [m["scale"] for m in by_id["rust"]["trail"]] == ["raw", "probability"]
    few = service.post("/rank", {**body, "threshold": 0.3, "top_k": 1, "return_documents": False})
    (best,) = few.json()["candidates"]
    assert "text" not in best
    assert "dropped" in {event["kind"] for event in few.json()["events"]}
    assert service.post("/rank", {"query": QUERY, "documents": []}).json()["candidates"] == []
    no = service.post("/rank", {**body, "recipe": "raw", "threshold": 0.5})
    assert no.status_code == 422


def test_recipes_by_name(service: Any) -> None:
    listed = service.get("/v1/models").json()["data"]
    assert [model["id"] for model in listed] == ["builtin", "rerank-v3.5", "raw", "cut"]
    body = {"model": "cut", "query": QUERY, "documents": DOCUMENTS}
    assert len(service.post("/v1/rerank", body).json()["results"]) == 1
    missing = service.post("/v1/rerank", {**body, "model": "gpt"})
    assert missing.status_code == 404
    assert "'rerank-v3.5'" in missing.json()["detail"]
    assert service.get("/info").json()["model_id"] == "builtin"


def without_nulls(value: Any) -> Any:
    """OpenAPI 3.0 says "nullable" where JSON schema has another type."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def test_answers_are_what_the_apis_documents_say(service: Any, shared: Path) -> None:
    yaml = pytest.importorskip("yaml")
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    cohere = yaml.load((shared / "specs/cohere-openapi.yaml").read_text(), loader)
    tei = json.loads((shared / "specs/tei-openapi.json").read_text())
    asked = {"model": "builtin", "query": QUERY, "documents": DOCUMENTS}
    for path in ("/v1/rerank", "/v2/rerank"):
        answer = service.post(path, asked).json()
        content = cohere["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]
        schema = {**content["schema"], "components": cohere["components"]}
        Draft202012Validator(schema).validate(answer)
    said = {
        "RerankResponse": service.post("/rerank", {"query": QUERY, "texts": DOCUMENTS}).json(),
        "ErrorResponse": service.post("/rerank", {"query": QUERY, "texts": []}).json(),
        "Info": service.get("/info").json(),
    }
    for name, answer in said.items():
        schema = {**tei["components"]["schemas"][name], "components": tei["components"]}
        Draft202012Validator(schema).validate(without_nulls(answer))
