"""Each drop-in beside the object whose methods it has, and what is asked of all of them."""

from __future__ import annotations

import asyncio
import copy
import inspect
import json
import math
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from secondpass import (
    InvalidInputError,
    NoScoresError,
    Order,
    Score,
    Stage,
    Threshold,
    Top,
    UnknownModelError,
    WrongCallError,
    load,
    rerank,
)
from secondpass.integrations import cohere, fastembed, flashrank, rerankers, sentence_transformers
from secondpass.stages import Fallback
from secondpass.testing import FakeJudge, FakeScorer

QUERY = "who wrote Faust?"
TEXTS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Faust is a family name."]
PAIRS = [(QUERY, text) for text in TEXTS]


@pytest.fixture(scope="module")
def raw() -> Stage:
    return load("builtin:raw")


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin")


@pytest.fixture
def order() -> Stage:
    return Order(FakeJudge())


# sentence-transformers


@pytest.fixture(scope="module")
def theirs(tiny_bert: Path) -> Any:
    module = pytest.importorskip("sentence_transformers")
    return module.CrossEncoder(str(tiny_bert), device="cpu")


@pytest.fixture(scope="module")
def ours(tiny_bert: Path) -> sentence_transformers.CrossEncoder:
    pytest.importorskip("sentence_transformers")
    options = {"device": "cpu", "verify": False}  # its weights are random
    return sentence_transformers.CrossEncoder(load(f"cross-encoder:{tiny_bert}", options=options))


@pytest.mark.parametrize(
    "inputs",
    [PAIRS, [list(pair) for pair in PAIRS], tuple(PAIRS), PAIRS[0], list(PAIRS[1]), [], PAIRS[:1],
     np.array(PAIRS), np.array(PAIRS[0]), np.array([], dtype=str)],
    ids=["tuples", "lists", "tuple", "one", "one list", "none", "list of one", "array", "one row",
         "empty array"],
)  # fmt: skip
def test_predict_is_theirs(theirs: Any, ours: Any, inputs: Any) -> None:
    import torch

    expected = theirs.predict(inputs, activation_fn=torch.nn.Identity())
    found = ours.predict(inputs)
    assert type(found) is type(expected)
    assert np.shape(found) == np.shape(expected)
    assert found == pytest.approx(expected, abs=1e-5)
    sigmoid = ours.predict(inputs, activation_fn=torch.nn.Sigmoid())
    assert sigmoid == pytest.approx(theirs.predict(inputs), abs=1e-5)


@pytest.mark.parametrize("as_tensor", [True, False])
@pytest.mark.parametrize("as_numpy", [True, False])
def test_predict_gives_their_types(theirs: Any, ours: Any, as_tensor: bool, as_numpy: bool) -> None:
    options = {"convert_to_tensor": as_tensor, "convert_to_numpy": as_numpy}
    for inputs in (PAIRS, PAIRS[0], []):
        expected, found = theirs.predict(inputs, **options), ours.predict(inputs, **options)
        assert type(found) is type(expected)
        assert found[0].dtype == expected[0].dtype if inputs is PAIRS else True


@pytest.mark.parametrize("options", [{}, {"top_k": 2}, {"top_k": 0}, {"return_documents": True}])
def test_rank_is_theirs(theirs: Any, ours: Any, options: dict[str, Any]) -> None:
    import torch

    expected = theirs.rank(QUERY, TEXTS, activation_fn=torch.nn.Identity(), **options)
    found = ours.rank(QUERY, TEXTS, **options)
    assert [f.keys() for f in found] == [e.keys() for e in expected]
    assert [f["corpus_id"] for f in found] == [e["corpus_id"] for e in expected]
    assert [f["score"] for f in found] == pytest.approx([e["score"] for e in expected], abs=1e-5)
    assert json.dumps(found)


def test_rank_orders_by_what_the_activation_gives(ours: Any) -> None:
    found = ours.rank(QUERY, TEXTS, activation_fn=lambda scores: -scores)
    assert [f["corpus_id"] for f in found] == [
        f["corpus_id"] for f in reversed(ours.rank(QUERY, TEXTS))
    ]


def test_it_takes_every_argument_of_theirs(theirs: Any, ours: Any) -> None:
    for name in ("predict", "rank"):
        wanted = inspect.signature(getattr(type(theirs), name)).parameters
        names = [n for n in wanted if n not in ("kwargs", "args")]
        assert list(inspect.signature(getattr(type(ours), name)).parameters) == names


