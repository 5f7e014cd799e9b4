"""A real server, llama.cpp's, with a tiny random model: real schemas, log-probabilities, limits.

Random weights say nothing of quality, and what they write is the worst that a schema lets through.
The server is a single binary. It can be built from what is on PyPI, which holds its source, with a
C++ compiler, cmake and ninja, in some ten minutes:

    pip download --no-deps --no-binary llama-cpp-python llama-cpp-python==0.3.36
    tar xzf llama_cpp_python-0.3.36.tar.gz
    cmake -S llama_cpp_python-0.3.36/vendor/llama.cpp -B llama -G Ninja \
        -DCMAKE_BUILD_TYPE=Release -DGGML_NATIVE=OFF -DBUILD_SHARED_LIBS=OFF \
        -DLLAMA_OPENSSL=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF \
        -DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF
    cmake --build llama --target llama-server
    pip install gguf
    python tests/models/make_tiny_gguf.py tiny.gguf
    SECONDPASS_LLAMA_SERVER=llama/bin/llama-server SECONDPASS_LLAMA_MODEL=tiny.gguf \
        pytest tests/models/test_llama_server.py
"""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")

from secondpass import Rate
from secondpass.core.ranking import Ranking
from secondpass.judge.chat.chat_judge import ChatJudge
from secondpass.judge.chat.passage_tags import parse_tags, tag_passages
from secondpass.judge.chat.protocol import AnswerSchema, Completion, Message
from secondpass.models.load import load
from secondpass.models.openai.client import OpenAIChat, judge

