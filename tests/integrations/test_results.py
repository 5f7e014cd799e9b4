"""What databases return, in and out, with the databases themselves where they run in a process."""

from __future__ import annotations

import asyncio
import copy
import json
import sqlite3
import uuid
from collections import namedtuple
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from secondpass import InvalidInputError, NotCalibratedError, Ranking, Stage, load, rerank
from secondpass.integrations.results import (
    arerank_results,
    candidates_of,
    rerank_results,
    results_of,
)

QUERY = "who wrote Faust?"
TEXTS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Faust is a family name."]


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin")


def _chroma() -> Any:
    chromadb = pytest.importorskip("chromadb")
    settings = chromadb.config.Settings(anonymized_telemetry=False)
    client = chromadb.EphemeralClient(settings)
    collection = client.create_collection(f"c{uuid.uuid4().hex}", embedding_function=None)
    collection.add(
        ids=["a", "b", "c"], documents=TEXTS, embeddings=[[1, 0], [1, 1], [0, 1]],
        metadatas=[{"page": i} for i in range(3)],
    )  # fmt: skip
    return collection


def _qdrant() -> Any:
    qdrant = pytest.importorskip("qdrant_client")
    client = qdrant.QdrantClient(":memory:")
    vectors = qdrant.models.VectorParams(size=2, distance=qdrant.models.Distance.COSINE)
    client.create_collection("texts", vectors_config=vectors)
    points = [
        qdrant.models.PointStruct(id=i + 1, vector=[3.0 - i, 1.0], payload={"text": t, "page": i})
        for i, t in enumerate(TEXTS)
    ]
    client.upsert("texts", points)
    return client


def _elastic() -> dict[str, Any]:
    """As the reference documents the response of a search."""
    hits = [
        {"_index": "texts", "_id": key, "_score": 3.0 - i, "_source": {"text": t, "page": i},
         "highlight": {"text": [t]}}
        for i, (key, t) in enumerate(zip("abc", TEXTS, strict=True))
    ]  # fmt: skip
    total = {"value": 3, "relation": "eq"}
    shards = {"total": 1, "successful": 1, "skipped": 0, "failed": 0}
    return {"took": 5, "timed_out": False, "_shards": shards,
            "hits": {"total": total, "max_score": 3.0, "hits": hits}}  # fmt: skip


def _columns() -> list[dict[str, Any]]:
    return [{"id": i + 1, "text": t, "page": i, "distance": 0.1 * i} for i, t in enumerate(TEXTS)]


def test_chroma(builtin: Stage) -> None:
    collection = _chroma()
    found = collection.query(query_embeddings=[[1, 0]], n_results=3)
    before = copy.deepcopy(found)
    candidates = candidates_of(found)
    assert [c.id for c in candidates] == found["ids"][0]
    assert [c.score for c in candidates] == [-d for d in found["distances"][0]]
    best = rerank_results(QUERY, found, model=builtin, top_k=2)
    assert found == before
    assert best.keys() == found.keys()
    assert best["ids"] == [["b", "c"]]
    assert best["documents"] == [[TEXTS[1], TEXTS[2]]]
    assert best["distances"][0][0] == found["distances"][0][found["ids"][0].index("b")]
    assert [m["page"] for m in best["metadatas"][0]] == [1, 2]
    details = best["metadatas"][0][0]["secondpass"]
    assert details["probability"] == rerank(QUERY, TEXTS, model=builtin).scores[0]
    assert details["retrieval_score"] == -best["distances"][0][0]
    assert results_of(rerank(QUERY, candidates, model=builtin, top_k=2), found) == best
    two = collection.query(query_embeddings=[[1, 0], [0, 1]], n_results=3)
    both = rerank_results([QUERY, "when do cats sleep?"], two, model=builtin, top_k=1)
    assert both["ids"] == [["b"], ["a"]]
    with pytest.raises(InvalidInputError, match="of 2 queries"):
        candidates_of(two)
    with pytest.raises(InvalidInputError, match="1 queries for a result of 2"):
        rerank_results(QUERY, two)
    flat = rerank_results(QUERY, collection.get(), model=builtin, top_k=1)
    assert (flat["ids"], flat["documents"]) == (["b"], [TEXTS[1]])
    none = rerank_results(QUERY, collection.get(ids=["z"]), model=builtin)
    assert none["ids"] == []
    bare = collection.query(query_embeddings=[[1, 0]], include=["documents"], n_results=3)
    assert rerank_results(QUERY, bare, model=builtin)["ids"][0][0] == "b"
    with pytest.raises(InvalidInputError, match="include="):
        candidates_of(collection.query(query_embeddings=[[1, 0]], include=["metadatas"]))