def test_without_torch_the_numbers_are_the_stages_own(builtin: Stage, raw: Stage) -> None:
    for stage in (builtin, raw):
        ranking = rerank(QUERY, TEXTS, model=stage)
        found = sentence_transformers.CrossEncoder(stage).rank(QUERY, TEXTS, batch_size=1)
        assert [f["corpus_id"] for f in found] == ranking.indices
        assert [f["score"] for f in found] == [float(np.float32(s)) for s in ranking.scores]


def test_predict_puts_several_queries_in_one_list(builtin: Stage) -> None:
    model = sentence_transformers.CrossEncoder(builtin)
    mixed = [PAIRS[0], ("when do cats sleep?", TEXTS[0]), PAIRS[1], PAIRS[1]]
    together = model.predict(mixed)
    assert together == pytest.approx([model.predict(pair) for pair in mixed], abs=1e-6)
    assert together[2] == together[3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict("text"), "pass pairs"),
        (lambda m: m.predict([("a",)]), "pair 0"),
        (lambda m: m.predict([("a", "b", "c")]), "pair 0"),
        (lambda m: m.predict([("a", "b"), ("a", None)]), "pair 1"),
        (lambda m: m.predict([("a", {"image": "b"})]), "pair 0"),
        (lambda m: m.predict([("", "b")]), "non-empty"),
        (lambda m: m.predict(PAIRS, batch_size=0), "batch_size"),
        (lambda m: m.predict(PAIRS, device="cuda"), "device='cuda': this belongs to the model"),
        (lambda m: m.predict(PAIRS, prompt="find"), "prompt='find'"),
        (lambda m: m.predict(PAIRS, sentences=PAIRS), "called 'inputs'"),
        (lambda m: m.predict(PAIRS, activation_fn=abs), "probabilities already"),
        (lambda m: m.rank(QUERY, "text"), "pass a list of texts"),
        (lambda m: m.rank(QUERY, [3]), "document 0 is int 3"),
        (lambda m: m.rank(QUERY, TEXTS, top_k=-1), "top_k"),
        (lambda m: m.rank(QUERY, TEXTS, top_n=1), "called 'top_k'"),
        (lambda m: sentence_transformers.CrossEncoder("builtin", trust_remote_code=True), "load"),
        (lambda m: sentence_transformers.CrossEncoder(m.stage, max_length=64), "give them to load"),
    ],
)
def test_a_wrong_call_says_what_to_do(builtin: Stage, call: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match="(?s)" + message.replace("(", r"\(")):
        call(sentence_transformers.CrossEncoder(builtin))


# fastembed


def test_rerank_gives_floats_in_the_order_given(raw: Stage) -> None:
    encoder = fastembed.TextCrossEncoder(raw)
    ranking = rerank(QUERY, TEXTS, model=raw)
    expected = [score for _, score in sorted(zip(ranking.indices, ranking.scores, strict=True))]
    assert list(encoder.rerank(QUERY, (text for text in TEXTS), batch_size=1)) == expected
    assert list(encoder.rerank_pairs(PAIRS)) == pytest.approx(expected, abs=1e-5)
    assert list(encoder.rerank(QUERY, [])) == list(encoder.rerank_pairs([])) == []


def test_repeated_documents_get_the_same_score(raw: Stage) -> None:
    scores = np.array(list(fastembed.TextCrossEncoder(raw).rerank(QUERY, TEXTS * 50, 10)))
    assert scores == pytest.approx(np.tile(scores[:3], 50), abs=1e-5)


def test_pairs_of_a_pointwise_stage_are_streamed(
    raw: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fastembed, "BLOCK", 2)
    taken = []

    def endless() -> Iterator[tuple[str, str]]:
        while True:
            taken.append(1)
            yield PAIRS[len(taken) % 3]

    scores = fastembed.TextCrossEncoder(raw).rerank_pairs(endless(), batch_size=1)
    assert all(math.isfinite(next(scores)) for _ in range(5))
    assert len(taken) == 6


