"""Replies that no protocol foresees, over a real socket: read, asked for again, or a ChatError."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import pytest

pytest.importorskip("openai")

from secondpass.judge.chat.protocol import ChatError, Completion, TokenLogprob
from secondpass.models.openai.client import OpenAIChat, judge
from secondpass.models.openai.reply import completion_of
from secondpass.testing import ChatServer, Fault

pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("error")]

QUERY = "read a file line by line"
TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]
BEST_FIRST = (1, 2, 0, 3)
HELLO = [{"role": "user", "content": "hi"}]
NAMES = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID",
         "OPENAI_CUSTOM_HEADERS")  # fmt: skip


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("kind", ["half-json", "html"])
async def test_an_unreadable_reply_is_a_failed_attempt(kind: Any) -> None:
    with ChatServer(faults=[Fault(kind, times=1)]) as server:
        j = judge("m", base_url=server.url)
        answer = await j.aorder(QUERY, TEXTS)
        assert answer.value == BEST_FIRST
        assert answer.events == (("retried", "the server answered after 1 failed attempts"),)
        await j.chat.aclose()


@pytest.mark.parametrize("kind", ["half-json", "html"])
async def test_replies_that_stay_unreadable_say_what_they_are(kind: Any) -> None:
    with ChatServer(faults=[Fault(kind)]) as server:
        chat = OpenAIChat("m", base_url=server.url, max_retries=1)
        with pytest.raises(ChatError, match=r"not a chat completion.*begins.*base_url.*/v1"):
            await chat.complete(HELLO, max_tokens=5)
        assert len(server.requests) == 2
        await chat.aclose()


async def test_the_time_of_an_attempt_has_a_limit_however_it_is_spent() -> None:
    """The body would take a minute: a byte each twentieth of a second, and no read waits long."""
    with ChatServer(faults=[Fault("drip")]) as server:
        chat = OpenAIChat("m", base_url=server.url, timeout=1.0, max_retries=1)
        with pytest.raises(ChatError, match=r"in time.*timeout="):
            await chat.complete(HELLO, max_tokens=5)
        assert len(server.requests) <= 2
        await chat.aclose()


@pytest.mark.parametrize(("kind", "chars"), [("huge", 20 * 2**20), ("gzip-bomb", 60 * 2**20)])
async def test_an_answer_has_a_largest_size(kind: Any, chars: int) -> None:
    with ChatServer(faults=[Fault(kind, chars=chars)]) as server:
        chat = OpenAIChat("m", base_url=server.url)
        with pytest.raises(ChatError, match="more than 16 MiB"):
            await chat.complete(HELLO, max_tokens=5)
        assert len(server.requests) == 1
        await chat.aclose()


async def test_a_compressed_answer_is_read() -> None:
    with ChatServer(faults=[Fault("gzip-bomb", chars=1000)]) as server:
        chat = OpenAIChat("m", base_url=server.url)
        assert (await chat.complete(HELLO, max_tokens=500)).text == "x" * 1000
        await chat.aclose()


async def test_passages_do_not_follow_a_redirect() -> None:
    with ChatServer() as other:
        elsewhere = other.url.replace("//", "//user:pw@") + "/chat/completions?token=abc"
        with ChatServer(faults=[Fault("redirect", text=elsewhere)]) as server:
            j = judge("m", base_url=server.url)
            with pytest.raises(ChatError, match=f"redirects to {other.url}.*base_url") as caught:
                await j.aorder(QUERY, TEXTS)
            assert (len(server.requests), len(other.requests)) == (1, 0)
            assert caught.value.status == 307
            assert "pw" not in str(caught.value)
            assert "abc" not in str(caught.value)
            await j.chat.aclose()


async def test_organisation_project_and_headers_go_only_where_the_key_goes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-0123456789")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-1")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-1")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Tenant: 7\nauthorization: Bearer tenant-key")
    private = {"openai-organization", "openai-project", "x-tenant"}
    with ChatServer(api_key="none") as server:
        foreign = OpenAIChat("m", base_url=server.url)
        await foreign.complete(HELLO, max_tokens=5)  # with no key, so not the environment's
        assert not private & set(server.header_names[0])
        await foreign.aclose()
    with ChatServer(api_key="given") as server:
        foreign = OpenAIChat("m", base_url=server.url, api_key="given")
        await foreign.complete(HELLO, max_tokens=5)
        assert not private & set(server.header_names[0])
        await foreign.aclose()
    with ChatServer() as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        own = OpenAIChat("m", base_url=server.url)
        await own.complete(HELLO, max_tokens=5)
        assert private <= set(server.header_names[0])
        await own.aclose()


@pytest.mark.parametrize("kind", ["parts", "odd-usage", "odd-logprobs"])
async def test_answers_of_another_shape_are_read(kind: Any) -> None:
    with ChatServer(faults=[Fault(kind)]) as server:
        j = judge("m", base_url=server.url)
        assert (await j.aorder(QUERY, TEXTS)).value == BEST_FIRST
        assert (await j.abest(QUERY, TEXTS)).value == 1
        assert (await j.acompare(QUERY, TEXTS[1], TEXTS[0])).value > 0.9
        rated = await j.arate(QUERY, TEXTS[1])
        assert rated.value is not None
        assert rated.value > 0.9
        assert rated.usage.calls == 1
        assert rated.usage.prompt_tokens > 50  # estimated, where it is not counted
        await j.chat.aclose()


def _reply(message: Any, **more: Any) -> bytes:
    return json.dumps({"choices": [{"message": message, **more}]}).encode()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (None, ""), ("", ""), ("a", "a"), (5, "5"), (True, "true"), (1.5, "1.5"),
        ({"order": ["a"]}, '{"order": ["a"]}'), ([], ""), ([None, 7, []], ""),
        (["a", "b"], "ab"), ([{"text": "a"}, {"type": "output_text", "text": "b"}], "ab"),
        ([{"type": "thinking", "thinking": "x"}, {"type": "reasoning", "text": "y"}], ""),
        ([{"type": "text", "text": None}, {"type": ["text"], "text": "x"}], ""),
        ([{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "z"}], "z"),
    ],
)  # fmt: skip
def test_content_of_any_type(content: Any, text: str) -> None:
    assert completion_of(_reply({"content": content}), 0).text == text


ODD: list[Any] = [None, 5, -1, 1.5, True, "abc", "", [], [1], {}, {"a": 1}, 10**400, [None], [[]],
                  float("nan"), float("-inf"), {"content": 5}, {"content": [5]},
                  {"content": [{"token": "a", "logprob": float("nan")}]},
                  {"content": [{"token": "a", "logprob": 10**400, "top_logprobs": 7}]},
                  {"content": [{"token": "a", "logprob": 0, "top_logprobs": [3, {}]}]}]  # fmt: skip


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_nothing_in_a_reply_is_taken_for_what_it_is_not(odd: Any) -> None:
    done = completion_of(_reply({"content": "x", "refusal": odd}, finish_reason=odd), 0)
    assert isinstance(done.finish_reason, str | None)
    assert isinstance(done.refusal, str | None)
    done = completion_of(_reply({"content": "x"}, logprobs=odd), 0)
    for token in done.logprobs or ():
        assert isinstance(token, TokenLogprob)
        assert -1e10 < token.logprob < 1e10
    usage = {"prompt_tokens": odd, "completion_tokens": odd}
    reply = json.loads(_reply({"content": "x"}))
    for given in (usage, odd):
        done = completion_of(json.dumps({**reply, "usage": given}).encode(), 0)
        assert type(done.prompt_tokens) in (int, type(None))
        assert done.completion_tokens is None or 0 <= done.completion_tokens < 10**13
    for no_answer in (odd, {"choices": odd}, {"choices": [odd]}, {"choices": [{"message": odd}]}):
        with contextlib.suppress(ChatError):
            assert isinstance(completion_of(json.dumps(no_answer).encode(), 0), Completion)


@pytest.mark.usefixtures("no_finalizers")
@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (b"", "empty"), (b"  \n", "empty"), (b"<html>", "<html>"), (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"), (b'{"a":' * 100_000, "not JSON"), (b"9" * 5000, "not JSON"),
        (b'{"choices": []}', "no message"), (b"null", "no message"),
        (b'{"error": {"message": "Provider returned error", "code": 502}}', "Provider returned"),
        (b'{"error": "overloaded"}', "overloaded"),
    ],
    ids=range(11),
)  # fmt: skip
def test_what_is_no_completion_says_what_it_is(reply: bytes, message: str) -> None:
    with pytest.raises(ChatError, match=message):
        completion_of(reply, 0)


async def test_a_deadline_ends_a_dripping_answer() -> None:
    with ChatServer(faults=[Fault("drip")]) as server:
        chat = OpenAIChat("m", base_url=server.url)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await chat.complete(HELLO, max_tokens=5)
        await chat.aclose()
