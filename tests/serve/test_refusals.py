"""Whatever is sent: an answer, or 4xx with a reason. Never 500."""

from __future__ import annotations

import json
import socket
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass.serve.connections import LimitedHeaders

pytestmark = pytest.mark.enable_socket
CLIENT = httpx.Client(timeout=60)  # a client of its own for each request is slow to make
GOOD = {"model": "builtin", "query": "q", "documents": ["a", "b"]}
BODIES: dict[str, dict[str, Any]] = {
    "/v2/rerank": GOOD,
    "/v1/rerank": GOOD,
    "/rerank": {"query": "q", "texts": ["a", "b"]},
    "/score": {"text_1": "q", "text_2": ["a", "b"]},
    "/rank": {"query": "q", "documents": ["a", {"text": "b"}]},
}
FIELDS = [
    "model", "recipe", "query", "documents", "texts", "top_n", "top_k", "return_documents",
    "rank_fields", "max_chunks_per_doc", "max_tokens_per_doc", "priority", "relevant_spans",
    "raw_scores", "return_text", "truncate", "truncation_direction", "text_1", "text_2",
    "threshold", "unknown",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["\ud800", "\x00", "builtin", "text", 10**400, -1, 0]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["text", "id", "mode", "metadata", "x"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def refused(response: httpx.Response) -> bool:
    reasoned = bool(response.json().get("message")) if response.status_code >= 400 else True
    return 400 <= response.status_code < 500 and reasoned


@settings(max_examples=80)
@given(
    path=st.sampled_from(sorted(BODIES)),
    changes=st.dictionaries(st.sampled_from(FIELDS), VALUES, min_size=1, max_size=3),
    gone=st.sets(st.sampled_from(FIELDS), max_size=1),
)
def test_any_value_of_any_field(
    service: Any, path: str, changes: dict[str, Any], gone: set[str]
) -> None:
    body = {k: v for k, v in {**BODIES[path], **changes}.items() if k not in gone}
    response = CLIENT.post(
        service.url + path, content=json.dumps(body),
        headers={"Content-Type": "application/json"}, timeout=60,
    )  # fmt: skip
    assert response.status_code == 200 or refused(response), (body, response.text)


@pytest.mark.usefixtures("no_finalizers")
@pytest.mark.parametrize("path", sorted(BODIES))
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"null", b"[]", b"3", b'"text"', b"\xff\xfe{\x00", b'{"query": "\xe4"}',
        b'{"query": ' + b"[" * 100_000, b"\x00" * 10,
    ],
    ids=range(10),
)  # fmt: skip
def test_what_is_no_such_json(service: Any, path: str, content: bytes) -> None:
    kinds = {"application/json", "text/plain", "application/json; charset=utf-16"}
    for kind in sorted(kinds):
        response = CLIENT.post(
            service.url + path, content=content, headers={"Content-Type": kind}, timeout=60
        )
        assert refused(response), response.text


def test_long_bodies_are_not_read(service: Any) -> None:
    announced = CLIENT.post(
        service.url + "/rank", content=b"x" * (1 << 20) * 2, timeout=60,
        headers={"Content-Type": "application/json"},
    )  # fmt: skip
    assert announced.status_code == 413

    def pieces() -> Any:
        for _ in range(100):
            yield b" " * (1 << 20)

    # 100 MiB without a length: refused after the first, and the rest is read and thrown away
    chunked = CLIENT.post(service.url + "/rank", content=pieces(), timeout=60)
    assert chunked.status_code == 413
    assert service.get("/health/ready").status_code == 200


def test_a_body_of_100_mb_is_refused_by_what_it_says_of_itself(service: Any) -> None:
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as client:
        client.sendall(
            b"POST /v2/rerank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: 104857600\r\n\r\n"
        )
        client.settimeout(60)
        said = b""
        while b"at most" not in said:  # before any of the body is sent
            said += client.recv(4096)
        assert said.startswith(b"HTTP/1.1 413 ")
        assert b"the body has 104857600 bytes; at most 1048576 may be sent" in said


def test_too_many_too_long_and_compressed(service: Any) -> None:
    many = service.post("/v1/rerank", {"query": "q", "documents": ["x"] * 101})
    assert (many.status_code, "at most 100" in many.json()["message"]) == (413, True)
    long = service.post("/rank", {"query": "q", "documents": ["x" * 100_001]})
    assert (long.status_code, "document 0" in long.json()["message"]) == (413, True)
    query = service.post("/rank", {"query": "x" * 10_001, "documents": ["x"]})
    assert (query.status_code, "the query" in query.json()["message"]) == (413, True)
    packed = service.post("/rank", {"query": "q"}, headers={"Content-Encoding": "gzip"})
    assert packed.status_code == 415
    same = {"query": "q", "documents": [{"id": "1", "text": "x"}, {"id": "1", "text": "y"}]}
    assert "the id '1'" in service.post("/rank", same).json()["message"]


def test_a_client_that_sends_slowly_is_answered_and_holds_nobody_up(serving: Any) -> None:
    with serving(body_seconds=0.3) as server:
        host, port = server.url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port))) as slow:
            slow.sendall(
                b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                b"Content-Length: 100\r\n\r\n{"
            )
            ok = server.post("/rank", {"query": "q", "documents": ["x"]})
            assert ok.status_code == 200
            slow.settimeout(60)
            assert b" 408 " in slow.recv(4096).splitlines()[0]


def test_headers_must_arrive_and_end(serving: Any) -> None:
    class Hasty(LimitedHeaders):
        header_seconds = 0.5

    with serving(http=Hasty) as server:
        host, port = server.url.removeprefix("http://").split(":")
        body = json.dumps({"query": "q", "documents": ["x"]}).encode()
        head = (
            b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(body)
        )
        with socket.create_connection((host, int(port))) as silent:
            silent.settimeout(60)
            assert silent.recv(4096).startswith(b"HTTP/1.1 408 ")
        with socket.create_connection((host, int(port))) as second:
            second.settimeout(60)
            second.sendall(head + body)
            answer = b""
            while b'"seconds"' not in answer:
                answer += second.recv(4096)
            assert answer.startswith(b"HTTP/1.1 200 ")
            second.sendall(b"POST /rank HTTP/1.1\r\nHost: ")  # and no more
            assert b"the headers did not arrive within 0.5 s" in _all(second)
        with socket.create_connection((host, int(port))) as endless:
            endless.settimeout(60)
            endless.sendall(head[:-2] + b"X-Long: " + b"x" * (80 << 10))
            said = _all(endless)
            assert said.startswith(b"HTTP/1.1 431 ")
            assert b"longer than 65536 bytes" in said
        assert server.post("/rank", {"query": "q", "documents": ["x"]}).status_code == 200


def _all(connection: socket.socket) -> bytes:
    """What comes until it is closed."""
    said = b""
    while True:
        try:
            more = connection.recv(4096)
        except ConnectionResetError:
            return said
        if not more:
            return said
        said += more


@pytest.mark.parametrize("path", ["/v3/rerank", "/rank/x", "/..%2f", "/metrics/x"])
def test_paths_that_are_not_there(service: Any, path: str) -> None:
    assert refused(service.post(path, GOOD))
    assert service.get("/rank").status_code == 405


@pytest.mark.parametrize("given", ["soon", "-1", "0", "nan", "inf", "1e999"])
def test_a_deadline_that_is_none(service: Any, given: str) -> None:
    response = service.post(
        "/rank", {"query": "q", "documents": ["x"]}, headers={"Secondpass-Deadline-Ms": given}
    )
    assert refused(response)
    assert given in response.json()["message"]
