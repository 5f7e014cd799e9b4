"""Rerankers behind a URL: every dialect, over a socket, against a stand-in that also fails."""

from __future__ import annotations

import asyncio
import json
import math
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("httpx2")

from hypothesis import given
from hypothesis import strategies as st

from secondpass import Ranking, Recipe, Top, load, rerank
from secondpass.core.errors import InvalidInputError, ModelError, RecipeError, UnknownModelError
from secondpass.models.remote.address import Address
from secondpass.models.remote.dialects import DIALECTS, HOSTED, request_body
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.reply import UnreadableReplyError, read_reply
from secondpass.models.remote.reranker import RemoteReranker
from secondpass.testing import RerankServer, check_stage

pytestmark = pytest.mark.enable_socket

KEY = "sk-verysecret0123456789"
QUERY = "read a file line by line"
TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]
BEST_FIRST = [1, 2, 0, 3]


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, dialect in DIALECTS.items():
        variable = f"SECONDPASS_{name.upper().replace('-', '_')}"
        for one in (f"{variable}_URL", f"{variable}_KEY", dialect.key or variable):
            monkeypatch.delenv(one, raising=False)


def tei(server: RerankServer, **options: Any) -> RemoteReranker:
    return RemoteReranker("tei", url=server.url, **{"max_retries": 1, "timeout": 5.0, **options})


def ranked(stage: RemoteReranker, texts: list[str] = TEXTS) -> Ranking:
    return stage(Ranking.of(QUERY, texts))


def kinds(ranking: Ranking) -> list[str]:
    return [event.kind for event in ranking.events]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_spoken(dialect: str) -> None:
    with RerankServer(bare=dialect == "sglang") as server:
        stage = RemoteReranker(dialect, "some-model", url=server.url, api_key=KEY)
        ranking = ranked(stage)
    assert ranking.indices == BEST_FIRST
    assert ranking.scale == "raw"
    assert ranking.scores[0] == pytest.approx(1.0)
    assert [path for path, _ in server.requests] == [DIALECTS[dialect].path]
    header = DIALECTS[dialect].key_header.lower()
    assert header in server.header_names[0]


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_model_string_names_any_server(dialect: str) -> None:
    with RerankServer(bare=dialect == "sglang") as server:
        ranking = rerank(QUERY, TEXTS, model=f"rerank+{dialect}:{server.url}#org/model", top_k=2)
    assert ranking.indices == BEST_FIRST[:2]
    (_, body) = server.requests[0]
    assert body.get("model") == ("org/model" if DIALECTS[dialect].model else None)


@pytest.mark.parametrize("dialect", HOSTED)
def test_a_provider_is_a_backend_that_wants_a_key(dialect: str) -> None:
    stage = load(f"{dialect}:some-model")
    assert stage.name == f"{dialect}:some-model"
    with pytest.raises(InvalidInputError, match=f"set {DIALECTS[dialect].key}"):
        stage(Ranking.of(QUERY, TEXTS))


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [
        ("http://h:1", "http://h:1/v1/rerank"),
        ("http://h:1/", "http://h:1/v1/rerank"),
        ("http://h:1/v1", "http://h:1/v1/rerank"),
        ("http://h:1/v1/rerank", "http://h:1/v1/rerank"),
        ("http://h:1/rerank", "http://h:1/rerank"),
        ("http://h:1/proxy/team-7", "http://h:1/proxy/team-7/v1/rerank"),
        ("http://h:1/proxy/v1/", "http://h:1/proxy/v1/rerank"),
    ],
)
def test_the_path_is_added_as_far_as_it_is_missing(url: str, endpoint: str) -> None:
    assert Address("vllm", DIALECTS["vllm"], url, None).endpoint() == endpoint


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("ftp://localhost", "http://localhost:8080"),
        ("http://", "http://localhost:8080"),
        ("http://user:secret@host", "must not hold a user or a password"),
        ("http://host:99999", "http://localhost:8080"),
        ("http://host/?key=1", "a query or a fragment"),
    ],
)
def test_an_address_that_is_none(url: str, says: str) -> None:
    with pytest.raises(InvalidInputError, match=says) as failure:
        RemoteReranker("tei", url=url)
    assert "secret" not in str(failure.value).replace("secretly", "")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dialect": "tie"}, "Did you mean 'tei'"),
        ({"dialect": "tei"}, "set SECONDPASS_TEI_URL"),
        ({"dialect": "cohere"}, "'cohere:MODEL'"),
        ({"timeout": 0.0}, "timeout=0.0"),
        ({"timeout": math.nan}, "timeout=nan"),
        ({"max_retries": -1}, "max_retries=-1"),
        ({"concurrency": 0}, "concurrency=0"),
        ({"documents_per_request": 0}, "documents_per_request=0"),
        ({"spans": True}, "gives no spans; only cohere does"),
        ({"timeout": "soon"}, "timeout=soon must be positive seconds"),
        ({"concurrency": "8"}, "concurrency='8' must be a whole number"),
        ({"extra": {"a": object()}}, "must be JSON values"),
    ],
)
def test_arguments_that_cannot_be_used(arguments: dict[str, Any], says: str) -> None:
    usable = {} if "dialect" in arguments else {"dialect": "tei", "url": "http://h"}
    with pytest.raises(InvalidInputError, match=says):
        RemoteReranker(**{**usable, **arguments})


