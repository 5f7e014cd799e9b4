"""The questions a judge asks, each with how its answer is read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from secondpass.judge.chat.capabilities import NO_LOGPROBS, Log
from secondpass.judge.chat.passage_tags import Fenced
from secondpass.judge.chat.prompts import (
    Prompts,
    best_form,
    best_schema,
    filled,
    order_form,
    order_schema,
)
from secondpass.judge.chat.protocol import Completion
from secondpass.judge.chat.repair import Found, PromptTask
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
"""Alternatives to each token to ask for: the most that servers of this protocol give."""


def order(shown: Fenced, prompts: Prompts, floor: float) -> PromptTask[Sequence[int]]:
    """Which order is best? An answer that names less than `floor` is asked for again."""
    ids = shown.ids
    example = " > ".join(f"[{name}]" for name in reversed(ids[:3])) + (" > ..." * (len(ids) > 3))

    def read(done: Completion) -> Found[Sequence[int]]:
        reading = read_order(done.text, ids)
        enough = reading.order and reading.coverage >= floor
        return Found(reading.order or None, reading.coverage, "" if enough else reading.problem)

    return PromptTask(
        prompt=lambda form: _prompt(prompts.order, shown, form),
        ids=", ".join(ids),
        form=lambda structured: order_form(example, structured),
        read=read,
        max_tokens=8 * len(ids) + 48,
        schema=order_schema(ids),
    )


def best(shown: Fenced, prompts: Prompts) -> PromptTask[int]:
    """Which one is the best?"""
    ids = shown.ids

    def read(done: Completion) -> Found[int]:
        return _found(read_best(done.text, ids), "it names no passage")

    return PromptTask(
        prompt=lambda form: _prompt(prompts.best, shown, form),
        ids=", ".join(ids),
        form=best_form,
        read=read,
        max_tokens=32,
        schema=best_schema(ids),
    )


def compare(shown: Fenced, prompts: Prompts, log: Log) -> PromptTask[float]:
    """Which of two is better?"""
    first, second = shown.ids

    def read(done: Completion) -> Found[float]:
        likely = first_of_two(done.logprobs, (first, second))
        if likely is None:
            likely = _from_text(read_comparison(done.text, shown.ids), log)
        return _found(likely, "it names neither passage")

    return _short(shown, prompts.compare, f"Answer with {first} or {second} only.", read)


def yes_no(shown: Fenced, prompts: Prompts, log: Log) -> PromptTask[float]:
    """Is it relevant?"""

    def read(done: Completion) -> Found[float]:
        likely = first_of_two(done.logprobs, ("yes", "no"))
        if likely is None:
            likely = _from_text(read_yes_no(done.text), log)
        return _found(likely, "it is neither Yes nor No")

    return _short(shown, prompts.relevant, "Answer Yes or No only.", read)


def scale(shown: Fenced, prompts: Prompts, log: Log) -> PromptTask[float]:
    """How relevant is it, from 0 to 10?"""

    def read(done: Completion) -> Found[float]:
        grade = expected_grade(done.logprobs, GRADES)
        if grade is None:
            grade = _from_text(read_number(done.text, GRADES[0], GRADES[-1]), log)
        return _found(grade, "it holds no number from 0 to 10")

    return _short(shown, prompts.scale, "Answer with a number from 0 to 10 only.", read)


def _short(
    shown: Fenced, template: str, form: str, read: Callable[[Completion], Found[float]]
) -> PromptTask[float]:
    return PromptTask(
        prompt=lambda form: _prompt(template, shown, form),
        ids=", ".join(shown.ids),
        form=lambda _: form,
        read=read,
        max_tokens=8,
        top_logprobs=TOP,
    )


def _from_text(value: float | None, log: Log) -> float | None:
    if value is None:
        return None
    log.tell(*NO_LOGPROBS)
    return float(value)


def _found(value: T | None, problem: str) -> Found[T]:
    return Found(None, 0.0, problem) if value is None else Found(value, 1.0)


def _prompt(template: str, shown: Fenced, form: str) -> str:
    return filled(
        template,
        query=shown.query,
        passages=shown.passages,
        n=len(shown.ids),
        ids=", ".join(shown.ids),
        form=form,
    )
