from __future__ import annotations

import random
from pathlib import Path

import ir_measures
import pytest

from secondpass import InvalidInputError
from secondpass.evaluate import evaluate, read_qrels, read_run, read_trec

TEXTS = {d: f"text of {d}" for d in "abcd"}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    path = tmp_path / "run.txt"
    path.write_text("1 Q0 a 1 1.5 x\n1 Q0 b 9 2.5 x\n2\tQ0\tc\t1\t1.0\tx\n")
    return path


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    path = tmp_path / "qrels.txt"
    path.write_text("1 0 a 1\n1 0 z 2\n2 0 c 0\n")
    return path


def test_the_score_decides_and_not_the_rank(run: Path) -> None:
    read = read_run(run)
    assert {q: [f.doc for f in found] for q, found in read.lists.items()} == {
        "1": ["b", "a"],
        "2": ["c"],
    }
    few = read_run(run, depth=1, queries={"1"})
    assert [f.doc for f in few.lists["1"]] == ["b"]
    assert few.ignored == 1


def test_ties_and_long_lists_are_ordered_as_trec_eval_orders_them(tmp_path: Path) -> None:
    drawn = random.Random(0)
    docs = [f"d{i}" for i in range(60)]
    drawn.shuffle(docs)
    scores = {d: float(drawn.randrange(9)) for d in docs}
    path = tmp_path / "run.txt"
    path.write_text("".join(f"1 Q0 {d} 0 {s} x\n" for d, s in scores.items()))
    grades = {d: drawn.randrange(3) for d in docs}
    (tmp_path / "qrels").write_text("".join(f"1 0 {d} {g}\n" for d, g in grades.items()))
    names = ("nDCG@10", "RR@10", "AP@10", "R@10", "P@10")
    # pruned on the way: 60 lines, 12 kept
    c = read_trec(path, tmp_path / "qrels", {"1": "q"}, dict.fromkeys(docs, "t"), depth=12)
    ours = evaluate(None, c, names).means
    measures = [ir_measures.parse_measure(n) for n in names]
    theirs = ir_measures.calc_aggregate(measures, {"1": grades}, {"1": scores})
    assert ours == pytest.approx({str(m): v for m, v in theirs.items()}, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 Q0 a 1\n", "line 1 has 4 fields"),
        ("1 Q0 a 1 1.5 x\n1 Q0 b 2 high x\n", "line 2: the score 'high'"),
        ("1 Q0 a 1 nan x\n", "not a finite number"),
        ("1 Q0 a 1 2 x\n1 Q0 b 2 1 x\n1 Q0 a 3 0 x\n", "line 3: .* 'a' already in line 1"),
    ],
)
def test_bad_runs_name_the_line(run: Path, text: str, message: str) -> None:
    run.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_run(run)


def test_judgements_in_both_formats(qrels: Path) -> None:
    trec = read_qrels(qrels)
    assert trec == {"1": {"a": 1, "z": 2}, "2": {"c": 0}}
    qrels.write_text("query-id\tcorpus-id\tscore\n1\ta\t1\n1\tz\t2\n2\tc\t0\n2\tc\t0\n")
    assert read_qrels(qrels) == trec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 a\n", "line 1 has 2 fields"),
        ("1\ta\t1\n1\tb\tgood\n", "line 2: the grade 'good'"),
        ("1 0 a 1.5\n", r"the grade '1\.5'"),
        ("1 0 a 1\n1 0 a 2\n", "line 2: the document 'a' of query '1' has the grade 2 here and 1"),
        ("query-id\tcorpus-id\tscore\n", "holds no judgements"),
    ],
)
def test_bad_judgements_name_the_line(qrels: Path, text: str, message: str) -> None:
    qrels.write_text(text)
    with pytest.raises(InvalidInputError, match=message):
        read_qrels(qrels)


def test_a_collection_counts_what_does_not_fit(run: Path, qrels: Path) -> None:
    with qrels.open("a") as stream:
        stream.write("3 0 a 1\n4 0 a 1\n")
    with run.open("a") as stream:
        stream.write("9 Q0 a 1 1 x\n")
    c = read_trec(run, qrels, {"1": "one", "2": "two", "3": "three", "5": "five"}, TEXTS)
    assert [(t.id, t.ranking.ids) for t in c] == [("1", ["b", "a"]), ("2", ["c"]), ("3", [])]
    assert c[0].grades == {"a": 1, "z": 2}
    assert c[0].ranking[0].trail[0].score == 2.5
    notes = " / ".join(c.notes)
    assert "1 lines of" in notes
    assert "1 of 4 queries have no judgements" in notes
    assert "1 judged queries, such as '4', have no text" in notes
    assert "the first stage found nothing for 1 of 3 queries" in notes


def test_candidates_without_a_text_are_an_error(run: Path, qrels: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"1 candidates have no text, such as 'b' .*line 2"):
        read_trec(run, qrels, {"1": "one"}, {"a": "only this"})


def test_nothing_relevant_at_all_is_an_error(run: Path, qrels: Path) -> None:
    with pytest.raises(InvalidInputError, match="grade 3 or more"):
        read_trec(run, qrels, {"1": "one"}, TEXTS, relevant_from=3)
    with pytest.raises(InvalidInputError, match=r"no judged query; .*1 of 1 queries have no judg"):
        read_trec(run, qrels, {"7": "other ids"}, TEXTS)