def test_a_model_or_an_address_that_ends_in_json_is_no_recipe() -> None:
    assert load("cohere:my-model.json").name == "cohere:my-model.json"
    assert load("rerank+vllm:http://host:1/v1#org/model.json").name == "vllm:org/model.json"


def test_a_dialect_or_an_address_that_is_missing_from_the_model_string() -> None:
    with pytest.raises(UnknownModelError, match=r"Did you mean 'rerank\+tei'"):
        load("rerank+tie:http://localhost")
    with pytest.raises(UnknownModelError, match=r"rerank\+tei:http://HOST:PORT"):
        load("rerank+tei:")


def test_results_are_read_by_index_and_a_missing_one_is_said() -> None:
    with RerankServer(always="missing") as server:
        ranking = ranked(tei(server))
    assert ranking.scale == "order"
    assert ranking.indices == [1, 2, 3, 0]  # "cats and dogs" was the third result
    assert sorted(ranking.indices) == [0, 1, 2, 3]
    assert "missing" in kinds(ranking)


@pytest.mark.parametrize("fault", ["rate-limit", "overloaded", "html", "error-body", "truncated",
                                   "empty", "none", "index", "disconnect"])  # fmt: skip
def test_a_failed_attempt_is_repeated_and_then_raised(fault: str) -> None:
    with RerankServer(faults=[fault]) as server:
        ranking = ranked(tei(server))
        assert ranking.indices == BEST_FIRST
        assert "1 retries" in next(e.message for e in ranking.events if e.kind == "cost")
    failing = pytest.raises(RemoteError, match="in 2 attempts")
    with RerankServer(always=fault) as server, failing as failure:
        ranked(tei(server))
    assert len(server.requests) == 2
    assert server.url.rpartition("/")[2] in str(failure.value)
    assert isinstance(failure.value, ModelError)


def test_a_slow_answer_is_given_up() -> None:
    with RerankServer(always="hang") as server, pytest.raises(RemoteError, match=r"within 0\.1 s"):
        ranked(tei(server, timeout=0.1, max_retries=0))


def test_an_answer_without_end_is_not_read() -> None:
    with RerankServer(always="huge") as server, pytest.raises(RemoteError, match="16 MiB"):
        ranked(tei(server))


def test_texts_do_not_follow_a_redirect() -> None:
    refused = pytest.raises(RemoteError, match="texts are not sent where you did not say")
    with RerankServer(always="redirect") as server, refused:
        ranked(tei(server))
    assert len(server.requests) == 1


def test_the_texts_of_another_request_are_noticed() -> None:
    with RerankServer(always="other") as server:
        stage = RemoteReranker("vllm", "m", url=server.url, max_retries=0)
        with pytest.raises(RemoteError, match="answer to another request"):
            ranked(stage)


