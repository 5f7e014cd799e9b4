"""A reranking service: one recipe, loaded once, behind HTTP.

pip install secondpass fastapi uvicorn
SECONDPASS_RECIPE=reranker.json uvicorn app:from_environment --factory

POST /rerank            {"query": "...", "documents": ["...", ...]}
POST /search/{name}     {"query": "..."}, for each search that was passed to `service`
GET  /health            what is loaded, and how much is waiting
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from secondpass import InvalidInputError, Ranking, Recipe, SecondPassError, Stage

MAX_DOCUMENTS, MAX_CHARACTERS, MAX_WAITING = 200, 20_000, 16

Query = Annotated[str, Field(min_length=1, max_length=2_000)]
Text = Annotated[str, Field(max_length=MAX_CHARACTERS)]


class Search(BaseModel):
    """A request for which the service finds the documents itself."""

    query: Query


class Rerank(Search):
    """A request with the documents to rerank."""

    documents: Annotated[list[Text], Field(max_length=MAX_DOCUMENTS)]


class Result(BaseModel):
    """One document that was kept. `index` is its position in the request, from 0."""

    index: int
    score: float | None
    text: str


class Answer(BaseModel):
    """Best first, maybe empty; what the scores mean; and what happened on the way."""

    results: list[Result]
    scale: str
    events: list[str] = []


Searches = Mapping[str, Callable[[str], Awaitable[Answer]]]


def service(stage: Stage, searches: Searches | None = None) -> FastAPI:
    """The app around a loaded pipeline.

    Args:
        stage: What reranks.
        searches: More routes: a name, and a function from a query to an answer, such as a
            framework's retriever with a reranker of that framework behind it.
    """
    app = FastAPI(title="secondpass")
    turn, waiting = asyncio.Semaphore(1), set[object]()  # a model uses all cores: one at a time
    routes = searches or {}

    @asynccontextmanager
    async def in_turn() -> AsyncIterator[None]:
        """Wait for the model, or say at once that too many do."""
        if len(waiting) >= MAX_WAITING:
            message = f"{MAX_WAITING} requests are waiting; try again in a second"
            raise HTTPException(503, message, headers={"Retry-After": "1"})
        waiting.add(me := object())
        try:
            async with turn:
                yield
        finally:
            waiting.discard(me)

    @app.exception_handler(SecondPassError)
    async def refuse(request: Request, error: SecondPassError) -> JSONResponse:
        """The caller's mistakes are 422, ours are 500. The message says what was wrong."""
        status = 422 if isinstance(error, InvalidInputError) else 500
        return JSONResponse({"detail": str(error)}, status)

    @app.post("/rerank")
    async def rerank(body: Rerank) -> Answer:
        candidates = Ranking.of(body.query, body.documents)
        async with in_turn():
            ranking = await stage.acall(candidates)
        results = [Result(index=int(c.id), score=c.score, text=c.text) for c in ranking]
        events = [event.message for event in ranking.events]
        return Answer(results=results, scale=ranking.scale, events=events)

    @app.post("/search/{name}")
    async def search(name: str, body: Search) -> Answer:
        if name not in routes:
            known = ", ".join(routes) or "none"
            raise HTTPException(404, f"no search {name!r}; there are: {known}")
        async with in_turn():
            return await routes[name](body.query)

    @app.get("/health")
    async def health() -> dict[str, object]:
        return {"status": "ok", "pipeline": repr(stage), "waiting": len(waiting)}

    return app


def from_environment() -> FastAPI:
    """For uvicorn: the recipe that SECONDPASS_RECIPE names, else the one beside this file.

    Raises:
        RecipeError: No such file, or other weights than those the recipe was made with.
    """
    beside = Path(__file__).with_name("reranker.json")
    return service(Recipe.read(os.environ.get("SECONDPASS_RECIPE", beside)).stage())
