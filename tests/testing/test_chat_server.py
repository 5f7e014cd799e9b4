from __future__ import annotations

import http.client
import json
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any

import pytest

from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.passage_tags import tag_passages
from secondpass.judge.chat.prompts import Prompts, fill
from secondpass.testing import ChatServer, Fault

pytestmark = pytest.mark.enable_socket

TEXTS = ["red apple", "green pear", "red pear"]


def _ask(
    server: ChatServer, task: str = "order", texts: list[str] | None = None, **more: Any
) -> Any:
    shown = tag_passages("red pear", texts or TEXTS, seed=0)
    prompt = fill(getattr(Prompts(), task), query=shown.query, passages=shown.passages,
                    n=len(shown.ids), ids=", ".join(shown.ids), form="")  # fmt: skip
    body = {"model": "m", "messages": [{"role": "user", "content": prompt}], **more}
    request = urllib.request.Request(
        server.url + "/chat/completions", json.dumps(body).encode(), {"Authorization": "Bearer K"}
    )
    with urllib.request.urlopen(request, timeout=10) as response:
        answer = json.load(response)
    choice = answer["choices"][0]
    text = choice["message"]["content"]
    for i, name in enumerate(shown.ids):
        text = text.replace(name, str(i))
    return text, choice


def test_it_answers_every_prompt_from_relevance() -> None:
    schema = {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}
    with ChatServer() as server:
        assert _ask(server)[0] == "[2] > [0] > [1]"
        assert json.loads(_ask(server, response_format=schema)[0]) == {"order": ["2", "0", "1"]}
        assert _ask(server, "best")[0] == "[2]"
        assert _ask(server, "compare", TEXTS[1:])[0] == "1"
        text, choice = _ask(server, "relevant", TEXTS[2:], logprobs=True, top_logprobs=5)
        assert text == "Yes"
        assert choice["logprobs"]["content"][0]["top_logprobs"][0]["token"] == "Yes"
        text, choice = _ask(server, "scale", TEXTS[:1], logprobs=True, top_logprobs=20)
        assert text == "5"
        assert len(choice["logprobs"]["content"][0]["top_logprobs"]) == 11
        assert _ask(server, "relevant", TEXTS[2:])[1]["logprobs"] is None


def test_it_keeps_bodies_and_no_keys() -> None:
    with ChatServer() as server:
        _ask(server)
    assert [set(body) for body in server.requests] == [{"model", "messages"}]
    assert "Bearer" not in json.dumps(server.requests)


def test_noise_is_the_same_for_the_same_passages_and_a_bias_prefers_the_first() -> None:
    with ChatServer(noise=5, seed=1) as server:
        assert len({_ask(server)[0] for _ in range(3)}) == 1
        assert len({_ask(server, texts=[*TEXTS, str(i)])[0] for i in range(9)}) > 3
    with ChatServer(position_bias=9) as server:
        assert _ask(server)[0] == "[0] > [1] > [2]"


def test_a_share_of_answers_is_malformed() -> None:
    with ChatServer(malformed=0.5) as server:
        said = [_ask(server, texts=[*TEXTS, f"text {i}"])[0] for i in range(60)]
    good = sum(text.count(">") == 3 and text.startswith("[") for text in said)
    assert 15 < good < 50


def test_accidents_happen_as_often_as_said_one_after_the_other() -> None:
    faults = [Fault("rate-limit", times=1, retry_after=7), Fault("say", times=2, text="hm")]
    with ChatServer(faults=faults) as server:
        with pytest.raises(urllib.error.HTTPError) as caught:
            _ask(server)
        with caught.value as response:
            assert (response.code, response.headers["Retry-After"]) == (429, "7")
        assert [_ask(server)[0] for _ in range(3)] == ["hm", "hm", "[2] > [0] > [1]"]


def test_a_key_can_be_asked_for() -> None:
    with ChatServer(api_key="other") as server:
        with pytest.raises(urllib.error.HTTPError, match="401") as caught:
            _ask(server)
        caught.value.close()


def test_what_is_no_ranking_prompt_or_no_path_is_answered_all_the_same() -> None:
    with ChatServer() as server:
        url = server.url
        body = b'{"model": "m", "messages": [{"role": "user", "content": "hello"}]}'
        with urllib.request.urlopen(url + "/chat/completions", body, timeout=5) as response:
            assert json.load(response)["choices"][0]["finish_reason"] == "stop"
        with urllib.request.urlopen(url + "/models", timeout=5) as response:
            assert json.load(response)["data"]
        for path, data, code in (("/embeddings", b"{}", 404), ("/chat/completions", b"{", 400)):
            with pytest.raises(urllib.error.HTTPError, match=str(code)) as caught:
                urllib.request.urlopen(url + path, data, timeout=5)
            caught.value.close()


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="malformed"):
        ChatServer(malformed=2)
    with pytest.raises(InvalidInputError, match="unknown fault"):
        Fault("fire")  # type: ignore[arg-type]


def test_importing_the_kit_starts_no_server_code() -> None:
    code = "import sys, secondpass.testing; assert 'http.server' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_fault_waits_for_its_turn_and_a_dripping_answer_ends_with_the_server() -> None:
    with ChatServer(faults=[Fault("forbidden", times=1, after=2)]) as server:
        assert [_ask(server)[0] for _ in range(2)] == ["[2] > [0] > [1]"] * 2
        with pytest.raises(urllib.error.HTTPError, match="403"):
            _ask(server)
        assert _ask(server)[0] == "[2] > [0] > [1]"
    assert {"authorization", "content-length"} <= set(server.header_names[0])
    with ChatServer(faults=[Fault("drip")]) as server:
        request = urllib.request.Request(server.url + "/chat/completions", b"{}")
        response = urllib.request.urlopen(request, timeout=30)
        assert response.read(3) == b'{"i'
    with response, pytest.raises(http.client.IncompleteRead):
        response.read()


def test_an_answer_can_be_half_of_one() -> None:
    with ChatServer(faults=[Fault("half-json")]) as server, pytest.raises(json.JSONDecodeError):
        _ask(server)