def test_results_given_twice_and_scores_that_are_none() -> None:
    with RerankServer(faults=["duplicates", "not-a-number"]) as server:
        twice = ranked(tei(server))
        odd = ranked(tei(server))
    assert twice.indices == BEST_FIRST
    assert any("came twice" in event.message for event in twice.events)
    assert odd.scale == "order"
    assert any("2 scores are not finite" in event.message for event in odd.events)


def test_long_lists_go_in_parts_as_large_as_the_server_takes() -> None:
    texts = [f"{'read a file ' * (i % 3)}number {i}" for i in range(100)]
    with RerankServer(most=10) as server:
        stage = tei(server)
        first = ranked(stage, texts)
        sent = [len(body["texts"]) for _, body in server.requests]
        before = len(server.requests)
        second = ranked(stage, texts)
        later = [len(body["texts"]) for _, body in server.requests[before:]]
    assert max(sent) == 32  # TEI's own limit, until the server says less
    assert max(later) <= 10  # which is remembered
    assert first.ids == second.ids
    assert first.scale == "raw"
    whole = sorted(range(100), key=lambda i: -((i % 3) > 0))
    assert first.indices == whole


def test_requests_in_flight_have_a_limit() -> None:
    with RerankServer(latency=0.05) as server:
        stage = tei(server, concurrency=3, documents_per_request=1)
        ranked(stage, [f"text {i}" for i in range(12)])
    assert 1 < server.peak <= 3


def test_what_was_answered_is_kept_when_a_later_part_fails() -> None:
    with RerankServer(faults=[None, "overloaded"]) as server:
        stage = tei(server, concurrency=1, documents_per_request=2, max_retries=0)
        ranking = ranked(stage)
    assert ranking.scale == "order"
    assert ranking.indices == [1, 0, 2, 3]
    failed = next(event for event in ranking.events if event.kind == "failed")
    assert "2 candidates were not scored" in failed.message
    assert "503" in failed.message


def test_the_key_goes_to_its_own_address_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CO_API_KEY", KEY)
    with RerankServer() as server:
        ranked(RemoteReranker("cohere", "m", url=server.url))
        assert "authorization" not in server.header_names[0]
        monkeypatch.setenv("SECONDPASS_COHERE_URL", server.url)
        monkeypatch.setenv("SECONDPASS_COHERE_KEY", KEY)
        ranked(RemoteReranker("cohere", "m"))
    assert "authorization" in server.header_names[1]


def test_the_key_is_in_no_repr_no_pickle_and_no_error() -> None:
    with RerankServer(always="unauthorized") as server:
        stage = tei(server, api_key=KEY)
        with pytest.raises(RemoteError) as failure:
            ranked(stage)
    assert failure.value.status == 401
    assert KEY not in str(failure.value)
    assert KEY not in repr(stage) + repr(stage.__dict__)
    assert KEY.encode() not in pickle.dumps(stage)
    assert KEY not in repr(failure.value.__cause__) + repr(failure.value.__context__)


def test_a_recipe_holds_neither_address_nor_key(monkeypatch: pytest.MonkeyPatch) -> None:
    with RerankServer() as server:
        pipeline = RemoteReranker("tei", url=server.url, api_key=KEY) >> Top(2)
        written = json.dumps(Recipe.of(pipeline).to_dict())
        assert server.url not in written
        assert KEY not in written
        recipe = Recipe.of_dict(json.loads(written))
        with pytest.raises(RecipeError, match="SECONDPASS_TEI_URL"):
            recipe.stage()
        built = recipe.stage(options={"url": server.url})
        assert built(Ranking.of(QUERY, TEXTS)).indices == BEST_FIRST[:2]
        monkeypatch.setenv("SECONDPASS_TEI_URL", server.url)
        assert recipe.stage()(Ranking.of(QUERY, TEXTS)).indices == BEST_FIRST[:2]
    data = json.loads(written)
    data["pipeline"]["stages"][0]["url"] = "http://stranger.invalid"
    with pytest.raises(RecipeError, match="it says where texts are sent"):
        Recipe.of_dict(data).stage()