def test_pairs_of_any_other_stage_are_scored_together() -> None:
    encoder = fastembed.TextCrossEncoder("bm25")
    together = list(encoder.rerank_pairs(PAIRS, batch_size=1))
    assert together == list(encoder.rerank(QUERY, TEXTS))
    assert len(set(together)) > 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.rerank(QUERY, "text"), "pass a list"),
        (lambda m: m.rerank("", TEXTS), "non-empty"),
        (lambda m: m.rerank(QUERY, TEXTS, batch_size=0), "batch_size"),
        (lambda m: list(m.rerank_pairs([PAIRS[0], "ab"])), "pair 1"),
        (lambda m: m.rerank_pairs(PAIRS, parallel=2), "parallel=2"),
        (lambda m: fastembed.TextCrossEncoder("builtin", cuda=True), "load"),
        (lambda m: fastembed.TextCrossEncoder("builtin", cache_dir="x"), "HF_HOME"),
    ],
)
def test_a_wrong_call_of_fastembeds(raw: Stage, call: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call(fastembed.TextCrossEncoder(raw))


# FlashRank

PASSAGES: list[dict[str, Any]] = [
    {"id": i, "text": text, "meta": {"page": i}, "score": 9.0} for i, text in enumerate(TEXTS)
]


def test_passages_come_back_as_copies(builtin: Stage) -> None:
    before = copy.deepcopy(PASSAGES)
    requests: list[Any] = [flashrank.RerankRequest(QUERY, PASSAGES)]
    requests.append(SimpleNamespace(query=QUERY, passages=PASSAGES))
    ranking = rerank(QUERY, TEXTS, model=builtin)
    for request in requests:
        found = flashrank.Ranker(builtin).rerank(request)
        assert [f["id"] for f in found] == ranking.indices
        assert [f["score"] for f in found] == ranking.scores
        assert all(f["meta"] == {"page": f["id"]} for f in found)
        assert json.dumps(found)
    assert before == PASSAGES
    assert flashrank.Ranker(builtin).rerank(flashrank.RerankRequest(QUERY)) == []


def test_their_request_and_ours_are_the_same(builtin: Stage) -> None:
    module = pytest.importorskip("flashrank")
    request = module.RerankRequest(query=QUERY, passages=copy.deepcopy(PASSAGES))
    own = flashrank.RerankRequest(query=QUERY, passages=PASSAGES)
    assert flashrank.Ranker(builtin).rerank(request) == flashrank.Ranker(builtin).rerank(own)


def test_an_order_has_no_score_and_keeps_no_old_one(order: Stage) -> None:
    found = flashrank.Ranker(order).rerank(flashrank.RerankRequest(QUERY, PASSAGES))
    assert [f["id"] for f in found] == [1, 2, 0]
    assert not any("score" in f for f in found)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: m.rerank([{"text": "a"}]), InvalidInputError, "pass RerankRequest"),
        (lambda m: m.rerank(flashrank.RerankRequest(QUERY, [{"id": 1}])), InvalidInputError,
         "passage 0"),
        (lambda m: m.rerank(flashrank.RerankRequest(None, PASSAGES)), InvalidInputError, "query"),
        (lambda m: flashrank.Ranker("ms-marco-MiniLM-L-12-v2"), UnknownModelError, "downloads"),
        (lambda m: flashrank.Ranker(cache_dir="/opt"), WrongCallError, "leave it out"),
    ],
)  # fmt: skip
def test_a_wrong_call_of_flashranks(builtin: Stage, call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(flashrank.Ranker(builtin))


# rerankers


def test_results_have_their_attributes(builtin: Stage) -> None:
    ranker = rerankers.Reranker(builtin)
    results = ranker.rank(QUERY, TEXTS, doc_ids=["a", "b", "c"], metadata=[{"page": 1}] * 3)
    assert [r.rank for r in results] == [1, 2, 3]
    assert results[0].document.doc_id == results.results[0].doc_id == "b"
    assert (results[0].text, results[0].page, results[0].metadata) == (TEXTS[1], 1, {"page": 1})
    assert results.has_scores
    assert results.results_count() == len(results) == 3
    assert [r.doc_id for r in results.top_k(1)] == ["b"]
    assert results.get_score_by_docid("b") == results.ranking.scores[0]
    assert results.get_score_by_docid("z") is results.get_result_by_docid("z") is None
    assert results.query == QUERY
    assert ranker.score(QUERY, TEXTS[1]) == pytest.approx(results[0].score, abs=1e-6)
    with pytest.raises(AttributeError):
        _ = results[0].nothing
    copied = copy.deepcopy(results)
    assert copied.results == results.results


def test_results_made_by_hand() -> None:
    """As code that was written for theirs makes them, in its own tests above all."""
    made = [rerankers.Result(rerankers.Document(t), 0.1 * i, 3 - i) for i, t in enumerate(TEXTS)]
    results = rerankers.RankedResults(made, QUERY, has_scores=True)
    assert [r.text for r in results.top_k(2)] == [TEXTS[2], TEXTS[1]]
    for result in made:
        result.score = None
    assert rerankers.RankedResults(made, QUERY).top_k(1)[0].text == TEXTS[2]
    with pytest.raises(ValueError, match="score or rank"):
        rerankers.Result(rerankers.Document("a"))


def test_documents_of_theirs_and_of_ours(builtin: Stage) -> None:
    ranker = rerankers.Reranker(builtin)
    assert ranker.rank(QUERY, TEXTS)[0].doc_id == 1
    same = ranker.rank(QUERY, [TEXTS[1]] * 2)  # theirs gave both the id of the first
    assert [r.doc_id for r in same] == [0, 1]
    assert ranker.rank(QUERY, TEXTS[1])[0].rank == 1
    assert ranker.rank(QUERY, []).results == []
    documents = [rerankers.Document(text, f"d{i}", {"n": i}) for i, text in enumerate(TEXTS)]
    found = ranker.rank(QUERY, documents)
    assert found[0].document is documents[1]
    renamed = ranker.rank(QUERY, documents, doc_ids=[7, 8, 9])
    assert renamed.get_result_by_docid(8) is not None
    assert renamed[0].n == 1
    assert documents[1].doc_id == "d1"
    waited = asyncio.run(ranker.rank_async(QUERY, documents))
    assert [r.doc_id for r in waited] == [r.doc_id for r in found]


@pytest.mark.slow
def test_theirs_beside_ours(builtin: Stage) -> None:
    documents = pytest.importorskip("rerankers.documents")
    module = pytest.importorskip("rerankers.results")
    given = [documents.Document(text=t, doc_id=i) for i, t in enumerate(TEXTS)]
    found = rerankers.Reranker(builtin).rank(QUERY, given)
    assert isinstance(found[0].document, documents.Document)
    made = module.RankedResults(
        [module.Result(r.document, r.score, r.rank) for r in found], QUERY, has_scores=True
    )
    public = [n for n in dir(made) if not n.startswith("_")]
    assert set(public) <= set(dir(found))
    for result in made:
        assert found.get_score_by_docid(result.doc_id) == made.get_score_by_docid(result.doc_id)
    assert [r.doc_id for r in found.top_k(2)] == [r.doc_id for r in made.top_k(2)]


def test_an_order_has_ranks(order: Stage) -> None:
    found = rerankers.Reranker(order).rank(QUERY, TEXTS)
    assert [(r.doc_id, r.score, r.rank) for r in found] == [
        (1, None, 1),
        (2, None, 2),
        (0, None, 3),
    ]
    assert not found.has_scores


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: rerankers.Reranker("rankgpt"), UnknownModelError, "judge:MODEL"),
        (lambda m: rerankers.Reranker("x/y", model_type="colbert"), UnknownModelError, "late-int"),
        (lambda m: rerankers.Reranker("x/y", model_type="T5Ranker"), UnknownModelError, "T5Ranker"),
        (lambda m: rerankers.Reranker("builtin", verbose=0), WrongCallError, "printed"),
        (lambda m: m.rank(QUERY, TEXTS, doc_ids=[1]), InvalidInputError, "1 doc_ids for 3"),
        (lambda m: m.rank(QUERY, [None]), InvalidInputError, "document 0"),
        (lambda m: m.rank(QUERY, TEXTS).top_k(-1), InvalidInputError, "k=-1"),
    ],
)
def test_a_wrong_call_of_rerankers(builtin: Stage, call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(rerankers.Reranker(builtin))


# Cohere


def test_the_answer_is_cohere_shaped(builtin: Stage) -> None:
    ranking = rerank(QUERY, TEXTS, model=builtin)
    call = {"model": "rerank-v4.0-pro", "query": QUERY, "documents": TEXTS, "top_n": 2}
    answer = cohere.ClientV2(builtin).rerank(**call)
    assert [r.index for r in answer.results] == ranking.indices[:2]
    assert [r.relevance_score for r in answer.results] == ranking.scores[:2]
    assert answer.ranking.scale == "probability"
    waited = asyncio.run(cohere.AsyncClientV2(builtin).rerank(**call))
    assert (waited.results, waited.id != answer.id) == (answer.results, True)
    older = cohere.Client(builtin).rerank(
        query=QUERY, documents=[{"text": t, "n": i} for i, t in enumerate(TEXTS)],
        return_documents=True,
    )  # fmt: skip
    assert older.results[0].document == {"text": TEXTS[1], "n": 1}
    named = cohere.Client(builtin).rerank(
        query=QUERY, documents=[{"title": t} for t in TEXTS], rank_fields=["title"]
    )
    assert named.results[0].index == 1
    assert json.loads(json.dumps(answer.model_dump()))["results"][0]["index"] == 1


def test_the_answer_fits_coheres_own_model(builtin: Stage) -> None:
    types = pytest.importorskip("cohere.v2.types.v2rerank_response")
    answer = cohere.ClientV2(builtin).rerank(query=QUERY, documents=TEXTS)
    read = types.V2RerankResponse.model_validate(answer.model_dump())
    assert [r.index for r in read.results] == [r.index for r in answer.results]
    arguments = set(inspect.signature(pytest.importorskip("cohere").ClientV2.rerank).parameters)
    assert {"self", "query", "documents", "model", "top_n"} <= arguments


def test_a_call_may_name_a_model_of_ours(builtin: Stage, raw: Stage) -> None:
    client = cohere.ClientV2(builtin)
    answer = client.rerank(model="builtin:raw", query=QUERY, documents=TEXTS)
    assert answer.ranking.scale == "raw"
    with pytest.raises(UnknownModelError):
        client.rerank(model="rank-v4", query=QUERY, documents=TEXTS)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda m: cohere.ClientV2(api_key="x"), WrongCallError, "no server is asked"),
        (lambda m: m.rerank(query=QUERY, documents="text"), InvalidInputError, "list of texts"),
        (lambda m: m.rerank(query=QUERY, documents=[1]), InvalidInputError, "document 0"),
        (lambda m: m.rerank(query=QUERY, documents=TEXTS, top_n=-1), InvalidInputError, "top_n"),
        (lambda m: m.rerank(query=QUERY, documents=TEXTS, max_tokens_per_doc=9), WrongCallError,
         "load the model with it"),
    ],
)  # fmt: skip
def test_a_wrong_call_of_coheres(builtin: Stage, call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(cohere.ClientV2(builtin))


# all of them


def _calls(stage: Stage) -> dict[str, Any]:
    """What gives numbers."""
    ranker = rerankers.Reranker(stage)
    return {
        "predict": lambda: sentence_transformers.CrossEncoder(stage).predict(PAIRS),
        "rank": lambda: sentence_transformers.CrossEncoder(stage).rank(QUERY, TEXTS),
        "rerank": lambda: list(fastembed.TextCrossEncoder(stage).rerank(QUERY, TEXTS)),
        "pairs": lambda: list(fastembed.TextCrossEncoder(stage).rerank_pairs(PAIRS)),
        "score": lambda: ranker.score(QUERY, TEXTS[1]),
        "cohere": lambda: cohere.ClientV2(stage).rerank(query=QUERY, documents=TEXTS),
    }


@pytest.mark.parametrize("name", ["predict", "rank", "rerank", "pairs", "score", "cohere"])
def test_numbers_are_never_invented_for_an_order(order: Stage, name: str) -> None:
    with pytest.raises(NoScoresError, match="order"):
        _calls(order)[name]()


@pytest.mark.parametrize("name", ["predict", "rerank", "pairs"])
def test_a_list_of_scores_has_one_for_each_text(builtin: Stage, name: str) -> None:
    for cut in (Top(1), Threshold(0.5)):
        with pytest.raises(InvalidInputError, match="kept 1 of 3"):
            _calls(builtin >> cut)[name]()


def test_results_may_be_fewer_where_the_model_cuts(builtin: Stage) -> None:
    stage = builtin >> Threshold(0.5)
    assert len(sentence_transformers.CrossEncoder(stage).rank(QUERY, TEXTS)) == 1
    assert len(flashrank.Ranker(stage).rerank(flashrank.RerankRequest(QUERY, PASSAGES))) == 1
    assert len(cohere.ClientV2(stage).rerank(query=QUERY, documents=TEXTS).results) == 1
    found = rerankers.Reranker(stage).rank(QUERY, TEXTS)
    assert [e.kind for e in found.ranking.events] == ["dropped"]


def test_a_fallback_is_logged_where_the_result_cannot_say_it(
    builtin: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(query: str, text: str) -> float:
        raise OSError("the server is down")

    stage = Fallback(Score(FakeScorer(fail)), builtin)
    request = flashrank.RerankRequest(QUERY, PASSAGES)
    calls = [*(_calls(stage)[name] for name in ("predict", "rank", "rerank", "pairs", "score"))]
    for call in (*calls, lambda: flashrank.Ranker(stage).rerank(request)):
        caplog.clear()
        call()
        (record,) = caplog.records
        assert "fallback: " in record.getMessage()
        assert "the server is down" in record.getMessage()
    answer = cohere.ClientV2(stage).rerank(query=QUERY, documents=TEXTS)
    assert answer.ranking.status == "fallback"
