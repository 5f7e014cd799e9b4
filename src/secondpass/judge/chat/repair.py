"""Asks one question until the answer can be used, a few times at most."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from secondpass.judge.budget import NoCallsLeftError
from secondpass.judge.chat.capabilities import AnswerLog, CapabilityProbe, TooLongError
from secondpass.judge.chat.passage_tags import sanitise
from secondpass.judge.chat.prompts import Prompts, fill
from secondpass.judge.chat.protocol import AnswerSchema, ChatError, Completion, Message

T = TypeVar("T")

_REFUSAL = re.compile(
    r"\b(i'?m|i am) (very |so |really )?(sorry|unable|afraid)|\bi (can ?not|can't|won't|will not)\b"
    r"|\bas an ai\b|\bnot able to (help|assist|comply|rank|answer|provide)|\bunable to (help|assist"
    r"|comply|rank|provide)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ParsedAnswer(Generic[T]):
    """What was read from one answer.

    Attributes:
        value: None where nothing was.
        share: How much of what was asked for it has, 0 to 1.
        problem: Why to ask again; "" where there is no need.
    """

    value: T | None
    share: float
    problem: str = ""


@dataclass(frozen=True, slots=True)
class PromptTask(Generic[T]):
    """A question to a chat model, and how to read its answer.

    Attributes:
        prompt: From the form of the answer to the whole prompt.
        ids: The identifiers, as a text for the repair prompt.
        form: From whether the answer is to be JSON to the sentence that says how to write it.
        read: Reads an answer.
        max_tokens: Longest answer.
        schema: JSON schema of the answer; None to ask for text.
        top_logprobs: How many alternatives to each token to ask for; None for none.
    """

    prompt: Callable[[str], str]
    ids: str
    form: Callable[[bool], str]
    read: Callable[[Completion], ParsedAnswer[T]]
    max_tokens: int
    schema: AnswerSchema | None = None
    top_logprobs: int | None = None


@dataclass(frozen=True, slots=True)
class RepairLoop:
    """Asks a chat model, and asks again while the answer cannot be used.

    Attributes:
        probe: The chat model.
        prompts: Their system and repair prompts are used here.
        repairs: How often to ask again.
        thinking_tokens: Added to the longest answer of each task.
    """

    probe: CapabilityProbe
    prompts: Prompts
    repairs: int
    thinking_tokens: int

    async def ask_until_usable(self, task: PromptTask[T], log: AnswerLog) -> ParsedAnswer[T]:
        """Ask one question.

        Returns:
            The best of all answers, by their share.

        Raises:
            TooLongError: The question does not fit into the model's context.
            NoCallsLeftError: The budget has no call left.
            SecondPassError: The model cannot be asked; a `ChatError` has the usage so far.
        """
        best: ParsedAnswer[T] | None = None
        max_tokens, problem = task.max_tokens + self.thinking_tokens, ""
        messages = self._opening(task)
        for attempt in range(1 + self.repairs):
            structured = self.probe.structured and task.schema is not None
            try:
                completion = await self.probe.complete(
                    log,
                    messages,
                    schema=task.schema,
                    max_tokens=max_tokens,
                    top_logprobs=task.top_logprobs,
                )
            except (ChatError, NoCallsLeftError) as error:
                if best is None:
                    if isinstance(error, ChatError):
                        error.usage = log.usage
                    raise
                _log_failed_repair(error, log)
                break
            parsed = task.read(completion)
            if structured and _ignores_schema(completion):
                self.probe.mark_lacking("schema", log)
            if best is None or parsed.share > best.share:
                best = parsed
            if not parsed.problem:
                if attempt:
                    log.add_event(
                        "repaired",
                        f"an answer could not be used and was asked for again: {problem}",
                    )
                break
            problem = _problem(completion, parsed, log)
            if completion.finish_reason == "length":
                max_tokens *= 2
            messages = [*self._opening(task), *self._repair(task, completion, problem)]
        assert best is not None
        return best

    def _opening(self, task: PromptTask[T]) -> list[Message]:
        return [
            {"role": "system", "content": self.prompts.system},
            {"role": "user", "content": task.prompt(self._form(task))},
        ]

    def _repair(self, task: PromptTask[T], completion: Completion, problem: str) -> list[Message]:
        quoted = sanitise(completion.text[:1000]).strip() or "(nothing)"
        repair = fill(self.prompts.repair, problem=problem, ids=task.ids, form=self._form(task))
        return [{"role": "assistant", "content": quoted}, {"role": "user", "content": repair}]

    def _form(self, task: PromptTask[T]) -> str:
        return task.form(task.schema is not None and self.probe.structured)


def is_refusal(text: str) -> bool:
    """Whether a text without an answer reads like a refusal."""
    return bool(_REFUSAL.search(text[:2000].replace("\u2019", "'")))


def _log_failed_repair(error: Exception, log: AnswerLog) -> None:
    if isinstance(error, TooLongError):
        return  # only the repair prompt does not fit
    if isinstance(error, NoCallsLeftError):
        log.add_event("budget", "an answer could not be used, and no call was left to ask again")
    else:
        message = f"an answer could not be used, and asking again failed: {error}"
        log.add_event("failed", message)


def _problem(completion: Completion, parsed: ParsedAnswer[T], log: AnswerLog) -> str:
    filtered = bool(completion.refusal) or completion.finish_reason == "content_filter"
    if filtered or (parsed.value is None and is_refusal(completion.text)):
        log.add_event("refused", "the model refused to answer")
        return "it is a refusal"
    if not completion.text.strip():
        return "it is empty"
    if completion.finish_reason == "length":
        return f"it was cut off, {parsed.problem}"
    return parsed.problem


def _ignores_schema(completion: Completion) -> bool:
    """Whether a complete answer is text although JSON was asked for."""
    text = completion.text.strip()
    whole = completion.finish_reason != "length" and not completion.refusal and not is_refusal(text)
    return bool(text) and whole and "{" not in text
