"""The tasks of a judge: each a prompt, the form of its answer, and how to read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from secondpass.judge.chat.capabilities import NO_LOGPROBS, AnswerLog
from secondpass.judge.chat.passage_tags import TaggedPassages
from secondpass.judge.chat.prompts import (
    Prompts,
    best_form,
    best_schema,
    fill,
    order_form,
    order_schema,
)
from secondpass.judge.chat.protocol import Completion
from secondpass.judge.chat.repair import ParsedAnswer, PromptTask
from secondpass.judge.parsing.label_probabilities import expected_grade, first_of_two
from secondpass.judge.parsing.order import read_order
from secondpass.judge.parsing.short_answers import (
    read_best,
    read_comparison,
    read_number,
    read_yes_no,
)

T = TypeVar("T")
GRADES = range(11)
TOP = 20
"""Alternatives to each token to ask for: the maximum of this protocol."""


def order(tagged: TaggedPassages, prompts: Prompts, floor: float) -> PromptTask[Sequence[int]]:
    """Which order is best? An answer that names a smaller share than `floor` is asked for again."""
    ids = tagged.ids
    example = " > ".join(f"[{name}]" for name in reversed(ids[:3])) + (" > ..." * (len(ids) > 3))

    def read(completion: Completion) -> ParsedAnswer[Sequence[int]]:
        parsed = read_order(completion.text, ids)
        enough = parsed.order and parsed.coverage >= floor
        return ParsedAnswer(parsed.order or None, parsed.coverage, "" if enough else parsed.problem)

    return PromptTask(
        prompt=lambda form: _prompt(prompts.order, tagged, form),
        ids=", ".join(ids),
        form=lambda structured: order_form(example, structured),
        read=read,
        max_tokens=8 * len(ids) + 48,
        schema=order_schema(ids),
    )


def best(tagged: TaggedPassages, prompts: Prompts) -> PromptTask[int]:
    """Which one is the best?"""
    ids = tagged.ids

    def read(completion: Completion) -> ParsedAnswer[int]:
        return _parsed(read_best(completion.text, ids), "it names no passage")

    return PromptTask(
        prompt=lambda form: _prompt(prompts.best, tagged, form),
        ids=", ".join(ids),
        form=best_form,
        read=read,
        max_tokens=32,
        schema=best_schema(ids),
    )


def compare(tagged: TaggedPassages, prompts: Prompts, log: AnswerLog) -> PromptTask[float]:
    """Which of two is better?"""
    first, second = tagged.ids

    def read(completion: Completion) -> ParsedAnswer[float]:
        probability = first_of_two(completion.logprobs, (first, second))
        if probability is None:
            probability = _from_text(read_comparison(completion.text, tagged.ids), log)
        return _parsed(probability, "it names neither passage")

    return _short(tagged, prompts.compare, f"Answer with {first} or {second} only.", read)


def yes_no(tagged: TaggedPassages, prompts: Prompts, log: AnswerLog) -> PromptTask[float]:
    """Is it relevant?"""

    def read(completion: Completion) -> ParsedAnswer[float]:
        probability = first_of_two(completion.logprobs, ("yes", "no"))
        if probability is None:
            probability = _from_text(read_yes_no(completion.text), log)
        return _parsed(probability, "it is neither Yes nor No")

    return _short(tagged, prompts.relevant, "Answer Yes or No only.", read)


def scale(tagged: TaggedPassages, prompts: Prompts, log: AnswerLog) -> PromptTask[float]:
    """How relevant is it, from 0 to 10?"""

    def read(completion: Completion) -> ParsedAnswer[float]:
        grade = expected_grade(completion.logprobs, GRADES)
        if grade is None:
            grade = _from_text(read_number(completion.text, GRADES[0], GRADES[-1]), log)
        return _parsed(grade, "it holds no number from 0 to 10")

    return _short(tagged, prompts.scale, "Answer with a number from 0 to 10 only.", read)


def _short(
    tagged: TaggedPassages,
    template: str,
    form: str,
    read: Callable[[Completion], ParsedAnswer[float]],
) -> PromptTask[float]:
    return PromptTask(
        prompt=lambda form: _prompt(template, tagged, form),
        ids=", ".join(tagged.ids),
        form=lambda _: form,
        read=read,
        max_tokens=8,
        top_logprobs=TOP,
    )


def _from_text(value: float | None, log: AnswerLog) -> float | None:
    if value is None:
        return None
    log.add_event(*NO_LOGPROBS)
    return float(value)


def _parsed(value: T | None, problem: str) -> ParsedAnswer[T]:
    return ParsedAnswer(None, 0.0, problem) if value is None else ParsedAnswer(value, 1.0)


def _prompt(template: str, tagged: TaggedPassages, form: str) -> str:
    return fill(
        template,
        query=tagged.query,
        passages=tagged.passages,
        n=len(tagged.ids),
        ids=", ".join(tagged.ids),
        form=form,
    )
