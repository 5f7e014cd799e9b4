"""Judged lists as the rows that sentence-transformers' losses take, their texts truncated."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.stages.score import Pair
from secondpass.train.config import Loss
from secondpass.train.split import has_contrast

if TYPE_CHECKING:
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder


def training_rows(
    judged: Sequence[JudgedQuery],
    *,
    loss: Loss,
    list_size: int,
    seed: int,
    truncate: Callable[[str, str], str],
) -> list[dict[str, Any]]:
    """Training rows, keys in the order that the loss expects.

    A list longer than `list_size` keeps its relevant candidates (half of the list at most) and a
    random sample of the others, so that training sees candidates of all ranks, not only the worst.

    Args:
        judged: The training part.
        loss: "pointwise" gives a row for each pair, the others one for each list.
        list_size: Maximum number of candidates in a list.
        seed: Of the sample.
        truncate: From a query and a text to the part of the text that is read.

    Raises:
        InvalidInputError: No list has something to learn from.
    """
    sample = random.Random(seed).sample
    rows: list[dict[str, Any]] = []
    for j in judged:
        if loss != "pointwise" and not has_contrast(j):
            continue  # an order of equals teaches a loss over lists nothing
        query = j.ranking.query
        positives = [c.text for c in j.ranking if c.id in j.relevant]
        negatives = [c.text for c in j.ranking if c.id not in j.relevant]
        if len(positives) + len(negatives) > list_size:
            most = max(list_size // 2, list_size - len(negatives))
            positives = sample(positives, min(len(positives), most))
            negatives = sample(negatives, min(len(negatives), list_size - len(positives)))
        texts = [truncate(query, t) for t in (*positives, *negatives)]
        labels = [1.0] * len(positives) + [0.0] * len(negatives)
        if loss == "pointwise":
            rows += [
                {"query": query, "text": t, "label": y} for t, y in zip(texts, labels, strict=True)
            ]
        else:
            rows.append({"query": query, "docs": texts, "labels": labels})
    if not rows:
        raise InvalidInputError(
            "no training list has both relevant and other candidates; the false negative filter "
            "may have dropped all others: lower false_negative_margin"
        )
    return rows


def count_pairs(row: dict[str, Any]) -> int:
    """The number of pairs in a row."""
    return len(row["docs"]) if "docs" in row else 1


class PairTruncator:
    """Cuts texts so that query and text fit into `max_length`, and counts the texts that it cut,
    each pair once.

    Args:
        scorer: Whose tokens count.
        max_length: Tokens of a pair; the model's own limit if that is less.
    """

    def __init__(self, scorer: TorchCrossEncoder, max_length: int) -> None:
        self.scorer, self.max_length = scorer, min(max_length, scorer.limit)
        self._texts: dict[Pair, str] = {}

    def __call__(self, query: str, text: str) -> str:
        pair = query, text
        if pair not in self._texts:
            self._texts[pair] = self.scorer.cut(query, text, self.max_length)
        return self._texts[pair]

    @property
    def note(self) -> str | None:
        """What share of the texts was truncated; None if none was."""
        truncated = sum(read != text for (_, text), read in self._texts.items())
        if not truncated:
            return None
        remedy = (
            "a larger max_length reads more of them"
            if self.max_length < self.scorer.limit
            else "the model reads no more, so split them into passages"
        )
        return (
            f"{truncated / len(self._texts):.1%} of the texts were cut to {self.max_length} "
            f"tokens, and what makes them relevant may lie beyond: {remedy}"
        )

    def truncate_judged(self, judged: JudgedQuery) -> JudgedQuery:
        """The same judgements on truncated texts."""
        query = judged.ranking.query
        docs = [Candidate(c.id, self(query, c.text)) for c in judged.ranking]
        return JudgedQuery.of(query, docs, judged.relevant)

    def sample_pairs(self, judged: Sequence[JudgedQuery], most: int) -> list[Pair]:
        """At most `most` pairs: the first candidate of each query, then the second, and so on."""
        rankings = [j.ranking for j in judged]
        deepest = max(map(len, rankings), default=0)
        pairs = [(r.query, r[i].text) for i in range(deepest) for r in rankings if i < len(r)]
        return [(query, self(query, text)) for query, text in pairs[:most]]
