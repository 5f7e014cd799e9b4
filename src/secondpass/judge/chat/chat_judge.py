"""Any chat model as a judge: it orders, picks, compares and rates, whatever comes back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from secondpass.core.errors import InvalidInputError
from secondpass.core.tokens import Counter, estimated
from secondpass.judge.chat import tasks as questions
from secondpass.judge.chat.capabilities import CapabilityProbe, Log
from secondpass.judge.chat.context_window import Shrinking
from secondpass.judge.chat.passage_tags import Fenced, tag_passages
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import Chat, ChatError
from secondpass.judge.chat.repair import Found, PromptTask, asked
from secondpass.judge.protocols import Answer

T = TypeVar("T")
Rating = Literal["yes-no", "scale"]


class ChatJudge:
    """Asks a chat model to judge: listwise, setwise, pairwise and pointwise.

    Every answer is usable: an order is a permutation of what was shown, the best is one of it.
    What cannot be read is asked for again, and then taken from the incoming order; a prompt that
    does not fit is asked in parts, then with shorter passages. Each step is an event.

    Args:
        chat: Whom to ask; see `Chat`.
        prompts: What it is told; their version is part of the judge's name.
        rating: What `arate` asks for. ``yes-no`` gives P(yes) from log-probabilities; ``scale``
            the expected grade from 0 to 10 (arXiv 2505.19334). Where the server gives no
            log-probabilities both are read from the text: 0 or 1, and a number.
        structured: Ask for JSON that fits a schema; the first refusal ends that.
        repairs: How often to ask again, 0 to 2.
        floor: Share of the passages that an order must name not to be asked for again.
        passage_tokens: Longest passage; the rest is cut, and that is in its note.
        thinking_tokens: Room for a model that thinks before it answers.
        count_tokens: Counts tokens of a text; estimated from its characters if None.
        seed: The same question gets the same identifiers, for tests; random if None.

    Raises:
        InvalidInputError: An argument out of its range, or a chat without `complete`.
        SecondPassError: (when asked) the model cannot be reached at all.
    """

    def __init__(
        self,
        chat: Chat,
        *,
        prompts: Prompts | None = None,
        rating: Rating = "yes-no",
        structured: bool = True,
        repairs: int = 1,
        floor: float = 0.8,
        passage_tokens: int = 400,
        thinking_tokens: int = 0,
        count_tokens: Counter | None = None,
        seed: int | None = None,
    ) -> None:
        if not isinstance(chat, Chat):
            raise InvalidInputError(
                f"{chat!r} is no chat: it needs a name and an async complete(messages, ...)"
            )
        if rating not in ("yes-no", "scale"):
            raise InvalidInputError(f"rating={rating!r}; one of 'yes-no', 'scale'")
        if not 0 <= repairs <= 2 or not 0 <= floor <= 1:
            raise InvalidInputError(f"repairs={repairs} must be 0 to 2, and floor={floor} 0 to 1")
        if passage_tokens < 1 or thinking_tokens < 0:
            raise InvalidInputError(
                f"passage_tokens={passage_tokens} must be at least 1, "
                f"and thinking_tokens={thinking_tokens} at least 0"
            )
        self.chat, self.prompts, self.rating = chat, prompts or Prompts(), rating
        self.structured, self.repairs, self.floor = structured, repairs, floor
        self.passage_tokens, self.thinking_tokens = passage_tokens, thinking_tokens
        self.count_tokens, self.seed = count_tokens, seed
        self.name = f"judge:{chat.name}@prompts-{self.prompts.version}"
        if rating == "scale":
            self.name += "/scale"
        self._exchange = CapabilityProbe(chat, structured)
        self._shrinking = Shrinking(passage_tokens)

    def __repr__(self) -> str:
        return f"ChatJudge({self.name!r})"

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
        """Order texts by relevance, best first: a permutation of their places."""
        log, texts = Log(), list(texts)
        if len(set(texts)) < 2:  # nothing to tell apart
            return Answer(tuple(range(len(texts))))

        async def ask(places: list[int], limit: int) -> list[int]:
            shown = self._fenced(log, query, texts, places, limit)
            found = await self._asked(log, questions.order(shown, self.prompts, self.floor))
            named = list(found.value or ())
            missing = [i for i in range(len(places)) if i not in set(named)]
            if missing:
                whole = "no passage" if not named else f"{len(named)} of {len(places)} passages"
                log.tell("fallback", f"the answer orders {whole}; the rest keep their order")
            return [places[i] for i in (*named, *missing)]

        order = await self._shrinking.ordered(ask, self._sizes(texts), log)
        return self._answer(log, tuple(order), len(texts))

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
        """The place of the most relevant text; the first one where the model names none.

        Raises:
            InvalidInputError: There are no texts.
        """
        log, texts = Log(), list(texts)
        if not texts:
            raise InvalidInputError("there is no best of no texts; give at least one")
        if len(set(texts)) < 2:
            return Answer(0)

        async def ask(places: list[int], limit: int) -> list[int]:
            shown = self._fenced(log, query, texts, places, limit)
            found = await self._asked(log, questions.best(shown, self.prompts))
            if found.value is None:
                log.tell("fallback", "the answer names no passage; the first one shown is taken")
            best = places[found.value or 0]
            return [best, *(i for i in places if i != best)]

        order = await self._shrinking.ordered(ask, self._sizes(texts), log)
        return self._answer(log, order[0], len(texts))

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]:
        """P(first is more relevant): from log-probabilities, else 1, 0 or 0.5 from the text."""
        log, texts = Log(), [first, second]
        if first == second:
            return Answer(0.5)

        async def ask(places: list[int], limit: int) -> float | None:
            shown = self._fenced(log, query, texts, places, limit, letters=True)
            found = await self._asked(log, questions.compare(shown, self.prompts, log))
            return found.value

        value = await self._shrinking.whole(ask, self._sizes(texts), log)
        if value is None:
            log.tell("fallback", "the answer prefers neither passage; 0.5 is taken")
        return self._answer(log, 0.5 if value is None else value, 2)

    async def arate(self, query: str, text: str) -> Answer[float | None]:
        """P(relevant) as the model sees it, or its grade from 0 to 10; None where it gave none."""
        log = Log()
        make = questions.scale if self.rating == "scale" else questions.yes_no

        async def ask(places: list[int], limit: int) -> float | None:
            shown = self._fenced(log, query, [text], places, limit)
            found = await self._asked(log, make(shown, self.prompts, log))
            return found.value

        value = await self._shrinking.whole(ask, self._sizes([text]), log)
        if value is None:
            log.tell("fallback", "the answer holds no rating; the passage has no score")
        return self._answer(log, value, 1)

    def _fenced(
        self,
        log: Log,
        query: str,
        texts: Sequence[str],
        places: list[int],
        limit: int,
        *,
        letters: bool = False,
    ) -> Fenced:
        shown = tag_passages(
            query, [texts[i] for i in places], limit=limit, seed=self.seed,
            letters=letters, count=self.count_tokens,
        )  # fmt: skip
        log.notes.update((i, note) for i, note in zip(places, shown.notes, strict=True) if note)
        if shown.cut_query:
            log.tell("truncated", "the query was longer than the model is shown; the rest was cut")
        return shown

    def _sizes(self, texts: Sequence[str]) -> list[int]:
        count = self.count_tokens or estimated
        return [count(text) for text in texts]

    async def _asked(self, log: Log, question: PromptTask[T]) -> Found[T]:
        question = question.with_room(self.thinking_tokens)
        try:
            return await asked(question, self._exchange, self.prompts, self.repairs, log)
        except ChatError as error:
            error.usage = log.usage
            raise

    def _answer(self, log: Log, value: T, n: int) -> Answer[T]:
        if log.notes:
            log.tell("truncated", f"{len(log.notes)} of {n} texts were too long; the rest was cut")
        notes = tuple(log.notes.get(i, {}) for i in range(n)) if log.notes else ()
        return Answer(value, log.usage, tuple(log.events), notes)
