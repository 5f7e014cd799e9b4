"""Any stage as a PyTerrier transformer.

    from secondpass.integrations.pyterrier import RerankTransformer

    pipeline = bm25 % 100 >> pt.text.get_text(index, "text") >> RerankTransformer("builtin")

Written for PyTerrier 1.1; needs no Java by itself.
"""

from __future__ import annotations

from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.ranking import Ranking
from secondpass.evaluate.formats.trec_run import numbers_for_trec
from secondpass.models.load import ModelLike, as_stage

try:
    import pandas as pd
    import pyterrier as pt
except ImportError as error:
    raise MissingExtraError("RerankTransformer", "pyterrier") from error

SCALE = "secondpass_scale"
"""The column that says what the scores mean."""


class RerankTransformer(pt.Transformer):
    """Reranks what a PyTerrier pipeline found.

    Takes result frames with ``qid``, ``query``, ``docno`` and the text, and returns their rows in
    the new order, with new ``score`` and ``rank`` (from 0) and with ``secondpass_scale``: what the
    scores mean. All other columns stay. PyTerrier sorts by score, so where the stage's scores would
    not give its order (an order without scores, ties), they count down; see
    `secondpass.evaluate.run_of`. Then the column says "order".

    Args:
        model: What `as_stage` takes.
        text_field: The column that models read.

    Attributes:
        stage: What ranks.

    Raises:
        InvalidInputError: (when run) A text that is no string, or a document twice for a query.
    """

    @hint_keywords()
    def __init__(self, model: ModelLike = "builtin", *, text_field: str = "text") -> None:
        super().__init__()
        self.stage, self.text_field = as_stage(model), text_field

    def __repr__(self) -> str:
        return f"RerankTransformer({self.stage.name})"

    def transform(self, inp: Any) -> Any:
        """Rerank each query's rows.

        Args:
            inp: A frame of pandas.
        """
        with pt.validate.any(inp, context=self) as mode:
            mode.result_frame(extra_columns=["query", self.text_field])
        rows = inp.to_dict("records")
        by_query: dict[Any, list[Candidate]] = {}
        queries: dict[Any, str] = {}
        for index, row in enumerate(rows):
            queries.setdefault(row["qid"], row["query"])
            by_query.setdefault(row["qid"], []).append(self._candidate(row, index))
        rankings = [Ranking.of(queries[q], candidates) for q, candidates in by_query.items()]
        order: list[Any] = []
        scores: list[float] = []
        ranks: list[int] = []
        scales: list[str] = []
        for ranking in self.stage.run(rankings):
            numbers = numbers_for_trec(ranking)
            is_own = ranking.scale != "order" and numbers == ranking.scores
            order += [candidate.payload for candidate in ranking]
            scores += numbers
            ranks += range(len(ranking))
            scales += [ranking.scale if is_own else "order"] * len(ranking)
        kept = inp.drop(columns=["score", "rank", SCALE], errors="ignore")
        found = kept.iloc[order].reset_index(drop=True)
        return found.assign(
            score=pd.Series(scores, dtype="float64"),
            rank=pd.Series(ranks, dtype="int64"),
            **{SCALE: pd.Series(scales, dtype="object")},
        )

    def _candidate(self, row: dict[str, Any], index: int) -> Candidate:
        text = row[self.text_field]
        if not isinstance(text, str):
            raise InvalidInputError(
                f"the {self.text_field!r} of document {row['docno']!r} is {text!r}; put "
                "pt.text.get_text(...) before the reranker, or name the column: text_field="
            )
        score = row.get("score")
        known = isinstance(score, int | float) and score == score  # noqa: PLR0124 - NaN is unequal
        return Candidate(
            str(row["docno"]), text, row, float(score) if known and score is not None else None,
            payload=index,
        )  # fmt: skip
