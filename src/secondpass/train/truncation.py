"""What training reads of a text: its beginning, where the pair is longer than told."""

from __future__ import annotations

from collections.abc import Sequence

from secondpass.calibrate import JudgedQuery
from secondpass.core.candidate import Candidate
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.stages.score import Pair


class PairTruncator:
    """Cuts texts so that query and text fit, and counts how many it had to cut: each pair once,
    however often it is asked for.

    Args:
        scorer: Whose tokens count.
        max_length: Tokens of a pair; the model's own limit if that is less.
    """

    def __init__(self, scorer: TorchCrossEncoder, max_length: int) -> None:
        self.scorer, self.max_length = scorer, min(max_length, scorer.limit)
        self._read: dict[Pair, str] = {}

    def __call__(self, query: str, text: str) -> str:
        pair = query, text
        if pair not in self._read:
            self._read[pair] = self.scorer.cut(query, text, self.max_length)
        return self._read[pair]

    @property
    def cut_short(self) -> str | None:
        """How many texts were read in part; None if none was."""
        cut = sum(read != text for (_, text), read in self._read.items())
        if not cut:
            return None
        more = (
            "a larger max_length reads more of them"
            if self.max_length < self.scorer.limit
            else "the model reads no more, so split them into passages"
        )
        return (
            f"{cut / len(self._read):.1%} of the texts were cut to {self.max_length} tokens, and "
            f"what makes them relevant may lie beyond: {more}"
        )

    def judged(self, judged: JudgedQuery) -> JudgedQuery:
        """The same judgements on what is read."""
        query = judged.ranking.query
        docs = [Candidate(c.id, self(query, c.text)) for c in judged.ranking]
        return JudgedQuery.of(query, docs, judged.relevant)

    def pairs(self, judged: Sequence[JudgedQuery], most: int) -> list[Pair]:
        """Of each query's candidates the first, then the second, until they are `most`."""
        rankings = [j.ranking for j in judged]
        deepest = max(map(len, rankings), default=0)
        pairs = [(r.query, r[i].text) for i in range(deepest) for r in rankings if i < len(r)]
        return [(query, self(query, text)) for query, text in pairs[:most]]
