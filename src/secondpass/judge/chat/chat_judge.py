"""A judge made of any chat model: it orders, picks, compares and rates, whatever comes back.

Each method asks a task (`tasks`) through the `ContextWindow`, which calls a closure with what fits;
the closure puts the passages into tags and leaves the rest to the `RepairLoop`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

from secondpass.core.errors import InvalidInputError
from secondpass.core.tokens import Counter, estimated
from secondpass.judge.chat import tasks
from secondpass.judge.chat.capabilities import AnswerLog, CapabilityProbe
from secondpass.judge.chat.context_window import ContextWindow
from secondpass.judge.chat.passage_tags import TaggedPassages, tag_passages
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import Chat
from secondpass.judge.chat.repair import RepairLoop
from secondpass.judge.protocols import Answer

T = TypeVar("T")
Rating = Literal["yes-no", "scale"]


class ChatJudge:
    """Asks a chat model to judge: listwise, setwise, pairwise and pointwise.

    Every answer is usable: an order is a permutation of the texts shown, the best is one of them.
    An unreadable answer is asked for again, and then replaced by the incoming order; a prompt that
    does not fit is asked in parts, then with shorter passages. Each step is an event.

    Args:
        chat: The chat model; see `Chat`.
        prompts: The wording; its version is part of the judge's name.
        rating: What `arate` asks for. ``yes-no`` gives P(yes) from log-probabilities; ``scale``
            the expected grade from 0 to 10 (arXiv 2505.19334). Where the server gives no
            log-probabilities, both are read from the text: 0 or 1, or a number.
        structured: Whether to ask for JSON that fits a schema, until the server rejects it.
        repairs: How often to ask again, 0 to 2.
        floor: Minimum share of the passages that an order must name; below it, it is asked for
            again.
        passage_tokens: Longest passage; the rest is cut, and its note says so.
        thinking_tokens: Added to the longest answer, for a model that thinks before it answers.
        count_tokens: Counts the tokens of a text; estimated from its characters if None.
        seed: With it, the same question gets the same identifiers, for tests; random if None.

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
                f"{chat!r} is not a chat: it needs a name and an async complete(messages, ...)"
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
        probe = CapabilityProbe(chat, structured)
        self._repair_loop = RepairLoop(probe, self.prompts, repairs, thinking_tokens)
        self._window = ContextWindow(passage_tokens)

    def __repr__(self) -> str:
        return f"ChatJudge({self.name!r})"

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
        """Order texts by relevance, best first: a permutation of their indices."""
        log, texts = AnswerLog(), list(texts)
        if len(set(texts)) < 2:  # nothing to tell apart
            return Answer(tuple(range(len(texts))))

        async def ask(indices: list[int], limit: int) -> list[int]:
            tagged = self._tag(log, query, texts, indices, limit)
            task = tasks.order(tagged, self.prompts, self.floor)
            parsed = await self._repair_loop.ask_until_usable(task, log)
            named = list(parsed.value or ())
            missing = [i for i in range(len(indices)) if i not in set(named)]
            if missing:
                some = f"{len(named)} of {len(indices)} passages" if named else "no passage"
                log.add_event("fallback", f"the answer orders {some}; the rest keep their order")
            return [indices[i] for i in (*named, *missing)]

        order = await self._window.order(ask, self._sizes(texts), log)
        return self._answer(log, tuple(order), len(texts))

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
        """The index of the most relevant text; 0 where the model names none.

        Raises:
            InvalidInputError: There are no texts.
        """
        log, texts = AnswerLog(), list(texts)
        if not texts:
            raise InvalidInputError("there is no best of no texts; give at least one")
        if len(set(texts)) < 2:
            return Answer(0)

        async def ask(indices: list[int], limit: int) -> list[int]:
            tagged = self._tag(log, query, texts, indices, limit)
            parsed = await self._repair_loop.ask_until_usable(tasks.best(tagged, self.prompts), log)
            if parsed.value is None:
                log.add_event(
                    "fallback", "the answer names no passage; the first one shown is taken"
                )
            best = indices[parsed.value or 0]
            return [best, *(i for i in indices if i != best)]

        order = await self._window.order(ask, self._sizes(texts), log)
        return self._answer(log, order[0], len(texts))

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]:
        """P(first is more relevant): from log-probabilities, else 1, 0 or 0.5 from the text."""
        log, texts = AnswerLog(), [first, second]
        if first == second:
            return Answer(0.5)

        async def ask(indices: list[int], limit: int) -> float | None:
            tagged = self._tag(log, query, texts, indices, limit, letters=True)
            task = tasks.compare(tagged, self.prompts, log)
            return (await self._repair_loop.ask_until_usable(task, log)).value

        probability = await self._window.answer(ask, self._sizes(texts), log)
        if probability is None:
            log.add_event("fallback", "the answer prefers neither passage; 0.5 is taken")
        return self._answer(log, 0.5 if probability is None else probability, 2)

    async def arate(self, query: str, text: str) -> Answer[float | None]:
        """P(relevant) as the model sees it, or its grade from 0 to 10; None where it gave none."""
        log = AnswerLog()
        make_task = tasks.scale if self.rating == "scale" else tasks.yes_no

        async def ask(indices: list[int], limit: int) -> float | None:
            tagged = self._tag(log, query, [text], indices, limit)
            task = make_task(tagged, self.prompts, log)
            return (await self._repair_loop.ask_until_usable(task, log)).value

        rating = await self._window.answer(ask, self._sizes([text]), log)
        if rating is None:
            log.add_event("fallback", "the answer holds no rating; the passage has no score")
        return self._answer(log, rating, 1)

    def _tag(
        self,
        log: AnswerLog,
        query: str,
        texts: Sequence[str],
        indices: list[int],
        limit: int,
        *,
        letters: bool = False,
    ) -> TaggedPassages:
        tagged = tag_passages(
            query, [texts[i] for i in indices], limit=limit, seed=self.seed,
            letters=letters, count=self.count_tokens,
        )  # fmt: skip
        log.notes.update((i, note) for i, note in zip(indices, tagged.notes, strict=True) if note)
        if tagged.cut_query:
            log.add_event("truncated", "the query was too long for the prompt; the rest was cut")
        return tagged

    def _sizes(self, texts: Sequence[str]) -> list[int]:
        count = self.count_tokens or estimated
        return [count(text) for text in texts]

    def _answer(self, log: AnswerLog, value: T, n: int) -> Answer[T]:
        if log.notes:
            message = f"{len(log.notes)} of {n} texts were too long; the rest was cut"
            log.add_event("truncated", message)
        notes = tuple(log.notes.get(i, {}) for i in range(n)) if log.notes else ()
        return Answer(value, log.usage, tuple(log.events), notes)
