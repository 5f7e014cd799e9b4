"""What users get for data that does not fit: an error with its remedy, or the documented answer."""

from __future__ import annotations

import bz2
import gzip
import json
import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from secondpass import (
    BestF,
    CalibrationError,
    Candidate,
    InvalidInputError,
    JudgedQuery,
    Ranking,
    Score,
    Stage,
    TokenBudget,
    calibrated,
    choose_threshold,
    read_judged,
    rerank,
)
from secondpass.calibrate import (
    calibration_report,
    expected_calibration_error,
    label_learning_curve,
)
from secondpass.evaluate import (
    Topic,
    compare,
    evaluate,
    read_collection,
    read_jsonl,
    read_qrels,
    read_run,
    read_trec,
)
from secondpass.testing import FakeScorer

NUMBER = Score(FakeScorer(lambda q, t: float(t), name="number@1"))
LENGTH = Score(FakeScorer(lambda q, t: float(len(t)), name="length@1"))


def queries(n: int, rate: float = 0.3, seed: int = 0) -> list[JudgedQuery]:
    g, found = random.Random(seed), []
    for q in range(n):
        labels = [g.random() < rate for _ in range(10)]
        texts = [repr(g.gauss(1.5 if y else -1.5, 1.5)) for y in labels]
        found.append(
            JudgedQuery.of(f"q{seed}.{q}", texts, [str(i) for i, y in enumerate(labels) if y])
        )
    return found


HONEST = calibrated(NUMBER, queries(30, seed=9)).pipeline
NO_CANDIDATES = [JudgedQuery(Ranking.of("q", []), frozenset())]
COPIES = [JudgedQuery.of("q", ["1", "-1"], ["0"]), JudgedQuery.of(" Q ", ["1", "-1"], ["0"])]
PAIRS: Any = [("q", ["a"], [1])]
NAME: Any = "builtin"

