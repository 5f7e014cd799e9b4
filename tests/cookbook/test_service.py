"""The service that the cookbook gives away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from secondpass import Ranking, RecipeError, ScoreError, Stage, Top, load
from service import app as module
from service.app import Answer, from_environment, service

DOCUMENTS = ["Cats sleep all day.", "Goethe wrote the play Faust.", "Rust never sleeps."]


class Slow(Stage):
    """Waits until it is let go; counts how many are at work."""

    name = "slow"

    def __init__(self) -> None:
        self.go, self.working, self.peak = asyncio.Event(), 0, 0

    async def arun(self, rankings: list[Ranking]) -> list[Ranking]:
        self.working += 1
        self.peak = max(self.peak, self.working)
        await self.go.wait()
        self.working -= 1
        return rankings


class Broken(Stage):
    name = "broken"

    def run(self, rankings: list[Ranking]) -> list[Ranking]:
        raise ScoreError("returned NaN")


async def search(query: str) -> Answer:
    return Answer(results=[], scale="order", events=[query])


def client(stage: Stage) -> httpx.AsyncClient:
    app = httpx.ASGITransport(app=service(stage, {"mine": search}))
    return httpx.AsyncClient(transport=app, base_url="http://service")


@pytest.fixture
async def builtin() -> AsyncIterator[httpx.AsyncClient]:
    async with client(load("builtin") >> Top(2)) as one:
        yield one


async def test_it_reranks(builtin: httpx.AsyncClient) -> None:
    asked = {"query": "who wrote Faust?", "documents": DOCUMENTS}
    said = (await builtin.post("/rerank", json=asked)).json()
    assert said["results"][0]["index"] == 1
    assert len(said["results"]) == 2
    assert said["scale"] == "probability"
    empty = await builtin.post("/rerank", json={"query": "q", "documents": []})
    assert empty.json()["results"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"query": " ", "documents": DOCUMENTS},
        {"query": "", "documents": DOCUMENTS},
        {"query": "q"},
        {"query": "q", "documents": [None]},
        {"query": "q", "documents": ["x"] * (module.MAX_DOCUMENTS + 1)},
        {"query": "q", "documents": ["x" * (module.MAX_CHARACTERS + 1)]},
    ],
)
async def test_bad_requests_are_422(body: object, builtin: httpx.AsyncClient) -> None:
    response = await builtin.post("/rerank", json=body)
    assert response.status_code == 422
    assert response.json()["detail"]


async def test_what_goes_wrong_inside_is_500() -> None:
    async with client(Broken()) as one:
        response = await one.post("/rerank", json={"query": "q", "documents": DOCUMENTS})
    assert (response.status_code, response.json()) == (500, {"detail": "returned NaN"})


async def test_searches_by_name(builtin: httpx.AsyncClient) -> None:
    said = await builtin.post("/search/mine", json={"query": "q"})
    assert said.json()["events"] == ["q"]
    missing = await builtin.post("/search/other", json={"query": "q"})
    assert missing.status_code == 404
    assert "mine" in missing.json()["detail"]


async def test_one_at_a_time_and_not_too_many() -> None:
    stage, asked = Slow(), {"query": "q", "documents": DOCUMENTS}
    async with client(stage) as one:
        burst = [
            asyncio.create_task(one.post("/rerank", json=asked))
            for _ in range(module.MAX_WAITING + 3)
        ]
        while not any(task.done() for task in burst):
            await asyncio.sleep(0)
        health = (await one.get("/health")).json()
        assert health["waiting"] == module.MAX_WAITING
        stage.go.set()
        answers = await asyncio.gather(*burst)
        assert (await one.get("/health")).json()["waiting"] == 0
    codes = [answer.status_code for answer in answers]
    assert (codes.count(200), codes.count(503)) == (module.MAX_WAITING, 3)
    assert stage.peak == 1
    assert {a.headers["retry-after"] for a in answers if a.status_code == 503} == {"1"}


async def test_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SECONDPASS_RECIPE", raising=False)
    app = httpx.ASGITransport(app=from_environment())
    async with httpx.AsyncClient(transport=app, base_url="http://service") as one:
        assert "builtin@" in (await one.get("/health")).json()["pipeline"]
    monkeypatch.setenv("SECONDPASS_RECIPE", str(tmp_path / "none.json"))
    with pytest.raises(RecipeError):
        from_environment()
