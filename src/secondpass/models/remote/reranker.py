"""The stage that asks a rerank API: hosted (Cohere, Jina, Voyage, ...) or a server of one's own."""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError
from secondpass.core.event import EventKind, Note
from secondpass.core.event_loop import gather_or_cancel
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.models.client_per_loop import ClientPerLoop
from secondpass.models.network import check_attempts, check_count
from secondpass.models.remote.address import Address, ServerAddress
from secondpass.models.remote.dialects import DIALECTS, Dialect, request_body
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.http import RequestRun, RerankClient, TooManyTextsError
from secondpass.models.remote.reply import Reply, read_reply


class RemoteReranker(Stage):
    """Order candidates by the scores of a rerank API. Gives ``raw`` scores: fit a calibrator.

    Long lists are sent in parts, side by side. Failed attempts (no connection, too slow, 408, 409,
    425, 429, 5xx, an unreadable answer) are repeated with growing pauses, or after as long as the
    server asks for. Where a part fails for good after another was answered, its candidates stand
    below the others without a score, the scale is ``order`` and an event of kind ``failed`` says
    so; where nothing was answered, the error is raised. Redirects are not followed, and an answer
    of more than 16 MiB is not read.

    Args:
        dialect: Which API: "cohere", "jina", "tei", "vllm", ...; see `DIALECTS`.
        model: As the server calls it. Servers with one model need none.
        url: None: the environment's, or the provider's own; see `Address`.
        api_key: None: the environment's. Kept out of the repr, of recipes, pickles and errors.
        timeout: Seconds for one attempt, from connecting to the last byte of the answer.
        max_retries: How many more attempts.
        concurrency: Most requests in flight, over all rankings of a run.
        documents_per_request: Largest number of texts in one request; None: the dialect's.
        spans: Ask for the relevant spans of each text, where the API has them; they become
            `Candidate.evidence`.
        extra: More fields of each request, such as {"instruct": ...}.

    Raises:
        InvalidInputError: An unknown dialect, no address, an option that cannot be used.
        MissingExtraError: httpx2 is not installed.
        RemoteError: (when run) It cannot be reached, or refuses; says what to do.
    """

    _known: ClassVar[Mapping[str, Dialect]] = DIALECTS

    def __init__(
        self,
        dialect: str,
        model: str | None = None,
        *,
        url: str | None = None,
        api_key: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        concurrency: int = 8,
        documents_per_request: int | None = None,
        spans: bool = False,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self._dialect = _dialect(dialect, self._known)
        check_attempts(timeout, max_retries)
        check_count(concurrency, "concurrency")
        if documents_per_request is not None:
            check_count(documents_per_request, "documents_per_request")
        if spans and self._dialect.spans is None:
            able = ", ".join(name for name, one in DIALECTS.items() if one.spans)
            raise InvalidInputError(f"{dialect!r} gives no spans; only {able} does")
        self.dialect, self.model, self.url = dialect, model, url
        self._address = self._address_of(url, api_key)
        hosted = self._known is not DIALECTS or self._address.url == self._dialect.url
        if self._dialect.model and not model and hosted:
            raise InvalidInputError(f"{dialect!r} needs the name of a model: '{dialect}:MODEL'")
        self.timeout, self.max_retries, self.concurrency = timeout, max_retries, concurrency
        self.documents_per_request, self.spans = documents_per_request, spans
        self.extra = dict(extra) if extra else None
        self.name = f"{dialect}:{model or self._address.host}"
        if extra:  # an instruction changes the scores, and calibrators go by the name
            try:
                self.name += json.dumps(extra, sort_keys=True)
            except (TypeError, ValueError) as error:
                raise InvalidInputError(f"extra={extra!r} must be JSON values: {error}") from None
        self._most = min(documents_per_request or self._dialect.most, self._dialect.limit)
        self._clients = ClientPerLoop[RerankClient]()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, url={self._address.url!r})"

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        run = RequestRun(asyncio.Semaphore(self.concurrency))
        return await gather_or_cancel(self._ranked(ranking, run) for ranking in rankings)

    def _address_of(self, url: str | None, api_key: str | None) -> ServerAddress:
        """Where requests go."""
        return Address(self.dialect, self._dialect, url, api_key)

    def _body(self, query: str, texts: list[str]) -> dict[str, Any]:
        """The JSON of one request."""
        body = {**request_body(self._dialect, self.model, query, texts), **(self.extra or {})}
        if self.spans:
            body[str(self._dialect.spans)] = {"mode": "enabled"}
        return body

    async def aclose(self) -> None:
        """Close this event loop's connections. They are closed with the loop too."""
        await self._clients.close()

    async def _ranked(self, ranking: Ranking, run: RequestRun) -> Ranking:
        texts = [candidate.text for candidate in ranking]
        most = self._most
        parts = [texts[start : start + most] for start in range(0, len(texts), most)]
        answers = await gather_or_cancel(self._replies(ranking.query, p, run) for p in parts)
        replies = [reply for answer in answers for reply in answer]
        scores = [score for reply in replies for score in reply.scores]
        notes = [note for reply in replies for note in reply.notes]
        for kind, message in _events(replies):
            ranking = ranking.with_event(self.name, kind, message)
        return ranking.rescored(scores, "raw", self.name, notes)

    async def _replies(self, query: str, texts: list[str], run: RequestRun) -> list[Reply]:
        """Of one request, or of several where the server takes fewer texts."""
        try:
            async with asyncio.timeout(time_left()) as limit, run.gate:
                reply = await self._ask(query, texts)
        except TooManyTextsError as problem:
            if len(texts) == 1:
                raise RemoteError(f"{problem}; the text is too long for it") from None
        except TimeoutError:
            if not limit.expired():
                raise
            return [_unanswered(texts, late=True)]
        except RemoteError as error:
            if not run.answered:
                raise
            return [_unanswered(texts, failure=str(error))]
        else:
            run.answered = True
            return [reply]
        half = (len(texts) + 1) // 2
        self._most = min(self._most, half)  # later rankings begin with what the server takes
        first, second = await gather_or_cancel(
            self._replies(query, some, run) for some in (texts[:half], texts[half:])
        )
        return first + second

    async def _ask(self, query: str, texts: list[str]) -> Reply:
        client = await self._clients.get(lambda: RerankClient(self.concurrency))
        reply, retries = await client.ask(
            self._address,
            self._body(query, texts),
            lambda content: read_reply(content, self._dialect, texts),
            timeout=self.timeout,
            max_retries=self.max_retries,
        )
        return replace(reply, usage={"requests": 1, "retries": retries, **reply.usage})