def test_spans_are_the_evidence_in_code_points() -> None:
    texts = ["Ein Täßchen \U0001d518nicode. Rest", "read a file. And more"]
    with RerankServer() as server:
        ranking = ranked(RemoteReranker("cohere", "m", url=server.url, spans=True), texts)
    for candidate in ranking:
        ((start, end, _),) = candidate.evidence
        assert candidate.text[start:end] == candidate.text.split(".")[0]
    assert server.requests[0][1]["relevant_spans"] == {"mode": "enabled"}


def test_more_fields_of_the_request_and_the_name_they_change() -> None:
    with RerankServer() as server:
        stage = RemoteReranker("jina", "m", url=server.url, extra={"instruct": "papers only"})
        ranked(stage)
    assert server.requests[0][1]["instruct"] == "papers only"
    assert stage.name != RemoteReranker("jina", "m", url=server.url).name


def test_it_works_in_threads_loops_and_pickles() -> None:
    with RerankServer() as server:
        stage = pickle.loads(pickle.dumps(tei(server)))
        found: list[list[int]] = []
        threads = [
            threading.Thread(target=lambda: found.append(ranked(stage).indices)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for _ in range(2):  # each asyncio.run has a loop, and so connections, of its own
            found.append(asyncio.run(stage.acall(Ranking.of(QUERY, TEXTS))).indices)
    assert found == [BEST_FIRST] * 6


def test_the_laws_hold() -> None:
    with RerankServer() as server:
        check_stage(tei(server))


def test_lone_surrogates_and_empty_lists() -> None:
    with RerankServer() as server:
        stage = tei(server)
        assert stage(Ranking.of(QUERY, [])).ids == []
        assert len(server.requests) == 0
        assert len(stage(Ranking.of("half \ud83d of a pair", ["and \udc00 here", "x"]))) == 2


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
                    lambda inner: st.lists(inner, max_size=4)
                    | st.dictionaries(st.sampled_from(["results", "index", "relevance_score",
                                                       "document", "score", "error", "x"]),
                                      inner, max_size=4), max_leaves=12))  # fmt: skip
def test_any_json_is_a_reply_or_an_error(answer: Any) -> None:
    for name in ("cohere", "tei", "vllm"):
        content = json.dumps(answer).encode()
        try:
            reply = read_reply(content, DIALECTS[name], ["a", "b"])
        except UnreadableReplyError:
            continue
        assert len(reply.scores) == len(reply.notes) == 2
        assert all(score is None or math.isfinite(score) for score in reply.scores)


def _schema_errors(spec: dict[str, Any], schema: dict[str, Any], body: Any) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    referencing = pytest.importorskip("referencing")
    resource = referencing.Resource.from_contents(
        spec, default_specification=referencing.jsonschema.DRAFT202012
    )
    registry = referencing.Registry().with_resource("urn:spec", resource)
    text = json.dumps(schema).replace('"#/', '"urn:spec#/')
    validator = jsonschema.Draft202012Validator(json.loads(text), registry=registry)
    errors = [error.message for error in validator.iter_errors(body)]
    properties = (
        schema.get("properties")
        or spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["properties"]
    )
    return errors + [f"{key} is not in the document" for key in body if key not in properties]


def test_requests_are_what_the_published_documents_say(shared: Path) -> None:
    yaml = pytest.importorskip("yaml")
    tei_spec = json.loads((shared / "specs/tei-openapi.json").read_text())
    body = request_body(DIALECTS["tei"], None, QUERY, TEXTS)
    content = tei_spec["paths"]["/rerank"]["post"]["requestBody"]["content"]
    assert _schema_errors(tei_spec, content["application/json"]["schema"], body) == []
    cohere = yaml.safe_load((shared / "specs/cohere-openapi.yaml").read_text())
    for name, path in (("cohere", "/v2/rerank"), ("cohere-v1", "/v1/rerank")):
        body = request_body(DIALECTS[name], "rerank-v3.5", QUERY, TEXTS)
        content = cohere["paths"][path]["post"]["requestBody"]["content"]
        assert _schema_errors(cohere, content["application/json"]["schema"], body) == []