def test_qdrant(builtin: Stage) -> None:
    client = _qdrant()
    response = client.query_points("texts", query=[1.0, 0.0])
    before = response.model_copy(deep=True)
    best = rerank_results(QUERY, response, model=builtin, top_k=2)
    assert response == before
    assert type(best) is type(response)
    assert [p.id for p in best.points] == [2, 3]
    assert [p.payload["page"] for p in best.points] == [1, 2]
    own = {p.id: p.score for p in response.points}
    assert [p.score for p in best.points] == [own[2], own[3]]
    assert best.points[0].payload["secondpass"]["retrieval_score"] == own[2]
    points = rerank_results(QUERY, response.points, model=builtin, top_k=2)
    assert [p.id for p in points] == [2, 3]
    records, _ = client.scroll("texts")
    assert rerank_results(QUERY, records, model=builtin)[0].id == 2
    with pytest.raises(InvalidInputError, match="with_payload=True"):
        candidates_of(client.query_points("texts", query=[1.0, 0.0], with_payload=False))
    client.close()


def test_elasticsearch(builtin: Stage) -> None:
    response = _elastic()
    best = rerank_results(QUERY, response, model=builtin, top_k=2)
    assert response == _elastic()
    assert [h["_id"] for h in best["hits"]["hits"]] == ["b", "c"]
    assert {k: v for k, v in best.items() if k != "hits"} == {
        k: v for k, v in response.items() if k != "hits"
    }
    first = best["hits"]["hits"][0]
    assert (first["_score"], first["secondpass"]["retrieval_score"]) == (2.0, 2.0)
    assert json.dumps(best)
    assert rerank_results(QUERY, SimpleNamespace(body=response), model=builtin, top_k=2) == best
    fields = _elastic()
    for hit in fields["hits"]["hits"]:
        hit["fields"] = {"title": [hit.pop("_source")["text"]]}
        hit["_score"] = None
    assert rerank_results(QUERY, fields, text="title")["hits"]["hits"][0]["_id"] == "b"
    with pytest.raises(InvalidInputError, match="its fields: title"):
        candidates_of(fields)


def _duckdb() -> list[Any]:
    connection = pytest.importorskip("duckdb").connect()
    connection.execute("create table texts (id integer, text varchar, embedding float[2])")
    for i, t in enumerate(TEXTS):
        connection.execute("insert into texts values (?, ?, ?)", [i + 1, t, [1.0 - i, i]])
    found = connection.sql(
        "select id, text, array_distance(embedding, [1, 0]::float[2]) as distance from texts "
        "order by distance limit 3"
    )
    rows: list[Any] = [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]
    return rows


def _sqlite() -> list[Any]:
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute("create table texts (id integer primary key, text varchar)")
    connection.executemany("insert into texts (text) values (?)", [(t,) for t in TEXTS])
    rows = connection.execute("select * from texts").fetchall()
    connection.close()
    return rows


def _sqlalchemy() -> list[Any]:
    sqlalchemy = pytest.importorskip("sqlalchemy")
    engine = sqlalchemy.create_engine("sqlite://")
    values = ", ".join(f"({i + 1}, '{t}')" for i, t in enumerate(TEXTS))
    with engine.connect() as connection:
        query = f"with t(id, text) as (values {values}) select * from t"
        rows: list[Any] = connection.execute(sqlalchemy.text(query)).all()
    engine.dispose()
    return rows


ROWS: dict[str, Callable[[], list[Any]]] = {
    "dicts, as psycopg's dict_row": _columns,
    "named tuples, as psycopg's namedtuple_row": lambda: [
        namedtuple("Row", row)(**row) for row in _columns()
    ],
    "duckdb": _duckdb,
    "sqlite3": _sqlite,
    "SQLAlchemy": _sqlalchemy,
}


