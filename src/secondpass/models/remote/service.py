"""Our own service as a model: what `secondpass serve` answers, with nothing lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast, get_args

from secondpass.core.candidate import Candidate, Mark, Scale
from secondpass.core.deadline import time_left
from secondpass.core.errors import SecondPassError
from secondpass.core.event import Event, EventKind, Note
from secondpass.core.event_loop import gather_or_cancel
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.models.client_per_loop import ClientPerLoop
from secondpass.models.network import check_attempts, check_count
from secondpass.models.remote.address import Address
from secondpass.models.remote.dialects import Dialect
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.http import RerankClient, TooManyTextsError
from secondpass.models.remote.reply import UnreadableReplyError, parsed

NAME = "secondpass"
SERVICE = Dialect(path="/rank", results="candidates", index="position", score="score", usage=())


class RemoteRecipe(Stage):
    """A recipe behind `secondpass serve`: its order, scores, probabilities, trail and events.

    Candidates that the recipe drops are dropped, and what its stages noted, evidence too, stands in
    the trail. A deadline around the call is sent along, so that the service stops in time.

    Args:
        url: Such as "http://host:8080"; "http://host:8080#NAME" asks for a recipe by name.
        api_key: None: SECONDPASS_SECONDPASS_KEY, for SECONDPASS_SECONDPASS_URL only.
        timeout: Seconds for one attempt.
        max_retries: How many more attempts.
        concurrency: Most requests in flight.

    Raises:
        InvalidInputError: No address, or an option that cannot be used.
        MissingExtraError: httpx2 is not installed.
        RemoteError: (when run) It cannot be reached, or refuses; says what to do.
    """

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        concurrency: int = 8,
    ) -> None:
        check_attempts(timeout, max_retries)
        check_count(concurrency, "concurrency")
        address, _, recipe = url.partition("#")
        self._address = Address(NAME, SERVICE, address, api_key)
        self.url, self.timeout, self.max_retries = url, timeout, max_retries
        self.concurrency, self._recipe = concurrency, recipe or None
        self.name = f"{NAME}:{recipe or self._address.host}"
        self._clients = ClientPerLoop[RerankClient]()

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        gate = asyncio.Semaphore(self.concurrency)
        return await gather_or_cancel(self._ranked(ranking, gate) for ranking in rankings)

    async def aclose(self) -> None:
        """Close this event loop's connections. They are closed with the loop too."""
        await self._clients.close()

    async def _ranked(self, ranking: Ranking, gate: asyncio.Semaphore) -> Ranking:
        if not len(ranking):
            return ranking
        body: dict[str, Any] = {
            "query": ranking.query,
            "documents": [{"id": c.id, "text": c.text} for c in ranking],
            **({"recipe": self._recipe} if self._recipe else {}),
        }
        try:
            async with asyncio.timeout(time_left()) as limit, gate:
                if (left := time_left()) is not None:
                    body["deadline_ms"] = max(1.0, 1000 * left)
                client = await self._clients.get(lambda: RerankClient(self.concurrency))
                answer, _ = await client.ask(
                    self._address,
                    body,
                    lambda content: _read(content, ranking),
                    timeout=self.timeout,
                    max_retries=self.max_retries,
                )
        except TooManyTextsError as problem:  # a recipe may read the whole list, so it is not split
            raise RemoteError(str(problem), 413) from None
        except TimeoutError:
            if not limit.expired():
                raise
            message = f"0 of {len(ranking)} candidates were scored in time"
            late = ranking.with_event(self.name, "deadline", message)
            notes: list[Note] = [{"unscored": True} for _ in ranking]
            return late.rescored([None] * len(ranking), "raw", self.name, notes)
        return answer


def _read(content: bytes, before: Ranking) -> Ranking:
    """The ranking that the service sent.

    Raises:
        UnreadableReplyError: It is none, or of other candidates.
    """
    answer = parsed(content)
    by_id = {candidate.id: candidate for candidate in before}
    try:
        scale: Scale = answer["scale"]
        candidates = [_candidate(by_id[plain["id"]], plain) for plain in answer["candidates"]]
        events = [_event(plain) for plain in answer["events"]]
        whole = (*before.events, *events)
        return replace(before, candidates=tuple(candidates), scale=scale, events=whole)
    except (KeyError, TypeError, AttributeError, ValueError, SecondPassError) as error:
        said = json.dumps(answer)[:80]
        raise UnreadableReplyError(f"it is no ranking of these texts ({error!r}): {said}") from None


def _candidate(before: Candidate, plain: Mapping[str, Any]) -> Candidate:
    marks = [
        Mark(m["stage"], m["rank"], m["score"], cast(Note, dict(m["note"])), m["scale"])
        for m in plain["trail"]
    ]
    if plain.get("evidence") and not any("evidence" in m.note for m in marks):
        spans = [[s["start"], s["end"], s["score"]] for s in plain["evidence"]]
        marks[-1] = replace(marks[-1], note={**marks[-1].note, "evidence": spans})
    return replace(before, score=plain["score"], trail=(*before.trail, *marks))


def _event(plain: Mapping[str, str]) -> Event:
    kind: Any = plain["kind"]
    if kind not in get_args(EventKind):  # of a newer service
        return Event(plain["stage"], "malformed", f"{kind}: {plain['message']}")
    return Event(plain["stage"], kind, plain["message"])
