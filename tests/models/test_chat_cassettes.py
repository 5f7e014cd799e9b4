"""Recorded conversations: the bytes of requests and answers, played back with no server there.

Recorded against `secondpass.testing.ChatServer`; to record anew, delete the folder ``cassettes``
and run this file with ``--record-mode=once``. A changed prompt no longer finds its request.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("pytest_recording")

from secondpass.judge.chat.chat_judge import ChatJudge
from secondpass.models.openai.client import judge
from secondpass.testing import ChatServer, Fault

KEY = "sk-recorded0123456789"
QUERY = "read a file line by line"
TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]


@pytest.fixture(scope="module")
def vcr_config() -> dict[str, Any]:
    return {
        # the port differs each time; the body is what counts, and vcrpy ignores it by default
        "match_on": ["method", "scheme", "host", "path", "body"],
        "filter_headers": ["authorization", "api-key", "x-api-key", "user-agent"],
        "decode_compressed_response": True,
    }


@pytest.fixture
def url(request: pytest.FixtureRequest, record_mode: str) -> Iterator[str]:
    if record_mode in ("none", None):
        yield "http://127.0.0.1:9/v1"  # nobody answers there, and no socket may be opened
        return
    request.getfixturevalue("socket_enabled")
    faults = getattr(request, "param", [])
    with ChatServer(faults=faults) as server:
        yield server.url


def _judge(url: str, **options: Any) -> ChatJudge:
    return judge("recorded", base_url=url, api_key=KEY, seed=7, **options)


@pytest.mark.vcr
async def test_an_order_as_recorded(url: str) -> None:
    j = _judge(url)
    answer = await j.aorder(QUERY, TEXTS)
    assert answer.value == (1, 2, 0, 3)
    assert answer.events == ()
    await j.chat.aclose()  # type: ignore[attr-defined]


@pytest.mark.vcr
async def test_ratings_and_comparisons_as_recorded(url: str) -> None:
    j, scale = _judge(url), _judge(url, rating="scale")
    assert (await j.acompare(QUERY, TEXTS[1], TEXTS[0])).value > 0.99
    assert (await j.arate(QUERY, TEXTS[1])).value == pytest.approx(0.999, abs=0.01)
    assert (await scale.arate(QUERY, TEXTS[2])).value == pytest.approx(6, abs=0.1)
    for one in (j, scale):
        await one.chat.aclose()  # type: ignore[attr-defined]


@pytest.mark.vcr
@pytest.mark.parametrize(
    "url", [[Fault("say", times=1, text="The 2nd.")]], indirect=True, ids=["unusable"]
)
async def test_a_repair_as_recorded(url: str) -> None:
    j = _judge(url)
    answer = await j.aorder(QUERY, TEXTS)
    assert answer.value == (1, 2, 0, 3)
    assert [kind for kind, _ in answer.events] == ["no-schema", "repaired"]
    await j.chat.aclose()  # type: ignore[attr-defined]


def test_no_cassette_holds_a_key() -> None:
    cassettes = list((Path(__file__).parent / "cassettes").rglob("*.yaml"))
    assert len(cassettes) == 3
    for path in cassettes:
        text = path.read_text()
        assert "sk-" not in text
        assert "uthorization" not in text
