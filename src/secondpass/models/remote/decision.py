"""Decision models as judges: OpenAI's Decisions API, and the System One wire of Jev and its kin.

A decision model reads all texts of a request at once, so a probability depends on the others there
and on their order: it is not pointwise, and not calibrated.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from secondpass.core.deadline import time_left
from secondpass.core.errors import InvalidInputError
from secondpass.core.event import EventKind, Note
from secondpass.core.event_loop import gather_or_cancel
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Stage
from secondpass.core.tokens import cut_to, estimated
from secondpass.models.client_per_loop import ClientPerLoop
from secondpass.models.network import check_attempts, check_count
from secondpass.models.remote.address import Address
from secondpass.models.remote.decision_wires import (
    MOST_QUESTIONS,
    WIRES,
    Answers,
    Wire,
    read_answers,
    request_body,
)
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.http import RequestRun, RerankClient
from secondpass.stages.scorer_output import with_note_events

_QUESTION_TOKENS = 40
"""About what the words of a question take besides its passage."""
STATEMENT = "The passage {id} answers the query, or holds a part of the answer."


class DecisionJudge(Stage):
    """Order candidates by a decision model's probability that each answers the query.

    Gives ``raw`` scores: the probabilities order well but are not calibrated (published expected
    calibration errors of Jev are .02 to .18), so fit a calibrator before a threshold. A question
    that was refused or left out is asked once more by itself; then its candidate stands below the
    others without a score, and an event says so. It never becomes 0.

    Args:
        model: As the server calls it, such as "gpt-6-luna".
        wire: "openai" or "systemone".
        url: None: the provider's own address, or SECONDPASS_OPENAI_URL (SECONDPASS_SYSTEMONE_URL).
        api_key: None: OPENAI_API_KEY (TYPESAFE_API_KEY), for the provider's own address only.
        timeout: Seconds for one attempt.
        max_retries: How many more attempts.
        concurrency: Most requests in flight, over all rankings of a run.
        state_tokens: Most tokens of a request, estimated. Longer lists are split; a passage longer
            than a quarter of it is cut, and an event says so.
        questions: Most questions in a request, up to 400.
        both_orders: Ask again with the passages in the opposite order and take the mean; an event
            of the kind ``position-check`` says how much the two differ.
        statement: What the model judges, with {id} for the passage's name.

    Raises:
        InvalidInputError: An option that cannot be used.
        RemoteError: (when run) It cannot be reached, or refuses; says what to do.
    """

    def __init__(
        self,
        model: str,
        *,
        wire: Wire = "openai",
        url: str | None = None,
        api_key: str | None = None,
        timeout: float = 60.0,
        max_retries: int = 3,
        concurrency: int = 8,
        state_tokens: int = 24_000,
        questions: int = 30,
        both_orders: bool = False,
        statement: str = STATEMENT,
    ) -> None:
        if wire not in WIRES:
            raise InvalidInputError(f"wire={wire!r} must be one of {', '.join(WIRES)}")
        if not model:
            raise InvalidInputError("a decision model needs a name, such as 'gpt-6-luna'")
        check_attempts(timeout, max_retries)
        check_count(concurrency, "concurrency")
        check_count(questions, "questions", most=MOST_QUESTIONS)
        check_count(state_tokens, "state_tokens", least=500)
        if "{id}" not in statement:
            raise InvalidInputError(f"statement={statement!r} must name the passage with {{id}}")
        self.model, self.wire, self.url = model, wire, url
        self.timeout, self.max_retries, self.concurrency = timeout, max_retries, concurrency
        self.state_tokens, self.questions = state_tokens, questions
        self.both_orders, self.statement = both_orders, statement
        self.name = f"decision:{model}" + (" in both orders" if both_orders else "")
        self._address = Address(wire, WIRES[wire], url, api_key)
        self._clients = ClientPerLoop[RerankClient]()

    async def arun(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        run = RequestRun(asyncio.Semaphore(self.concurrency))
        return await gather_or_cancel(_Judged(self, r, run).ranking() for r in rankings)

    async def aclose(self) -> None:
        """Close this event loop's connections. They are closed with the loop too."""
        await self._clients.close()

    async def ask(self, query: str, passages: Sequence[str]) -> tuple[Answers, int]:
        """One request: its answers, and how many attempts failed before.

        Raises:
            RemoteError: It cannot be reached, or refuses.
        """
        client = await self._clients.get(lambda: RerankClient(self.concurrency))
        return await client.ask(
            self._address,
            request_body(self.wire, self.model, query, passages, self.statement),
            lambda content: read_answers(content, self.wire, len(passages)),
            timeout=self.timeout,
            max_retries=self.max_retries,
        )

    def batches(self, query: str, passages: Sequence[str], order: list[int]) -> Iterator[list[int]]:
        """Indices of the passages of each request, by tokens and questions."""
        batch: list[int] = []
        used = start = estimated(query) + _QUESTION_TOKENS
        for index in order:
            tokens = estimated(passages[index]) + _QUESTION_TOKENS
            if batch and (used + tokens > self.state_tokens or len(batch) == self.questions):
                yield batch
                batch, used = [], start
            batch.append(index)
            used += tokens
        if batch:
            yield batch