BINARY = os.environ.get("SECONDPASS_LLAMA_SERVER", "")
MODEL = os.environ.get("SECONDPASS_LLAMA_MODEL", "")
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not (BINARY and MODEL),
        reason="needs llama-server: set SECONDPASS_LLAMA_SERVER and SECONDPASS_LLAMA_MODEL",
    ),
]
CONTEXT = 4096
LETTERS = "BCDFGHJK"
"""Those that the tiny model likes to say."""
QUERY = "read a file"
TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # one thread: several wait for each other by spinning, for minutes where the machine is busy
    command = [BINARY, "-m", MODEL, "--host", "127.0.0.1", "--port", str(port),
               "-c", str(CONTEXT), "-t", "1", "-tb", "1", "--chat-template", "chatml"]  # fmt: skip
    log = tmp_path_factory.mktemp("llama") / "log"
    with log.open("wb") as out, subprocess.Popen(command, stdout=out, stderr=out) as server:
        try:
            _wait(f"http://127.0.0.1:{port}/health", server, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _wait(health: str, server: subprocess.Popen[bytes], log: Path) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        assert server.poll() is None, log.read_text(errors="replace")[-2000:]
        try:
            with urllib.request.urlopen(health, timeout=1):
                return
        except OSError:  # not there yet, or 503 while it loads
            time.sleep(0.05)
    raise AssertionError(f"no answer in a minute: {log.read_text(errors='replace')[-2000:]}")


class Seen:
    """A chat that keeps what went through it."""

    name = "tiny"

    def __init__(self, url: str) -> None:
        self.chat = OpenAIChat("tiny", base_url=url, api_key="none")
        self.asked: list[tuple[list[Message], AnswerSchema | None]] = []
        self.answers: list[Completion] = []

    async def complete(
        self, messages: Sequence[Message], *, schema: AnswerSchema | None = None, **options: Any
    ) -> Completion:
        self.asked.append((list(messages), schema))
        done = await self.chat.complete(messages, schema=schema, **options)
        self.answers.append(done)
        return done


def _kinds(events: Sequence[tuple[str, str]]) -> set[str]:
    return {kind for kind, _ in events}


def _likely(done: Completion, *labels: str) -> list[float]:
    """Probability of each label as the first token, by the shortest way there is."""
    assert done.logprobs is not None
    likely = [(text.strip(), math.exp(p)) for text, p in done.logprobs[0].top]
    return [sum(p for text, p in likely if text == label) for label in labels]


async def test_an_enforced_schema_gives_a_permutation(url: str) -> None:
    """The tiny model writes JSON of the schema, as nothing but a grammar could have made it."""
    jsonschema = pytest.importorskip("jsonschema")
    chat = Seen(url)
    answer = await ChatJudge(chat).aorder(QUERY, TEXTS)
    assert sorted(answer.value) == [0, 1, 2, 3]
    assert "no-schema" not in _kinds(answer.events)
    first = set()
    for (messages, schema), done in zip(chat.asked, chat.answers, strict=True):
        assert schema is not None
        jsonschema.validate(json.loads(done.text), schema)
        _, shown = parse_tags(messages[1]["content"])
        named = json.loads(done.text)["order"]
        assert len(named) == 4
        assert set(named) <= set(shown)
        first.add(TEXTS.index(shown[named[0]]))
    assert answer.value[0] in first
    assert answer.usage.calls == len(chat.answers)
    assert answer.usage.prompt_tokens == sum(done.prompt_tokens or 0 for done in chat.answers)


async def test_the_best_is_the_one_that_the_json_names(url: str) -> None:
    chat = Seen(url)
    answer = await ChatJudge(chat).abest(QUERY, TEXTS)
    _, shown = parse_tags(chat.asked[0][0][1]["content"])
    assert TEXTS[answer.value] == shown[json.loads(chat.answers[0].text)["best"]]
    assert answer.events == ()


async def test_any_text_gives_a_permutation(url: str) -> None:
    """Without a schema the tiny model writes one character, which is an order of nothing."""
    chat = Seen(url)
    answer = await ChatJudge(chat, structured=False).aorder(QUERY, TEXTS)
    assert all(schema is None for _, schema in chat.asked)
    assert sorted(answer.value) == [0, 1, 2, 3]
    assert answer.usage.calls == 2  # it was asked for again
    assert "fallback" in _kinds(answer.events)
    assert answer.value == (0, 1, 2, 3)


async def test_yes_no_comes_from_log_probabilities(url: str) -> None:
    chat = Seen(url)
    rater, rated = ChatJudge(chat, seed=0), []
    for text in TEXTS:
        answer = await rater.arate(QUERY, text)
        done = chat.answers[-1]
        assert done.logprobs is not None
        assert len(done.logprobs[0].top) == 20
        yes, no = _likely(done, "Yes", "No")
        assert answer.value == pytest.approx(yes / (yes + no))
        assert answer.events == ()
        rated.append(answer.value)
    assert len({round(p, 6) for p in rated if p is not None}) == 4  # it has read the passages
    assert len(chat.answers) == 4


async def test_grades_come_from_log_probabilities(url: str) -> None:
    chat = Seen(url)
    answer = await ChatJudge(chat, rating="scale", seed=0).arate(QUERY, TEXTS[0])
    (done,) = chat.answers
    likely = _likely(done, *map(str, range(10)))  # the tiny model has no 10, but 1 and then 0
    expected = sum(grade * p for grade, p in enumerate(likely)) / sum(likely)
    assert answer.value == pytest.approx(expected, rel=1e-3)
    assert answer.events == ()


async def test_comparisons_come_from_log_probabilities(url: str) -> None:
    pair = TEXTS[:2]
    drawn = (tag_passages(QUERY, pair, seed=s, letters=True).ids for s in range(1000))
    seed, ids = next((s, ids) for s, ids in enumerate(drawn) if set(ids) <= set(LETTERS))
    chat = Seen(url)
    answer = await ChatJudge(chat, seed=seed).acompare(QUERY, *pair)
    first, second = _likely(chat.answers[0], *ids)
    assert 0 < answer.value < 1
    assert answer.value == pytest.approx(first / (first + second))
    assert answer.events == ()


async def test_a_real_context_overflow_asks_in_parts(url: str) -> None:
    chat = Seen(url)
    texts = [f"{i} " + "a file is read line by line " * 40 for i in range(24)]
    answer = await ChatJudge(chat).aorder(QUERY, texts)
    assert sorted(answer.value) == list(range(24))
    said = [message for kind, message in answer.events if kind == "shrunk"]
    assert said[0].startswith("24 passages did not fit the model")
    assert len(chat.asked) > len(chat.answers) > 1  # the server did refuse some
    assert all((done.prompt_tokens or 0) <= CONTEXT for done in chat.answers)


async def test_a_passage_longer_than_the_context_is_cut(url: str) -> None:
    chat = Seen(url)
    text = "a file is read line by line " * 2000
    answer = await ChatJudge(chat, passage_tokens=8000).arate(QUERY, text)
    assert answer.value is not None
    assert 0 < answer.value < 1
    assert {"shrunk", "truncated"} <= _kinds(answer.events)
    assert answer.notes[0]["cut_tokens"] > 4000
    assert (chat.answers[0].prompt_tokens or 0) <= CONTEXT


def test_stages_ask_a_real_server_side_by_side(url: str) -> None:
    ranking = Ranking.of(QUERY, [f"{text} {i}" for i in range(5) for text in TEXTS])
    rated = Rate(judge("tiny", base_url=url, seed=0))(ranking)
    assert sorted(rated.ids) == sorted(ranking.ids)
    assert {event.kind for event in rated.events} == {"cost"}
    scores = [score for score in rated.scores if score is not None]
    assert len(set(scores)) == 20  # read from log-probabilities, and not from the one word
    assert scores == sorted(scores, reverse=True)
    ordered = load("judge:tiny", options={"base_url": url})(ranking)
    assert sorted(ordered.ids) == sorted(ranking.ids)
    assert not {"no-schema", "no-system"} & {event.kind for event in ordered.events}
