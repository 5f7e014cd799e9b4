"""What a database returned, reranked, and in the same shape back.

    from secondpass.integrations.results import rerank_results

    found = collection.query(query_texts=["who wrote Faust?"], n_results=50)
    best = rerank_results("who wrote Faust?", found, top_k=5)

Chroma's dicts, Qdrant's responses and points, Elasticsearch's and OpenSearch's responses, and rows
with named columns (psycopg, SQLAlchemy, asyncpg, sqlite3, LanceDB's and DuckDB's lists of dicts)
are recognised by what they hold; no client library is imported.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from secondpass._rerank import arerank, rerank
from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.chroma import Chroma
from secondpass.integrations.result_shapes.elasticsearch import Elasticsearch
from secondpass.integrations.result_shapes.qdrant import Qdrant
from secondpass.integrations.result_shapes.rows import Rows
from secondpass.integrations.result_shapes.shape import FieldOrFunction, Shape, duplicates_named
from secondpass.models.load import ModelLike

_SHAPES: tuple[Shape, ...] = (Chroma(), Qdrant(), Elasticsearch(), Rows())


@hint_keywords()
def candidates_of(
    result: Any, *, text: FieldOrFunction = None, id: FieldOrFunction = None
) -> list[Candidate]:
    """The candidates in what a database returned for one query, in its order.

    Args:
        result: See the module. It is not changed, and its items become payloads.
        text: The field with the text, a dotted path for nested ones, or a function of an item's
            fields; None takes the first of ``text``, ``document``, ``content``, ``page_content``,
            ``chunk`` and ``body`` that is there. Chroma's texts are its documents.
        id: The field with the id, or a function; None takes the database's own, ``id`` or ``_id``
            of rows, and of rows without one their index.

    Returns:
        Candidates with the fields as metadata. The database's score is the score that they come
        with, and a distance is that score with its sign turned, since more is better in a score.

    Raises:
        InvalidInputError: A result of another kind, of several queries, or without texts; the
            message says what to ask the database for.
    """
    lists = _shape(result).lists(result, text, id)
    if len(lists) != 1:
        raise InvalidInputError(
            f"the result is that of {len(lists)} queries; rerank_results takes as many, and one "
            "query gives one list"
        )
    duplicates_named(lists[0])
    return lists[0]


@hint_keywords()
def results_of(ranking: Ranking | Sequence[Ranking], result: Any) -> Any:
    """A result in the order of a ranking, in the shape in which it came.

    Args:
        ranking: Made of the result's candidates, all of them and in their order, so that its
            `indices` are theirs; cuts are welcome. Of a result of several queries one for each.
        result: What the database returned; not changed.

    Returns:
        The result's items, best first, those that are left. Each has a dict under ``secondpass``
        in its metadata (Chroma), payload (Qdrant), hit (Elasticsearch) or columns (rows): the keys
        of `Ranking.to_dict` for a candidate, `status` and `events`. Scores and distances are still
        the database's own. Rows come back as dicts, Elasticsearch's response as its body.

    Raises:
        InvalidInputError: A result of another kind, or rankings that are not of its items.
    """
    shape = _shape(result)
    rankings = [ranking] if isinstance(ranking, Ranking) else list(ranking)
    sizes = shape.sizes(result)
    if len(sizes) != len(rankings):
        raise InvalidInputError(f"{len(rankings)} rankings for a result of {len(sizes)} queries")
    for one, size in zip(rankings, sizes, strict=True):
        if any(index >= size for index in one.indices):
            raise InvalidInputError(
                f"the ranking for {one.query!r} has candidates from a longer list than this result "
                f"of {size}; pass the result that candidates_of read"
            )
    return shape.rebuilt(result, rankings)


@hint_keywords()
def rerank_results(
    query: str | Sequence[str],
    result: Any,
    *,
    text: FieldOrFunction = None,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
    deadline: float | None = None,
) -> Any:
    """What a database returned, best first, in the shape in which it came.

    Items are told apart by their places, so ids may be missing, and equal ones stay apart.

    Args:
        query: What was asked; for a result of several queries a list of them.
        result: See `candidates_of`.
        text: See `candidates_of`.
        model: See `secondpass.rerank`, for this and all below.
        top_k: The number kept at most.
        threshold: Keep those with at least this P(relevant).
        keep_at_least: The number of the best that stay whatever the threshold.
        deadline: Seconds for the whole call.

    Returns:
        See `results_of`. Where nothing is left, the shape without items.

    Raises:
        InvalidInputError: See `candidates_of`; or not one query for each list.
        SecondPassError: What `secondpass.rerank` may raise.
    """
    queries, lists = _asked(query, result, text)
    rankings = rerank(
        queries, lists, model=model, top_k=top_k, threshold=threshold,
        keep_at_least=keep_at_least, deadline=deadline,
    )  # fmt: skip
    return results_of(rankings, result)


@hint_keywords()
async def arerank_results(
    query: str | Sequence[str],
    result: Any,
    *,
    text: FieldOrFunction = None,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
    deadline: float | None = None,
) -> Any:
    """Like `rerank_results`, without blocking the event loop."""
    queries, lists = _asked(query, result, text)
    rankings = await arerank(
        queries, lists, model=model, top_k=top_k, threshold=threshold,
        keep_at_least=keep_at_least, deadline=deadline,
    )  # fmt: skip
    return results_of(rankings, result)


def _asked(
    query: Any, result: Any, text: FieldOrFunction
) -> tuple[list[str], list[list[Candidate]]]:
    """The queries and a list of candidates for each, with places as ids."""
    lists = _shape(result).lists(result, text, None)
    queries = list(query) if isinstance(query, list | tuple) else [query]
    if len(queries) != len(lists):
        raise InvalidInputError(
            f"{len(queries)} queries for a result of {len(lists)}; give one for each"
        )
    return queries, [[replace(c, id=str(i)) for i, c in enumerate(one)] for one in lists]


def _shape(result: Any) -> Shape:
    for shape in _SHAPES:
        if shape.fits(result):
            return shape
    if hasattr(result, "to_dict") and hasattr(result, "columns"):
        remedy = 'pass table.to_dict("records")'
    elif hasattr(result, "to_pylist"):
        remedy = "pass table.to_pylist()"
    elif hasattr(result, "fetchall"):
        remedy = "pass its rows, as dicts: of DuckDB .df().to_dict('records'), of psycopg dict_row"
    elif isinstance(result, Sequence) and not isinstance(result, str):
        remedy = (
            "rows need the names of their columns; use dict rows (psycopg.rows.dict_row, "
            "sqlite3.Row, SQLAlchemy's rows), or dict(zip(names, row))"
        )
    else:
        remedy = "pass what Chroma, Qdrant or Elasticsearch returned, or a list of rows as dicts"
    raise InvalidInputError(f"the result is {shown(result)}: {remedy}")
