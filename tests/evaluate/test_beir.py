from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from secondpass import InvalidInputError
from secondpass.evaluate import evaluate, headroom, read_beir, read_collection

DOCS = [
    {"_id": "d1", "title": "Cats", "text": "purr at night"},
    {"_id": "d2", "text": "dogs bark"},
    {"_id": "d3", "title": "", "text": "cats and dogs"},
]


def jsonl(rows: list[dict[str, str]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress(jsonl(DOCS).encode()))
    (tmp_path / "queries.jsonl").write_text(jsonl([{"_id": "1", "text": "do cats purr?"}]))
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels/test.tsv").write_text(
        "query-id\tcorpus-id\tscore\n1\td3\t0\n1\td1\t1\n1\tlost\t1\n"
    )
    (tmp_path / "run.mine.txt").write_text("1 Q0 d2 1 2 mine\n1 Q0 d1 2 1 mine\n")
    return tmp_path


def test_bm25_is_made_where_no_run_is_given(folder: Path) -> None:
    c = read_beir(folder)
    assert c[0].ranking.ids == ["d1", "d3"]  # no word of d2 is asked for
    assert c[0].ranking[0].text == "Cats purr at night"
    assert c[0].ranking[0].trail[0].stage == "bm25"
    assert "the first stage is BM25, computed here" in c.notes[0]
    assert "run.mine.txt" in c.notes[0]
    assert "1 of 3 judged documents are not in the corpus" in c.notes[1]


def test_a_run_or_the_judged_documents_instead(folder: Path) -> None:
    for run in ("run.mine.txt", folder / "run.mine.txt"):
        assert read_collection(folder, run)[0].ranking.ids == ["d2", "d1"]
    judged = read_collection(folder, "judged")
    assert judged[0].ranking.ids == ["d3", "d1"]
    assert any("in the order of the judgements" in note for note in judged.notes)


def test_trecs_own_judgements_come_first(folder: Path) -> None:
    (folder / "qrels_full.txt").write_text("1 0 d2 3\n")
    assert read_beir(folder)[0].grades == {"d2": 3}
    assert read_beir(folder, qrels="qrels/test.tsv")[0].grades["d1"] == 1


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("corpus.jsonl", jsonl([DOCS[0], DOCS[0]]), "line 2: the id 'd1' is already"),
        ("corpus.jsonl", '{"_id": "d1"}', "line 1 needs '_id' and a string in 'text'"),
        ("queries.jsonl", '{"text": "q"}', "line 1 needs '_id'"),
        ("queries.jsonl", "", "is empty"),
        ("qrels/test.tsv", "1\td1\n", "line 1 has 2 fields"),
    ],
)
def test_bad_files_are_named(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(InvalidInputError, match=message) as raised:
        read_beir(folder)
    assert file in str(raised.value)


def test_absent_files_are_named(folder: Path) -> None:
    with pytest.raises(InvalidInputError, match="there is no file"):
        read_beir(folder, "run.other.txt")
    (folder / "qrels/test.tsv").unlink()
    with pytest.raises(InvalidInputError, match=r"has no judgements: qrels_full\.txt"):
        read_beir(folder)
    with pytest.raises(InvalidInputError, match="is not a folder"):
        read_beir(folder / "none")
    (folder / "queries.jsonl").rename(folder / "qrels.tsv")
    with pytest.raises(InvalidInputError, match="fields; judgements have"):
        read_beir(folder)


def test_the_literatures_figures(shared: Path) -> None:
    """Anserini's BM25 on the TREC 2019 deep learning track has nDCG@10 .5058."""
    folder = shared / "data/eval/trec-dl19"
    if not folder.is_dir():
        pytest.skip("needs trec-dl19, which is not part of the repository")
    c = read_collection(folder, run="run.bm25.txt.gz", relevant_from=2)
    assert round(evaluate(None, c, "nDCG@10").means["nDCG@10"], 4) == 0.5058
    assert len(c) == 43
    limits = headroom(c)
    assert limits.recall == pytest.approx(evaluate(None, c, "R@100").means["R@100"])
    assert 0.5058 < limits.ideal < limits.perfect == 1
