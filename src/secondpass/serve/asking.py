"""From a request to a ranking: limits, the deadline, a place in the queue, the recipe."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException, Request
from starlette.types import Scope

from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.serve.metrics import Metrics
from secondpass.serve.served import Recipes, Served
from secondpass.serve.settings import Settings

DEADLINE = "secondpass-deadline-ms"
"""The header by which a request says how long it may take."""
_LEAST_PART = 0.5
"""A request with more work than its deadline allows is let in if half of the time is left to it:
it gets what was scored in time."""


@dataclass
class Service:
    """What all routes share.

    Attributes:
        settings: As given.
        metrics: What is counted.
        recipes: What is served.
        ready: Whether known pairs were scored as expected.
        problem: Why not.
    """

    settings: Settings
    metrics: Metrics
    recipes: Recipes
    ready: bool = False
    problem: str = "known pairs are being scored"
    requests: int = 0
    arriving: int = 0

    def arrived(self, scope: Scope) -> None:
        """A request is no longer on its way."""
        if scope["secondpass"].pop("arriving", None):
            self.arriving -= 1

    def served(self, name: str | None) -> Served:
        """The recipe of that name.

        Raises:
            HTTPException: 404, there is none.
        """
        try:
            return self.recipes.named(name)
        except LookupError as error:
            raise HTTPException(404, str(error.args[0])) from None

    async def rank(
        self,
        request: Request,
        served: Served,
        rankings: Sequence[Ranking],
        *,
        uncut: bool = False,
        then: Sequence[Stage] = (),
        deadline: float | None = None,
    ) -> list[Ranking]:
        """Rerank the lists of one request.

        Args:
            request: For its headers, and for what the log says of it.
            served: The recipe.
            rankings: What was sent.
            uncut: Leave the cuts at the recipe's end out.
            then: More stages behind the recipe.
            deadline: Milliseconds; None: those of the header.

        Raises:
            HTTPException: 413, too many or too long texts; 422, a wrong header; 429, the queue is
                too long.
        """
        self._check_sizes(rankings)
        seconds = self._deadline(request, deadline)
        self._admit(served, rankings, seconds)
        facts: dict[str, Any] = request.scope["secondpass"]
        facts |= {"recipe": served.name, "documents": sum(len(r) for r in rankings)}
        self.requests += 1
        asyncio.get_running_loop().call_soon(self.arrived, request.scope)
        try:
            results = list(
                await asyncio.gather(
                    *(served.rank(r, seconds, uncut=uncut, then=then) for r in rankings)
                )
            )
        finally:
            self.requests -= 1
        facts["ranking"] = _worst(results)
        self.metrics.ranked(served, results, facts["documents"])
        return results

    def _check_sizes(self, rankings: Sequence[Ranking]) -> None:
        settings = self.settings
        count = sum(len(ranking) for ranking in rankings)
        if count > settings.max_documents:
            most = settings.max_documents
            raise HTTPException(413, f"{count} documents; at most {most} may be sent at once")
        for ranking in rankings:
            if len(ranking.query) > settings.max_query_characters:
                most = settings.max_query_characters
                raise HTTPException(
                    413, f"the query has {len(ranking.query)} characters; at most {most} may be"
                )
            for candidate in ranking:
                if len(candidate.text) > settings.max_document_characters:
                    raise HTTPException(
                        413,
                        f"document {candidate.position} has {len(candidate.text)} characters; at "
                        f"most {settings.max_document_characters} may be sent",
                    )

    def _deadline(self, request: Request, milliseconds: float | None) -> float:
        """Seconds, of the body or the header if they are there."""
        most = self.settings.deadline_seconds
        given = request.headers.get(DEADLINE) if milliseconds is None else str(milliseconds)
        if given is None:
            return most
        try:
            seconds = float(given) / 1000
        except ValueError:
            seconds = math.nan
        if not (math.isfinite(seconds) and seconds > 0):
            raise HTTPException(422, f"{DEADLINE}: {given!r:.50} must be milliseconds above 0")
        return min(seconds, most)

    def _admit(self, served: Served, rankings: Sequence[Ranking], seconds: float) -> None:
        """Refuse what would not be done in time, before it waits."""
        if self.requests >= self.settings.max_requests:
            raise overloaded(f"{self.requests} requests are being answered", 1)
        queued = self.recipes.seconds_queued
        texts = [candidate.text for ranking in rankings for candidate in ranking]
        own = sum(b.seconds(sum(b.costs(texts))) for b in served.batchers)
        late = queued + min(own, _LEAST_PART * seconds) - seconds
        over = max(late, queued - self.settings.queue_seconds)
        if queued and over > 0:
            raise overloaded(f"about {queued:.1f} s of work are waiting", math.ceil(over))


def overloaded(why: str, seconds: int) -> HTTPException:
    """429, with when to come again."""
    wait = max(1, seconds)
    return HTTPException(429, f"{why}; try again in {wait} s", {"Retry-After": str(wait)})


def status_headers(ranking: Ranking) -> dict[str, str]:
    """What other people's APIs have no field for."""
    return {"Secondpass-Status": ranking.status, "Secondpass-Scale": ranking.scale}


def _worst(rankings: Sequence[Ranking]) -> str:
    found = {ranking.status for ranking in rankings}
    return next((s for s in ("partial", "fallback") if s in found), "complete")
