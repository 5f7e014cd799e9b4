"""Any stage as a reranker of LanceDB, for vector, full-text and hybrid searches.

    from secondpass.integrations.lancedb import SecondPassReranker

    table.search("who wrote Faust?", query_type="hybrid").rerank(SecondPassReranker()).to_list()

Written for LanceDB 0.40.
"""

from __future__ import annotations

import json
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError, shown
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import METADATA_KEY, event_details
from secondpass.models.load import ModelLike, as_stage
from secondpass.stages.kept import with_cuts

try:
    import pyarrow as pa
    from lancedb.rerankers import Reranker as LanceReranker
except ImportError as error:
    raise MissingExtraError("SecondPassReranker", "lancedb") from error

SCORE = "_relevance_score"
_ELSEWHERE = {
    "model_name": "it is called 'model' here",
    "device": 'load the model with it: model=load("...", options={"device": ...})',
    "top_k": "limit the search: table.search(...).limit(k)",
}


class SecondPassReranker(LanceReranker):
    """Reranks the rows of a search by a column with texts.

    Rows come back best first with ``_relevance_score``, a 32-bit float: P(relevant) where the model
    is calibrated, else a raw score, and null where it only orders. What happened is in the
    metadata of the table's schema, under ``secondpass``, as JSON: ``scale``, ``status`` and
    ``events``.

    Args:
        model: What `as_stage` takes.
        column: The column that models read.
        return_score: "relevance" drops the columns ``_distance`` and ``_score``; "all" keeps them.
        threshold: Keep rows with at least this P(relevant); may leave none.
        keep_at_least: The number of the best that stay whatever the threshold.
        deadline: Seconds for a call; then the best order so far comes back, and says so.

    Attributes:
        stage: What ranks.

    Raises:
        InvalidInputError: An option that cannot be used; (when run) no query text, no such column,
            or a row without a text.
        SecondPassError: What loading and running the model may raise.
    """

    @hint_keywords(_ELSEWHERE)
    def __init__(
        self,
        model: ModelLike = "builtin",
        column: str = "text",
        return_score: str = "relevance",
        *,
        threshold: float | None = None,
        keep_at_least: int = 0,
        deadline: float | None = None,
    ) -> None:
        if return_score not in ("relevance", "all"):
            raise InvalidInputError(f'return_score={return_score!r}: give "relevance" or "all"')
        super().__init__(return_score)
        self.stage = with_cuts(
            as_stage(model), top=None, threshold=threshold, keep_at_least=keep_at_least,
            deadline=deadline,
        )  # fmt: skip
        self.column = column

    def __str__(self) -> str:
        return f"SecondPassReranker({self.stage.name})"

    def rerank_vector(self, query: str, vector_results: pa.Table) -> pa.Table:
        """Rerank what a vector search found. LanceDB calls it.

        Args:
            query: Of `search`, or of ``rerank(reranker, query_string=...)``.
            vector_results: Rows, nearest first.
        """
        return self._without_scores(self._reranked(query, vector_results))

    def rerank_fts(self, query: str, fts_results: pa.Table) -> pa.Table:
        """Rerank what a full-text search found. LanceDB calls it."""
        return self._without_scores(self._reranked(query, fts_results))

    def rerank_hybrid(
        self, query: str, vector_results: pa.Table, fts_results: pa.Table
    ) -> pa.Table:
        """Rerank what both searches found, each row once. LanceDB calls it."""
        merge = self._merge_and_keep_scores if self.score == "all" else self.merge_results
        return self._without_scores(self._reranked(query, merge(vector_results, fts_results)))

    def _reranked(self, query: Any, rows: pa.Table) -> pa.Table:
        if not isinstance(query, str) or not query.strip():
            raise InvalidInputError(
                f"the query is {shown(query)}, and a reranker reads a text; to search by vector: "
                'rerank(reranker, query_string="...")'
            )
        if not isinstance(rows, pa.Table):
            raise InvalidInputError(f"the rows are {shown(rows)}; pass an Arrow table")
        if self.column not in rows.column_names:
            raise InvalidInputError(
                f"the rows have no column {self.column!r} but {', '.join(rows.column_names)}; name "
                "the one with the texts, column=, and select it"
            )
        candidates = [
            Candidate(str(i), self._text(text, i))
            for i, text in enumerate(rows.column(self.column).to_pylist())
        ]
        ranking = self.stage(Ranking.of(query, candidates))
        scores = pa.array([c.score for c in ranking], type=pa.float32())
        found = rows.take(pa.array(ranking.indices, type=pa.int64()))
        details = {
            "scale": ranking.scale, "status": ranking.status,
            "events": event_details(ranking.events),
        }  # fmt: skip
        metadata = {**(rows.schema.metadata or {}), METADATA_KEY: json.dumps(details)}
        return found.append_column(SCORE, scores).replace_schema_metadata(metadata)

    def _text(self, text: Any, position: int) -> str:
        if not isinstance(text, str):
            raise InvalidInputError(
                f"row {position} has {shown(text)} in the column {self.column!r}, and a text is "
                'needed; leave such rows out: where("... IS NOT NULL")'
            )
        return text

    def _without_scores(self, rows: pa.Table) -> pa.Table:
        if self.score == "all":
            return rows
        return rows.drop_columns([n for n in ("_distance", "_score") if n in rows.column_names])
