"""Clients that people have, unchanged, against the service behind a socket."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from secondpass import Ranking, load

pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # of the clients' own imports
    pytest.mark.usefixtures("leave_no_garbage"),  # sockets
]
DOCUMENTS = [
    "Cats sleep for most of the day.",
    "Goethe wrote the play Faust, published in two parts.",
    "Faust is a family name in some regions.",
    "Rust never sleeps.",
]
QUERY = "who wrote Faust?"


@pytest.fixture(scope="module")
def expected() -> dict[int, float]:
    """Index to probability, best first."""
    ranking = load("builtin")(Ranking.of(QUERY, DOCUMENTS))
    return dict(zip(ranking.indices, ranking.scores, strict=True))


def same(found: dict[int, float], expected: dict[int, float]) -> None:
    assert list(found) == list(expected)[: len(found)]
    assert found == pytest.approx({index: expected[index] for index in found}, abs=1e-6)


def test_coheres_sdk(service: Any, expected: dict[int, float]) -> None:
    cohere = pytest.importorskip("cohere")
    two = cohere.ClientV2(api_key="any", base_url=service.url)
    answer = two.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=3)
    same({r.index: r.relevance_score for r in answer.results}, expected)
    assert len(answer.results) == 3
    one = cohere.Client(api_key="any", base_url=service.url)
    documents = [{"text": text} for text in DOCUMENTS]
    answer = one.rerank(
        model="rerank-v3.5", query=QUERY, documents=documents, return_documents=True
    )
    same({r.index: r.relevance_score for r in answer.results}, expected)
    assert answer.results[0].document.text == DOCUMENTS[1]
    plain = one.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS)
    assert plain.results[0].document is None
    with pytest.raises(cohere.errors.NotFoundError, match="there is no model"):
        two.rerank(model="rerank-v9", query=QUERY, documents=DOCUMENTS)
    with pytest.raises(cohere.errors.UnprocessableEntityError, match="top_n"):
        two.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS, top_n=0)


async def test_coheres_sdk_in_async_code(service: Any, expected: dict[int, float]) -> None:
    cohere = pytest.importorskip("cohere")
    client = cohere.AsyncClientV2(api_key="any", base_url=service.url)
    answer = await client.rerank(model="rerank-v3.5", query=QUERY, documents=DOCUMENTS)
    same({r.index: r.relevance_score for r in answer.results}, expected)


@pytest.fixture
def nodes() -> list[Any]:
    schema = pytest.importorskip("llama_index.core.schema")
    return [
        schema.NodeWithScore(node=schema.TextNode(text=text, id_=str(i)), score=0.5)
        for i, text in enumerate(DOCUMENTS)
    ]


def test_llama_index_tei(service: Any, nodes: list[Any], expected: dict[int, float]) -> None:
    tei = pytest.importorskip("llama_index.postprocessor.tei_rerank")
    reranker = tei.TextEmbeddingInference(base_url=service.url, top_n=4)
    found = reranker.postprocess_nodes(nodes, query_str=QUERY)
    same({int(node.node_id): node.score for node in found}, expected)


def test_llama_index_jina(service: Any, nodes: list[Any], expected: dict[int, float]) -> None:
    jina = pytest.importorskip("llama_index.postprocessor.jinaai_rerank")
    reranker = jina.JinaRerank(
        base_url=f"{service.url}/v1", model="builtin", top_n=4, api_key="any"
    )
    found = reranker.postprocess_nodes(nodes, query_str=QUERY)
    same({int(node.node_id): node.score for node in found}, expected)


@pytest.fixture
def haystack_documents(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    monkeypatch.setenv("HAYSTACK_TELEMETRY_ENABLED", "False")
    haystack = pytest.importorskip("haystack")
    return [haystack.Document(content=text, id=str(i)) for i, text in enumerate(DOCUMENTS)]


def test_haystack_cohere(
    service: Any, haystack_documents: list[Any], expected: dict[int, float]
) -> None:
    rankers = pytest.importorskip("haystack_integrations.components.rankers.cohere")
    from haystack.utils import Secret

    ranker = rankers.CohereRanker(
        model="rerank-v3.5", api_base_url=service.url, api_key=Secret.from_token("any"), top_k=4
    )
    found = ranker.run(query=QUERY, documents=haystack_documents)["documents"]
    same({int(d.id): d.score for d in found}, expected)


def test_haystack_jina(
    service: Any, haystack_documents: list[Any], expected: dict[int, float]
) -> None:
    rankers = pytest.importorskip("haystack_integrations.components.rankers.jina")
    from haystack.utils import Secret

    ranker = rankers.JinaRanker(
        model="builtin", base_url=f"{service.url}/v1/rerank", api_key=Secret.from_token("any")
    )
    found = ranker.run(query=QUERY, documents=haystack_documents)["documents"]
    same({int(d.id): d.score for d in found}, expected)


def test_haystack_tei(
    service: Any, haystack_documents: list[Any], expected: dict[int, float]
) -> None:
    rankers = pytest.importorskip("haystack_integrations.components.rankers.huggingface_api")
    from haystack.utils import Secret

    ranker = rankers.HuggingFaceTEIRanker(url=service.url, token=Secret.from_token("any"))
    found = ranker.run(query=QUERY, documents=haystack_documents)["documents"]
    same({int(d.id): d.score for d in found}, expected)


def test_open_webui_and_dify_as_their_sources_ask(service: Any, expected: dict[int, float]) -> None:
    """open_webui.retrieval.models.external and dify_plugin's OAICompatRerankModel."""
    key = {"Authorization": "Bearer any", "Content-Type": "application/json"}
    body: dict[str, Any] = {
        "model": "builtin", "query": QUERY, "documents": DOCUMENTS, "top_n": len(DOCUMENTS),
    }  # fmt: skip
    said = httpx.post(f"{service.url}/v1/rerank", json=body, headers=key, timeout=60).json()
    in_order = sorted(said["results"], key=lambda result: result["index"])
    assert [r["relevance_score"] for r in in_order] == pytest.approx(
        [expected[i] for i in range(4)], abs=1e-6
    )
    body |= {"top_n": None, "return_documents": True}
    for base in (service.url, f"{service.url}/v1"):
        said = httpx.post(
            f"{base}/rerank", content=json.dumps(body), headers=key, timeout=60
        ).json()
        same({r["index"]: r["relevance_score"] for r in said["results"]}, expected)
        assert all(r["document"]["text"] == DOCUMENTS[r["index"]] for r in said["results"])
