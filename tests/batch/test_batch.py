"""Tables in and out in one process: real Parquet files, the built-in model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from secondpass import InvalidInputError, Ranking, Recipe, Stage, Threshold, Top, load
from secondpass.cli import app
from secondpass.serve.batch import BatchReport, Columns, EncodeBatch, RerankBatch, rerank_parquet
from secondpass.serve.batch.parts import PartFolder

TEXTS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Honey keeps for years."]
QUERIES = ["who wrote Faust?", "how long does honey keep?"]


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin", options={"threads": 1})


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Six pairs, in row groups of two."""
    table = pa.table(
        {
            "query": [query for query in QUERIES for _ in TEXTS],
            "text": TEXTS * 2,
            "doc": list(range(6)),
        }
    )
    pq.write_table(table, tmp_path / "pairs.parquet", row_group_size=2)
    return tmp_path / "pairs.parquet"


def write(path: Path, **columns: Any) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_pairs_have_the_numbers_of_rerank(pairs: Path, builtin: Stage) -> None:
    out = pairs.with_name("out.parquet")
    report = rerank_parquet(pairs, out, builtin, rows_per_part=4)
    rows = pq.read_table(out).to_pylist()
    assert [row["doc"] for row in rows] == list(range(6))  # rows as they were
    for query in QUERIES:
        expected = {c.text: c.score for c in builtin(Ranking.of(query, TEXTS))}
        mine = {row["text"]: row["probability"] for row in rows if row["query"] == query}
        assert mine == pytest.approx(expected, abs=1e-6)
    assert {row["scale"] for row in rows} == {"probability"}
    assert {row["problem"] for row in rows} == {None}
    assert (report.rows, report.pairs, report.problems, report.resumed_rows) == (6, 6, 0, 0)
    assert sorted(path.name for path in out.parent.iterdir()) == ["out.parquet", "pairs.parquet"]


def test_lists_have_order_scores_and_evidence(tmp_path: Path, builtin: Stage) -> None:
    long = "Goethe wrote Faust. " * 200
    source = write(
        tmp_path / "lists.parquet",
        query=QUERIES, texts=[TEXTS, [long]], names=[["a", "b", "c"], ["d"]],
    )  # fmt: skip
    recipe = tmp_path / "r.json"
    cutting = load("builtin", options={"chunks": 1})
    Recipe.of(cutting >> Threshold(0.3) >> Top(2)).save(recipe)
    rerank_parquet(source, tmp_path / "out.parquet", recipe, columns=Columns(ids="names"))
    first, second = pq.read_table(tmp_path / "out.parquet").to_pylist()
    ranking = (builtin >> Threshold(0.3) >> Top(2))(Ranking.of(QUERIES[0], TEXTS))
    assert first["indices"] == ranking.indices
    assert first["ranked_ids"] == ["b"]
    assert first["scores"] == first["probabilities"] == pytest.approx(ranking.scores, abs=1e-6)
    assert (first["scale"], first["status"]) == ("probability", "complete")
    assert [event["kind"] for event in json.loads(first["events"])] == ["dropped"]
    assert second["indices"] in ([], [0])
    assert "truncated" in second["events"]


def test_what_cannot_be_ranked_says_why_and_costs_nothing_else(
    tmp_path: Path, builtin: Stage
) -> None:
    source = write(
        tmp_path / "in.parquet",
        query=[None, " ", QUERIES[0], QUERIES[0]], text=["a", "b", None, TEXTS[1]],
    )  # fmt: skip
    report = rerank_parquet(source, tmp_path / "out.parquet", builtin)
    table = pq.read_table(tmp_path / "out.parquet")
    assert table["problem"].to_pylist() == [
        "the query is null", "the query is empty", "the text is null", None,
    ]  # fmt: skip
    assert table["score"].null_count == 3
    assert report.problems == 3
    lists = pa.table(
        {
            "query": QUERIES * 3,
            "texts": [None, ["a", None], ["a", "b"], ["a"], ["a", "a"], []],
            "ids": [["x"], ["x", "y"], ["x", "x"], ["x", "y"], None, []],
        }
    )
    result = RerankBatch(builtin, Columns(ids="ids"))(lists)
    assert result["problem"].to_pylist() == [
        "the list of texts is null", "text 1 is null", "two texts have the same id",
        "1 texts and 2 ids", "an id is null", None,
    ]  # fmt: skip
    assert result["indices"].to_pylist()[-1] == []


class Interrupted(Exception):
    pass