@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_rows(builtin: Stage, rows: Callable[[], list[Any]]) -> None:
    found = rows()
    best = rerank_results(QUERY, found, model=builtin, top_k=1)
    assert [(row["id"], row["text"]) for row in best] == [(2, TEXTS[1])]
    assert best[0]["secondpass"]["rank"] == 0
    ranking = rerank(QUERY, candidates_of(found), model=builtin)
    assert ranking.ids == ["2", "3", "1"]
    assert ranking[0].payload is found[1] or found[1] in [c.payload for c in ranking]
    assert [row["id"] for row in results_of(ranking, found)] == [2, 3, 1]


def test_a_distance_becomes_a_score_that_grows_with_relevance(builtin: Stage) -> None:
    assert [c.score for c in candidates_of(_columns())] == [-0.0, -0.1, -0.2]
    assert [c.score for c in candidates_of([{"text": "a", "score": 2}, {"text": "b"}])] == [2, None]


def test_texts_and_ids_are_where_one_says(builtin: Stage) -> None:
    rows = [{"key": 7 - i, "doc": {"title": "x", "main": t}} for i, t in enumerate(TEXTS)]
    assert candidates_of(rows, text="doc.main", id="key")[1].id == "6"
    joined = candidates_of(rows, text=lambda row: f"{row['doc']['title']}: {row['doc']['main']}")
    assert (joined[0].text, joined[0].id) == (f"x: {TEXTS[0]}", "0")
    again = rerank_results(QUERY, rerank_results(QUERY, rows, text="doc.main"), text="doc.main")
    assert again[0]["secondpass"]["before"]["rank"] == 0


def test_chunks_that_share_an_id_stay_apart(builtin: Stage) -> None:
    rows = [{"id": 7, "text": t} for t in TEXTS]
    best = rerank_results(QUERY, rows, model=builtin)
    assert [row["text"] for row in best] == [TEXTS[1], TEXTS[2], TEXTS[0]]
    assert asyncio.run(arerank_results(QUERY, rows, model=builtin)) == best
    for query in (None, 3):
        with pytest.raises(InvalidInputError, match="non-empty string"):
            rerank_results(query, rows, model=builtin)  # type: ignore[arg-type]


def test_nothing_found_and_nothing_left(builtin: Stage) -> None:
    assert rerank_results(QUERY, [], model=builtin) == []
    assert rerank_results(QUERY, _columns()[:1], model=builtin, threshold=0.99) == []
    empty = _elastic()
    empty["hits"]["hits"] = []
    assert rerank_results(QUERY, empty)["hits"]["hits"] == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: candidates_of([(1, "a")]), "dict_row"),
        (lambda: candidates_of("text"), "is str 'text'"),
        (lambda: candidates_of(None), "is None"),
        (lambda: candidates_of([{"title": "a"}]), "its fields: title.*text="),
        (lambda: candidates_of([{"text": None}]), "item 0"),
        (lambda: candidates_of([{"text": "a"}], id="key"), "no id in 'key'"),
        (lambda: candidates_of([{"id": 1, "text": "a"}, {"id": 1, "text": "b"}]), "pass id="),
        (lambda: results_of(Ranking.of(QUERY, TEXTS), [{"text": "a"}]), "longer list"),
        (lambda: results_of([], _columns()), "0 rankings"),
        (lambda: rerank_results(QUERY, _columns(), top_n=1), "called 'top_k'"),
        (lambda: rerank_results("", _columns()), "non-empty"),
    ],
)
def test_a_wrong_call_says_what_to_do(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        call()


def test_tables_are_answered_with_what_to_pass() -> None:
    pandas, pyarrow = pytest.importorskip("pandas"), pytest.importorskip("pyarrow")
    for table, message in (
        (pandas.DataFrame(_columns()), "records"),
        (pyarrow.Table.from_pylist(_columns()), "to_pylist"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            candidates_of(table)


def test_a_threshold_needs_probabilities() -> None:
    with pytest.raises(NotCalibratedError):
        rerank_results(QUERY, _columns(), model="builtin:raw", threshold=0.5)
