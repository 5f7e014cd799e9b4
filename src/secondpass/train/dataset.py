"""Judged lists as the rows that sentence-transformers' losses take."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any, Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError
from secondpass.train.split import has_both

Loss = Literal["auto", "listwise", "listnet", "pointwise"]
LOSSES: tuple[Loss, ...] = ("auto", "listwise", "listnet", "pointwise")


def rows(
    judged: Sequence[JudgedQuery],
    *,
    loss: Loss,
    list_size: int,
    seed: int,
    cut: Callable[[str, str], str],
) -> list[dict[str, Any]]:
    """Training rows, keys in the order that the loss expects.

    A list longer than `list_size` keeps its relevant candidates (half of the list at most) and a
    random choice of the others, so that training sees candidates as ranks do, not only the worst.

    Args:
        judged: The training part.
        loss: "pointwise" gives a row for each pair, the others one for each list.
        list_size: Candidates of a list at most.
        seed: Of the choice.
        cut: From a query and a text to the text that is read.

    Raises:
        InvalidInputError: No list has something to learn from.
    """
    if loss not in LOSSES:
        raise InvalidInputError(f"loss={loss!r}: one of {', '.join(LOSSES)}")
    if list_size < 2:
        raise InvalidInputError(f"list_size={list_size} must be at least 2")
    pick = random.Random(seed)
    made: list[dict[str, Any]] = []
    for j in judged:
        if loss != "pointwise" and not has_both(j):
            continue  # an order of equals teaches a loss over lists nothing
        query = j.ranking.query
        positives = [c.text for c in j.ranking if c.id in j.relevant]
        negatives = [c.text for c in j.ranking if c.id not in j.relevant]
        if len(positives) + len(negatives) > list_size:
            most = max(list_size // 2, list_size - len(negatives))
            positives = pick.sample(positives, min(len(positives), most))
            negatives = pick.sample(negatives, min(len(negatives), list_size - len(positives)))
        texts = [cut(query, t) for t in (*positives, *negatives)]
        labels = [1.0] * len(positives) + [0.0] * len(negatives)
        if loss == "pointwise":
            made += [
                {"query": query, "text": t, "label": y} for t, y in zip(texts, labels, strict=True)
            ]
        else:
            made.append({"query": query, "docs": texts, "labels": labels})
    if not made:
        raise InvalidInputError(
            "no training list has both relevant and other candidates; the false negative filter "
            "may have dropped all others: lower false_negative_margin"
        )
    return made


def pairs_in(row: dict[str, Any]) -> int:
    """How many pairs a row has."""
    return len(row["docs"]) if "docs" in row else 1