def interrupt_after(rows: int) -> Callable[[int, int], None]:
    def on_progress(done: int, total: int) -> None:
        if done >= rows:
            raise Interrupted

    return on_progress


def test_an_interrupted_job_goes_on_where_it_was(pairs: Path, builtin: Stage) -> None:
    whole = pairs.with_name("whole.parquet")
    rerank_parquet(pairs, whole, builtin, rows_per_part=2)
    out = pairs.with_name("out.parquet")
    with pytest.raises(Interrupted):
        rerank_parquet(pairs, out, builtin, rows_per_part=2, on_progress=interrupt_after(4))
    assert not out.exists()
    parts = pairs.with_name("out.parquet.parts")
    (parts / "part-000001.parquet").write_bytes(b"half of a fi")  # a disk that lost power
    (parts / ".part-000002.parquet.1.part").write_bytes(b"half")  # a process that was killed
    seen: list[tuple[int, int]] = []
    report = rerank_parquet(
        pairs, out, builtin, rows_per_part=2, on_progress=lambda *now: seen.append(now)
    )
    assert report.resumed_rows == 2
    assert seen == [(2, 6), (4, 6), (6, 6)]
    assert pq.read_table(out).equals(pq.read_table(whole))
    assert not parts.exists()


def test_parts_of_another_job_are_not_mixed_in(pairs: Path, builtin: Stage) -> None:
    out = pairs.with_name("out.parquet")
    with pytest.raises(Interrupted):
        rerank_parquet(pairs, out, builtin, rows_per_part=2, on_progress=interrupt_after(2))
    with pytest.raises(InvalidInputError, match=r"parts of another job \(another recipe\)"):
        rerank_parquet(pairs, out, load("builtin:raw"), rows_per_part=2)
    with pytest.raises(InvalidInputError, match="another rows per part"):
        rerank_parquet(pairs, out, builtin, rows_per_part=3)


def test_a_folder_in_and_a_folder_out(pairs: Path, builtin: Stage) -> None:
    folder = pairs.with_name("many")
    folder.mkdir()
    table = pq.read_table(pairs)
    pq.write_table(table.slice(0, 3), folder / "a.parquet")
    pq.write_table(table.slice(3), folder / "b.parquet")
    out = pairs.with_name("results")
    rerank_parquet(folder, out, builtin)
    again = rerank_parquet(folder, out, builtin)  # all there: nothing to do
    assert (again.pairs, again.resumed_rows) == (0, 6)
    results = pq.read_table(out)  # others read the folder as one table
    assert results["doc"].to_pylist() == list(range(6))
    write(folder / "c.parquet", query=["q"], text=["t"])
    with pytest.raises(
        InvalidInputError, match=r"c.parquet and .*a.parquet have different columns"
    ):
        rerank_parquet(folder, pairs.with_name("other"), builtin)


def test_nothing_in_gives_the_columns_and_nothing_else(tmp_path: Path, builtin: Stage) -> None:
    empty = pa.table({"query": pa.array([], pa.string()), "text": pa.array([], pa.string())})
    pq.write_table(empty, tmp_path / "empty.parquet")
    report = rerank_parquet(tmp_path / "empty.parquet", tmp_path / "out.parquet", builtin)
    assert report.rows == 0
    assert "probability" in pq.read_schema(tmp_path / "out.parquet").names


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no query": (
        {"question": ["q"], "text": ["t"]},
        "no column 'query'; it has 'question', 'text'",
    ),
    "no text": ({"query": ["q"], "body": ["t"]}, "no column 'text' .* it has 'query', 'body'"),
    "both": ({"query": ["q"], "text": ["t"], "texts": [["t"]]}, "say which holds the texts"),
    "numbers": ({"query": ["q"], "text": [1]}, "column 'text' of .* is int64; texts are strings"),
    "deep": ({"query": ["q"], "texts": [[["t"]]]}, "is list<.*list<.*; texts are strings"),
    "dicts": ({"query": ["q"], "text": [{"a": "t"}]}, "is struct"),
    "list query": ({"query": [["q"]], "text": ["t"]}, "column 'query' .* queries are strings"),
    "bytes": ({"query": ["q"], "text": [b"t"]}, "is binary"),
    "taken": ({"query": ["q"], "text": ["t"], "score": [1]}, "has a column 'score' already"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_columns_are_named(tmp_path: Path, builtin: Stage, case: str) -> None:
    columns, message = WRONG[case]
    source = write(tmp_path / "in.parquet", **columns)
    with pytest.raises(InvalidInputError, match=message):
        rerank_parquet(source, tmp_path / "out.parquet", builtin)
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]  # nothing was begun