def _unanswered(texts: Sequence[str], *, failure: str = "", late: bool = False) -> Reply:
    note: Note = {"unscored": True} if late else {}
    return Reply([None] * len(texts), [note] * len(texts), failure=failure, late=late)


def _events(replies: Sequence[Reply]) -> Iterator[tuple[EventKind, str]]:
    """What to say of a ranking's requests."""
    total = sum(len(reply.scores) for reply in replies)
    if late := sum(len(reply.scores) for reply in replies if reply.late):
        yield "deadline", f"{total - late} of {total} candidates were scored in time"
    for failure in dict.fromkeys(reply.failure for reply in replies if reply.failure):
        count = sum(len(reply.scores) for reply in replies if reply.failure == failure)
        yield "failed", f"{count} candidates were not scored: {failure}"
    for problem in dict.fromkeys(problem for reply in replies for problem in reply.problems):
        yield "malformed", problem
    usage: Counter[str] = Counter()
    for reply in replies:
        usage.update(reply.usage)
    counts = (f"{value:g} {name.replace('_', ' ')}" for name, value in usage.items() if value)
    if usage:
        yield "cost", ", ".join(counts)


def _dialect(name: str, known: Mapping[str, Dialect]) -> Dialect:
    if name not in known:
        near = difflib.get_close_matches(str(name), list(known), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise InvalidInputError(f"no dialect {name!r}; there are {', '.join(known)}.{hint}")
    return known[name]
