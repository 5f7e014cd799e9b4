"""A batch of rows in, the same rows with scores, probabilities and evidence out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import candidate_details, event_details
from secondpass.core.recipe import Recipe
from secondpass.core.recipe.options import change_parts
from secondpass.core.stage import Stage
from secondpass.models.load import ModelLike, as_stage
from secondpass.serve.batch.columns import Columns

Row = dict[str, Any]


class RerankBatch:
    """Any recipe as a callable for ``ray.data.Dataset.map_batches``, or for a loop of your own.

        dataset.map_batches(RerankBatch, fn_constructor_args=("reranker.json",),
                            batch_format="pyarrow", batch_size=1024, concurrency=8)

    A batch is a `pyarrow.Table`, a pandas DataFrame, or a dict of numpy arrays, and what comes back
    is of the same kind: all columns of the batch, and these, where a row is

    * a pair of ``query`` and ``text``: ``score``, ``probability`` (null unless the recipe is
      calibrated), ``scale``, ``notes`` (JSON, null where there is nothing to say), ``events``.
    * a ``query`` with its ``texts``: ``indices`` of the texts that are kept, best first, their
      ``scores``, ``probabilities`` and ``notes``, ``scale``, ``status``, ``events`` (JSON), and
      ``ranked_ids`` if the texts have ids.

    A row that cannot be ranked (a null, an empty query) has nulls and a ``problem``, and costs no
    other row its result.

    Args:
        model: What `load` or `as_stage` takes: a model string, a recipe, its path or its dict.
        columns: Their names.
        threads: Batches of the model that run at the same time; None: as the recipe says.

    Raises:
        InvalidInputError: (when called) A column is missing or of another type, or rows are pairs
            and the recipe ranks whole lists.
        SecondPassError: What loading and running the model may raise.
    """

    def __init__(
        self, model: ModelLike, columns: Columns | None = None, *, threads: int | None = None
    ) -> None:
        self.columns = Columns() if columns is None else columns
        if threads is not None:
            model = with_threads(recipe_of(model), threads)
        self.stage = as_stage(model)

    def __call__(self, batch: Any) -> Any:
        """The batch with the columns that are added."""
        if isinstance(batch, Mapping):
            table = self.rank(pa.table({name: _plain(values) for name, values in batch.items()}))
            return {
                name: table.column(name).to_numpy(zero_copy_only=False)
                for name in table.column_names
            }
        if isinstance(batch, pa.Table):
            return self.rank(batch)
        if hasattr(batch, "columns") and hasattr(batch, "iloc"):
            return self.rank(pa.Table.from_pandas(batch, preserve_index=False)).to_pandas()
        raise InvalidInputError(
            f"a batch is a pyarrow.Table, a DataFrame or a dict of arrays, not {type(batch)}"
        )

    def rank(self, table: pa.Table, name: str = "the batch") -> pa.Table:
        """The table with the columns that are added, rows as they were.

        Args:
            table: See `Columns`.
            name: Of the table, for messages.
        """
        schema = table.schema
        lists = self.columns.are_lists(schema, name)
        if not lists:
            check_pairs(self.stage, name)
        added = self.columns.added(lists)
        queries = table.column(self.columns.query).to_pylist()
        texts = table.column(self.columns.text_of(schema, name)).to_pylist()
        if lists:
            ids = None if self.columns.ids is None else table.column(self.columns.ids).to_pylist()
            rows = self._rank_lists(queries, texts, ids)
        else:
            rows = self._rank_pairs(queries, texts)
        for column, kind in added.items():
            key = column.removeprefix(self.columns.prefix)
            table = table.append_column(column, pa.array([row.get(key) for row in rows], kind))
        return table

    def _rank_pairs(self, queries: Sequence[Any], texts: Sequence[Any]) -> list[Row]:
        rows: list[Row] = [{} for _ in queries]
        by_query: dict[str, list[Candidate]] = {}
        for index, (query, text) in enumerate(zip(queries, texts, strict=True)):
            problem = _query_problem(query) or ("the text is null" if text is None else None)
            if problem is not None:
                rows[index]["problem"] = problem
            else:
                by_query.setdefault(query, []).append(Candidate(str(index), text))
        rankings = [Ranking.of(query, candidates) for query, candidates in by_query.items()]
        for ranking in self.stage.run(rankings) if rankings else ():
            events = event_details(ranking.events)
            for rank, candidate in enumerate(ranking):
                details = candidate_details(candidate, rank, ranking.scale)
                rows[int(candidate.id)] = {
                    "score": details["score"],
                    "probability": details["probability"],
                    "scale": ranking.scale,
                    "notes": _json(details["notes"]),
                    "events": _json([e for e in events if e["kind"] != "truncated"]),
                }
        return rows

    def _rank_lists(
        self, queries: Sequence[Any], texts: Sequence[Any], ids: Sequence[Any] | None
    ) -> list[Row]:
        rows: list[Row] = [{} for _ in queries]
        rankings, places = [], []
        for index, (query, own) in enumerate(zip(queries, texts, strict=True)):
            own_ids = None if ids is None else ids[index]
            problem = _query_problem(query) or _texts_problem(own, own_ids, ids is not None)
            if problem is not None:
                rows[index]["problem"] = problem
                continue
            names = map(str, range(len(own))) if own_ids is None else own_ids
            candidates = [Candidate(n, text) for n, text in zip(names, own, strict=True)]
            rankings.append(Ranking.of(query, candidates))
            places.append(index)
        for index, ranking in zip(
            places, self.stage.run(rankings) if rankings else (), strict=True
        ):
            details = [candidate_details(c, rank, ranking.scale) for rank, c in enumerate(ranking)]
            rows[index] = {
                "indices": ranking.indices,
                "ranked_ids": ranking.ids,
                "scores": [one["score"] for one in details],
                "probabilities": [one["probability"] for one in details],
                "scale": ranking.scale,
                "status": ranking.status,
                "notes": [_json(one["notes"]) for one in details],
                "events": _json(event_details(ranking.events)),
            }
        return rows


def recipe_of(model: ModelLike) -> dict[str, Any]:
    """The recipe of a model as plain values, which other processes build.

    Raises:
        RecipeError: It holds something that no recipe can.
        SecondPassError: What loading the model may raise.
    """
    if isinstance(model, Mapping):
        return Recipe.of_dict(model).to_dict()
    return Recipe.of(as_stage(model)).to_dict()


def with_threads(recipe: Mapping[str, Any], threads: int) -> dict[str, Any]:
    """The same recipe, whose local models run so many batches at the same time."""

    def changed(part: dict[str, Any]) -> dict[str, Any]:
        return {**part, "threads": threads} if "threads" in part else part

    plain: dict[str, Any] = change_parts(recipe, changed)
    return plain


def check_pairs(stage: Stage, name: str) -> None:
    """Raise unless the stage scores each pair by itself."""
    if stage.pointwise:
        return
    whole = [part.name for part in stage.parts if not part.pointwise]
    raise InvalidInputError(
        f"the rows of {name} are pairs, and {', '.join(whole)} of the recipe looks at whole lists; "
        "put the texts of a query into one row, a list in a column 'texts', or leave it out"
    )


def _plain(values: Any) -> Any:
    """A column of numpy as Arrow takes it: arrays of arrays as lists."""
    if getattr(getattr(values, "dtype", None), "kind", None) == "O":
        return [one.tolist() if hasattr(one, "tolist") else one for one in values]
    return values.tolist() if getattr(values, "ndim", 1) > 1 else values


def _query_problem(query: str | None) -> str | None:
    if query is None:
        return "the query is null"
    return None if query.strip() else "the query is empty"


def _texts_problem(texts: Any, ids: Any, has_ids: bool) -> str | None:
    if texts is None:
        return "the list of texts is null"
    if None in texts:
        return f"text {texts.index(None)} is null"
    if not has_ids:
        return None
    if ids is None or None in ids:
        return "an id is null"
    if len(ids) != len(texts):
        return f"{len(texts)} texts and {len(ids)} ids"
    return None if len(set(ids)) == len(ids) else "two texts have the same id"


def _json(value: Any) -> str | None:
    return json.dumps(value, ensure_ascii=False) if value else None