def test_columns_may_have_any_name_and_texts_any_type_of_arrow(builtin: Stage) -> None:
    plain = RerankBatch(builtin)(pa.table({"query": QUERIES, "text": TEXTS[:2]}))
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        table = pa.table(
            {
                "q": pa.array(QUERIES).cast(kind)
                if kind != pa.string_view()
                else pa.array(QUERIES),
                "body": pa.array(TEXTS[:2], kind),
                "score": [1, 2],
            }
        )
        result = RerankBatch(builtin, Columns("q", "body", prefix="sp_"))(table)
        assert result["sp_score"].to_pylist() == plain["score"].to_pylist()


def test_pairs_for_a_recipe_of_whole_lists_are_refused(pairs: Path, builtin: Stage) -> None:
    with pytest.raises(
        InvalidInputError, match=r"rows of .* are pairs, and Top\(3\) of the recipe"
    ):
        rerank_parquet(pairs, pairs.with_name("out.parquet"), builtin >> Top(3))


def test_batches_of_numpy_and_pandas(builtin: Stage) -> None:
    pandas = pytest.importorskip("pandas")
    rerank = RerankBatch(builtin, threads=1)
    table = rerank(pa.table({"query": QUERIES, "texts": [TEXTS, TEXTS[:1]]}))
    frame = rerank(pandas.DataFrame({"query": QUERIES, "texts": [TEXTS, TEXTS[:1]]}))
    assert [list(one) for one in frame["scores"]] == table["scores"].to_pylist()
    lists = np.empty(2, dtype=object)
    lists[:] = [np.array(TEXTS, dtype=object), np.array(TEXTS[:1], dtype=object)]
    arrays = rerank({"query": np.array(QUERIES), "texts": lists})
    assert [list(one) for one in arrays["scores"]] == table["scores"].to_pylist()
    with pytest.raises(InvalidInputError, match="a batch is"):
        rerank([1, 2])


def test_a_corpus_is_encoded_once(tmp_path: Path, builtin: Stage) -> None:
    store = tmp_path / "corpus.vectors"
    encode = EncodeBatch(store)
    corpus = pa.table({"text": [*TEXTS, None]})
    assert encode(corpus).to_pylist() == [{"texts": 3, "new": 3}]
    assert encode(pa.table({"text": [TEXTS, None]})).to_pylist() == [{"texts": 3, "new": 0}]
    split = load(f"builtin-split:{store}")(Ranking.of(QUERIES[0], TEXTS))
    assert all(candidate.trail[0].note.get("stored") for candidate in split)
    with pytest.raises(InvalidInputError, match="no column 'text'; it has 'body'"):
        encode(pa.table({"body": TEXTS}))


def run(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["batch", *map(str, words)])
    return result.exit_code, f"{result.output}{result.exception or ''}"


def test_the_command(pairs: Path, builtin: Stage) -> None:
    out = pairs.with_name("out.parquet")
    code, said = run(pairs, out, "--model", "builtin", "--rows-per-part", 4)
    assert (code, "6 rows in" in said) == (0, True), said
    assert run(pairs, out)[1].endswith("exists; give another output, or --overwrite")
    code, said = run(pairs, out, "--overwrite", "--json")
    assert BatchReport(**json.loads(said)).rows == 6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nothing.parquet", "out.parquet"], "there is no file nothing.parquet"),
        (["IN", "IN", "--overwrite"], "is the input"),
        (["IN", "no/such/folder/out.parquet"], "there is no folder"),
        (["TEXT", "out.parquet"], "cannot be read as Parquet"),
        (["IN", "out.parquet", "--recipe", "missing.json"], "cannot read the recipe"),
        (["IN", "out.parquet", "--text-column", "body"], "no column 'body'"),
    ],
)
def test_wrong_commands(
    pairs: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], message: str
) -> None:
    monkeypatch.chdir(pairs.parent)
    Path("text.parquet").write_text("no parquet")
    places = {"IN": "pairs.parquet", "TEXT": "text.parquet"}
    code, said = run(*(places.get(word, word) for word in words))
    assert code != 0
    assert message in said


def test_a_folder_without_results_is_no_other_job(tmp_path: Path) -> None:
    """As a job that was refused leaves it."""
    folder = PartFolder(tmp_path / "parts", {"rows per part": 1})
    PartFolder(tmp_path / "parts", {"rows per part": 2})
    (folder.path / "part-000000.parquet").touch()
    with pytest.raises(InvalidInputError, match="parts of another job"):
        PartFolder(tmp_path / "parts", {"rows per part": 1})