CALLS: dict[str, Callable[[Any], object]] = {
    "calibrated": lambda judged: calibrated(NUMBER, judged),
    "calibrated, auto": lambda judged: calibrated(NUMBER, judged, "auto"),
    "choose_threshold": lambda judged: choose_threshold(HONEST, judged, BestF()),
    "calibration_report": lambda judged: calibration_report(NUMBER, judged),
    "labels_needed": lambda judged: label_learning_curve(NUMBER, judged, (1, 2)),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_labelled_queries_that_cannot_be_used(call: Callable[[Any], object]) -> None:
    with pytest.raises(CalibrationError, match=r"no judged queries; .* some dozens of them"):
        call([])
    with pytest.raises(CalibrationError, match="give queries with candidates, or cut less"):
        call(NO_CANDIDATES)
    with pytest.raises(
        CalibrationError,
        match=r"add queries that have both|label some that have|label queries that have both",
    ):
        call(queries(20, rate=0))
    with pytest.raises(InvalidInputError, match=r"tuple is not one; make one with JudgedQuery"):
        call(PAIRS)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_copies_of_one_query_are_one_query(call: Callable[[Any], object]) -> None:
    with pytest.raises(CalibrationError, match=r"different queries.*label more"):
        call(COPIES)


def test_a_label_curve_never_judges_on_a_copy_of_what_it_fitted_on() -> None:
    once = queries(12)
    again = [JudgedQuery.of(j.ranking.query.upper(), list(j.ranking), j.relevant) for j in once]
    curve = label_learning_curve(NUMBER, [*once, *again], (6, 17), repeats=3)
    assert [p.queries for p in curve.points] == [6, 17]


@pytest.mark.parametrize("call", [c for n, c in CALLS.items() if n != "choose_threshold"])
def test_one_class_only_is_refused(call: Callable[[Any], object]) -> None:
    with pytest.raises(CalibrationError, match="queries that have both"):
        call(queries(20, rate=1.1))


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_three_labelled_queries_work_and_are_counted(call: Callable[[Any], object]) -> None:
    """Platt's targets keep so small a fit cautious; every report says how few they were."""
    said = str(call(queries(3)))
    assert "3 queries" in said or "labelled queries are enough" in said or "number@1 >>" in said


def test_where_all_are_relevant_the_threshold_keeps_all() -> None:
    chosen = choose_threshold(HONEST, queries(20, rate=1.1), BestF())
    assert chosen.evidence.threshold == 0


def test_queries_without_relevant_candidates_are_counted() -> None:
    judged = queries(15) + queries(5, rate=0, seed=1)
    assert "20 queries (1" in str(calibration_report(NUMBER, judged))
    assert "20 queries (1" in str(choose_threshold(HONEST, judged, BestF()).evidence)


ARGUMENTS: dict[str, tuple[Callable[[], object], str]] = {
    "a model string": (lambda: calibrated(NAME, queries(5)), r"load\('builtin'\) makes one"),
    "a goal's class": (lambda: choose_threshold(HONEST, queries(5), BestF), r"such as BestF\(\)"),  # type: ignore[arg-type]
    "ids as numbers": (lambda: JudgedQuery.of("q", ["a"], [0]), "int 0; give a list of .* strings"),  # type: ignore[list-item]
    "ids in a string": (lambda: JudgedQuery.of("q", ["a"] * 13, "12"), "str '12'; give a list"),
    "unknown ids": (lambda: JudgedQuery.of("q", ["a"], ["7"]), "leave out what the first stage"),
    "negative tokens": (lambda: TokenBudget(-1), "give a whole number, 0 or more"),
    "half a token": (lambda: TokenBudget(0.5), "give a whole number, 0 or more"),  # type: ignore[arg-type]
    "a wrong counter": (
        lambda: TokenBudget(5, lambda t: -1)(Ranking.of("q", ["a"])), "must return how many",
    ),
    "labels out of range": (lambda: expected_calibration_error([0.1], [2]), "labels 0 or 1"),
    "a huge grade": (lambda: Topic("1", Ranking.of("q", []), {"d": 10**12}), "such as 0 to 3"),
    "half a grade": (lambda: Topic("1", Ranking.of("q", []), {"d": 0.5}), "a whole number"),  # type: ignore[dict-item]
    "no collection": (lambda: read_collection("nowhere"), "there is no collection nowhere"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "remedy"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments_that_do_not_fit(call: Callable[[], object], remedy: str) -> None:
    with pytest.raises((InvalidInputError, CalibrationError), match=remedy):
        call()


GOOD = {"query": "q", "texts": ["a", "b"], "labels": [1, 0]}
LINES = b"".join(b"q%d Q0 d%d 1 2 t\n" % (i, hash((i, 7))) for i in range(9999))
FILES: dict[str, tuple[Callable[[Path], object], bytes, str]] = {
    "an empty run": (read_run, b"", "is empty"),
    "a run of blank lines": (read_run, b"\n\n", "is empty"),
    "a document twice": (read_run, b"q Q0 d 1 2 t\nq Q0 d 2 1 t", "line 2.*in line 1; .* once"),
    "a run in Latin-1": (read_run, b"q Q0 d\xe9 1 2 t\n", "line 1 is not UTF-8.*to UTF-8"),
    "a run in UTF-16": (read_run, "q Q0 d 1 2 t".encode("utf-16"), "line 1 is not UTF-8"),
    "a score that is none": (read_run, b"q Q0 d 1 nan t\n", "line 1.*'query Q0 document rank"),
    "too few fields": (read_run, b"q Q0 d 1 2 t\nq d\n", "line 2 has 2 fields; a run has 'query"),
    "a cut archive": (read_run, gzip.compress(LINES)[:-3000], "behind line [0-9]+; it is damaged"),
    "half a grade": (read_qrels, b"q 0 d 1.0\n", "line 1.*'1.0' is not a whole number; .* grade 0"),
    "two grades": (read_qrels, b"q 0 d 1\nq 0 d 0\n", "line 2.*the grade 0 here and 1 before"),
    "a header alone": (read_qrels, b"query-id\tcorpus-id\tscore\n", "holds no judgement"),
    "swapped columns": (read_qrels, b"q 1 0 d\n", "'query 0 document grade'"),
    "a negative label": (read_jsonl, json.dumps({**GOOD, "labels": [1, -1]}).encode(), "0 or more"),
    "a missing label": (read_jsonl, json.dumps({**GOOD, "labels": [1]}).encode(), "1: 2 texts"),
    "a huge label": (read_jsonl, json.dumps({**GOOD, "labels": [1, 10**9]}).encode(), "1: .*1000"),
    "no labels": (read_judged, b'{"query": "q", "texts": []}', "1: no field 'labels'"),
    "no object": (read_judged, b"[1]", "line 1: not a JSON object. Expected"),
    "a grade as a label": (
        read_judged, json.dumps({**GOOD, "labels": [2, 0]}).encode(), r"relevant_from=2\).judged",
    ),
    "labels in Latin-1": (read_judged, b'\n{"query": "\xe9"}', "line 2 is not UTF-8.*to UTF-8"),
    "packed labels": (read_judged, bz2.compress(b"{}"), "unpack it"),
}  # fmt: skip


@pytest.mark.parametrize(("read", "content", "remedy"), FILES.values(), ids=FILES)
def test_files_that_do_not_fit(
    read: Callable[[Path], object], content: bytes, remedy: str, tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(InvalidInputError, match=remedy) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_packed_file_without_the_ending_is_read(tmp_path: Path) -> None:
    (tmp_path / "run").write_bytes(gzip.compress(b"q Q0 d 1 2 t\n"))
    assert list(read_run(tmp_path / "run").lists) == ["q"]


def test_a_query_that_stands_twice_is_told(tmp_path: Path) -> None:
    (tmp_path / "j.jsonl").write_text(f"{json.dumps(GOOD)}\n{json.dumps(GOOD)}\n")
    assert any("1 of 2 queries repeat" in n for n in read_jsonl(tmp_path / "j.jsonl").notes)


@pytest.mark.parametrize(
    ("qrels", "told"),
    [
        ("q1 0 a 1\nq2 0 a 0\n", "1 of 2 queries have no relevant document; they count 0"),
        ("q1 0 a 1\nq2 0 a -1\n", "1 of 2 queries have no relevant document"),
        ("q1 0 a 1\nq2 0 a 1\nq9 0 a 1\n", "1 judged queries, such as 'q9', have no text"),
        ("q1 0 a 1\n", "1 of 2 queries have no judgements"),
        ("q1 0 yy 1\nq2 0 zz 1\n", "no relevant document is among the candidates of any query"),
    ],
)
def test_judgements_that_fit_in_part_are_told(qrels: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q1 Q0 a 1 2 t\nq1 Q0 b 2 1 t\nq2 Q0 a 1 2 t\n")
    (tmp_path / "qrels").write_text(qrels)
    texts = {"a": "x", "b": "yy"}
    collection = read_trec(tmp_path / "run", tmp_path / "qrels", {"q1": "one", "q2": "two"}, texts)
    stage: Stage = LENGTH
    assert told in str(evaluate(stage, collection))
    assert told in str(compare(collection, None, stage, resamples=100))


def test_judgements_for_unknown_queries_or_without_a_relevant_document(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("q1 Q0 a 1 2 t\n")
    for qrels, told in (
        ("z 0 a 1\n", "no judged query; .* have no judgements"),
        ("q1 0 a 0\n", "check relevant_from=1 and the ids"),
    ):
        (tmp_path / "qrels").write_text(qrels)
        with pytest.raises(InvalidInputError, match=told):
            read_trec(tmp_path / "run", tmp_path / "qrels", {"q1": "one"}, {"a": "x"})


@pytest.mark.slow
def test_a_long_run_takes_little_memory(tmp_path: Path) -> None:
    """200,000 lines of 5.5 MB; what is kept is 20 documents of each of 20 queries."""
    path = tmp_path / "run"
    with path.open("w") as stream:
        for q in range(20):
            stream.writelines(f"q{q} Q0 doc{i} {i} {-i} tag\n" for i in range(10_000))
    size = path.stat().st_size
    tracemalloc.start()
    try:
        run = read_run(path, depth=20)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert {len(found) for found in run.lists.values()} == {20}
    assert peak < 1_000_000 < size


class Words(set[str]):
    """A set of its own kind."""


@pytest.mark.parametrize(
    ("docs", "words"),
    [
        (None, r"docs is None: pass a list of texts"),
        ("one text", r"docs is one string: pass a list of texts, such as \[text\]"),
        (b"one text", r"docs is bytes: .*decode"),
        ({"a": "first", "b": "second"}, r"docs is dict: pass list\(docs.values\(\)\)"),
        ({"first", "second"}, r"docs is set: which has no order.*sorted\(docs\)"),
        (Words("ab"), r"docs is Words: which has no order"),
        ({"a": "first"}.keys(), r"docs is dict_keys: which has no order"),
        (pandas.DataFrame({"id": [1], "text": ["first"]}), r"docs is DataFrame: .*one column"),
        (Candidate("a", "first"), r"docs is one Candidate: pass a list"),
        (7, r"docs is int 7: pass a list of texts"),
    ],
)
def test_what_is_not_a_list_of_documents_is_refused(docs: Any, words: str) -> None:
    for use in (
        lambda: Ranking.of("q", docs),
        lambda: rerank("q", docs, model=NUMBER),
        lambda: JudgedQuery.of("q", docs, []),
    ):
        with pytest.raises(InvalidInputError, match=words):
            use()


def test_anything_that_gives_texts_in_an_order_is_taken() -> None:
    texts = ["3", "1", "2"]
    column = pandas.DataFrame({"text": texts})["text"]
    for docs in (texts, tuple(texts), iter(texts), (t for t in texts), column, column.to_numpy()):
        assert [c.text for c in Ranking.of("q", docs)] == texts