@dataclass
class _Judged:
    """One ranking on its way through."""

    judge: DecisionJudge
    start: Ranking
    run: RequestRun
    counts: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    late: bool = False

    async def ranking(self) -> Ranking:
        judge, ranking = self.judge, self.start
        cuts = [cut_to(candidate.text, judge.state_tokens // 4) for candidate in ranking]
        self.passages = [cut.text for cut in cuts]
        notes = [
            Note(cut_tokens=cut.cut, read_tokens=cut.read) if cut.cut else Note() for cut in cuts
        ]
        order = list(range(len(ranking)))
        orders = [order, order[::-1]] if judge.both_orders else [order]
        passes = await gather_or_cancel(self._pass(order) for order in orders)
        scores = [_mean([one[i] for one in passes]) for i in range(len(ranking))]
        for note, score in zip(notes, scores, strict=True):
            if self.late and score is None:
                note["unscored"] = True
        for kind, message in self._events(scores, passes):
            ranking = ranking.with_event(judge.name, kind, message)
        return with_note_events(ranking.rescored(scores, "raw", judge.name, notes), judge.name)

    async def _pass(self, order: list[int]) -> list[float | None]:
        """Probabilities, asked with the passages in that order."""
        scores: list[float | None] = [None] * len(order)
        batches = self.judge.batches(self.start.query, self.passages, order)
        try:
            async with asyncio.timeout(time_left()) as limit:
                await gather_or_cancel(self._fill(batch, scores) for batch in batches)
        except TimeoutError:
            if not limit.expired():
                raise
            self.late = True
        return scores

    async def _fill(self, batch: list[int], scores: list[float | None]) -> None:
        """Ask about a batch; what that leaves open is asked once more, one by one."""
        answered = await self._ask(batch, scores)
        if answered and len(batch) > 1:
            open_ = [i for i in batch if scores[i] is None]
            await gather_or_cancel(self._ask([i], scores) for i in open_)

    async def _ask(self, batch: list[int], scores: list[float | None]) -> bool:
        async with self.run.gate:
            try:
                passages = [self.passages[i] for i in batch]
                answers, retries = await self.judge.ask(self.start.query, passages)
            except RemoteError as error:
                if not self.run.answered:
                    raise
                self.failures[str(error)] += len(batch)
                return False
        self.run.answered = True
        self.counts.update(
            requests=1, retries=retries, tokens=answers.tokens, refused=answers.refused
        )
        for index, probability in zip(batch, answers.probabilities, strict=True):
            scores[index] = probability
        return True

    def _events(
        self, scores: list[float | None], passes: Sequence[list[float | None]]
    ) -> Iterator[tuple[EventKind, str]]:
        if self.late:
            count = sum(score is not None for score in scores)
            yield "deadline", f"{count} of {len(scores)} candidates were scored in time"
        for failure, count in self.failures.items():
            yield "failed", f"{count} candidates were not scored: {failure}"
        if refused := self.counts.pop("refused", 0):
            yield "refused", f"{refused} questions were refused"
        if len(passes) == 2 and any(score is not None for score in scores):
            yield "position-check", _difference(*passes)
        if self.counts:
            counted = (f"{value:g} {name}" for name, value in self.counts.items() if value)
            yield "cost", ", ".join(counted)


def _difference(first: list[float | None], second: list[float | None]) -> str:
    both = [(a, b) for a, b in zip(first, second, strict=True) if a is not None and b is not None]
    if not both:
        return "no passage was answered in both orders"
    mean = sum(abs(a - b) for a, b in both) / len(both)
    best = max(range(len(both)), key=lambda i: both[i][0])
    other = max(range(len(both)), key=lambda i: both[i][1])
    same = "the same passage is" if best == other else "another passage is"
    return f"in the opposite order the probabilities differ by {mean:.3f} on average; {same} best"


def _mean(values: Sequence[float | None]) -> float | None:
    usable = [value for value in values if value is not None]
    return sum(usable) / len(usable) if usable else None
