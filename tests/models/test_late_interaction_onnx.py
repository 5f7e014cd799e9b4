"""A query and a text are read apart, and the score is that of the joint file."""

from __future__ import annotations

import json
import pickle
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from secondpass import (
    Cached,
    InvalidInputError,
    LateInteraction,
    ModelError,
    OnnxCrossEncoder,
    Ranking,
    Score,
    load,
)
from secondpass.models.builtin import FOLDER
from secondpass.models.onnx.passage_cache import PassageCache
from secondpass.models.onnx.session import OnnxSession
from secondpass.testing import check_scorer, check_stage

QUERY = "who wrote Faust?"
TEXTS = [
    "Johann Wolfgang von Goethe wrote the play Faust, published in two parts.",
    "Cats sleep for most of the day.",
    "Faust is a district of a small town, and nobody wrote it. " * 20,
    "",
]
PAIRS = [(QUERY, text) for text in TEXTS] + [("how long do cats sleep?", TEXTS[1])]


@pytest.fixture(scope="module")
def model() -> LateInteraction:
    return LateInteraction(FOLDER)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def test_it_scores_as_the_joint_file_does(model: LateInteraction) -> None:
    # the same arithmetic on rows of another length; int8 rounds a few of them the other way
    assert model.score(PAIRS) == pytest.approx(OnnxCrossEncoder(FOLDER).score(PAIRS), abs=0.1)


def test_the_laws(model: LateInteraction) -> None:
    check_scorer(model)
    check_stage(load(f"late-interaction:{FOLDER}"))


def test_a_text_is_read_once_however_many_queries_ask(
    model: LateInteraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    real = OnnxSession.__call__

    def counted(session: OnnxSession, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        read.append(len(feed["input_ids"]))
        return real(session, outputs, feed)

    monkeypatch.setattr(OnnxSession, "__call__", counted)
    model.score([(f"question {i}", text) for i in range(5) for text in TEXTS])
    assert sum(read) == 5 + len(TEXTS)


def test_a_text_may_be_as_long_as_the_model_reads_whatever_the_query(folder: Path) -> None:
    model = LateInteraction(folder, max_length=32, chunks=1)
    words = "word " * 100
    _, (note, other) = model.score_with_notes([(words, "short"), ("short", words)])
    assert note == {"cut_query_tokens": 70}
    assert other == {"cut_tokens": 70, "read_tokens": 30}
    with pytest.raises(ModelError, match="max_length=2 leaves no room"):
        LateInteraction(folder, max_length=2, verify=False)


def test_kept_vectors_give_the_same_scores_without_reading_a_text(
    tmp_path: Path, model: LateInteraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = model.score(PAIRS)
    kept = LateInteraction(FOLDER, vectors=tmp_path / "texts.vectors")
    assert kept.encode(TEXTS[:2]) == 2
    assert kept.encode(TEXTS) == 2
    again = LateInteraction(FOLDER, vectors=tmp_path / "texts.vectors")
    read: list[int] = []
    real = OnnxSession.__call__

    def counted(session: OnnxSession, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        read.append(len(feed["input_ids"]))
        return real(session, outputs, feed)

    monkeypatch.setattr(OnnxSession, "__call__", counted)
    scores, notes = again.score_with_notes(PAIRS)
    assert sum(read) == len({query for query, _ in PAIRS})
    assert scores == pytest.approx(expected, abs=LateInteraction.tolerance)
    assert all(note["stored"] for note in notes)


def test_what_is_met_for_the_first_time_is_kept_too(tmp_path: Path, model: LateInteraction) -> None:
    first = LateInteraction(FOLDER, vectors=tmp_path / "texts.vectors")
    scores, notes = first.score_with_notes(PAIRS)
    assert scores == pytest.approx(model.score(PAIRS), abs=LateInteraction.tolerance)
    assert not any("stored" in note for note in notes)
    assert all(note["stored"] for note in first.score_with_notes(PAIRS)[1])


def test_a_damaged_row_is_read_again_and_told(tmp_path: Path, model: LateInteraction) -> None:
    file = tmp_path / "texts.vectors"
    LateInteraction(FOLDER, vectors=file).encode(TEXTS)
    with closing(sqlite3.connect(file)) as database, database:
        (key,) = database.execute("SELECT key FROM texts").fetchone()
        database.execute("UPDATE texts SET vectors = zeroblob(386 * 9) WHERE key = ?", (key,))
    stage = load(f"late-interaction:{FOLDER}", options={"vectors": file})
    ranking = stage(Ranking.of(QUERY, TEXTS))
    expected = load(f"late-interaction:{FOLDER}")(Ranking.of(QUERY, TEXTS))
    assert ranking.ids == expected.ids
    assert ranking.scores == pytest.approx(expected.scores, abs=LateInteraction.tolerance)
    assert [e.kind for e in ranking.events if e not in expected.events] == ["stored-vector-damaged"]
    notes = [c.trail[-1].note for c in ranking]
    assert sum("stored_vector_damaged" in note for note in notes) == 1
    again = stage(Ranking.of(QUERY, TEXTS))
    assert again.events == expected.events
    assert all(c.trail[-1].note["stored"] for c in again)


def test_a_file_that_fails_costs_no_scores_and_is_told(
    tmp_path: Path, model: LateInteraction, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "texts.vectors"
    impatient = partial(PassageCache, lock_timeout=0.0)
    monkeypatch.setattr("secondpass.models.onnx.segment_scorer.PassageCache", impatient)
    kept = LateInteraction(FOLDER, vectors=file)
    expected = Score(model)(Ranking.of(QUERY, TEXTS))
    for kind, failed in (("EXCLUSIVE", "not read"), ("IMMEDIATE", "not written")):
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute(f"BEGIN {kind}")
            ranking = Score(kept)(Ranking.of(QUERY, TEXTS))
            with pytest.raises(ModelError, match=rf"texts.vectors was {failed}: .*locked"):
                kept.encode(TEXTS)
        assert ranking.scores == pytest.approx(expected.scores, abs=LateInteraction.tolerance)
        (event,) = (e for e in ranking.events if e not in expected.events and e.kind != "truncated")
        assert event.kind == "vector-file-failed"
        assert f"was {failed}: database is locked" in event.message
    assert kept.encode(TEXTS) == len(TEXTS)


def test_one_wait_for_a_lock_however_many_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[int] = []
    monkeypatch.setattr(
        PassageCache,
        "add",
        lambda self, texts: (waits.append(len(texts)), "not written: locked")[1],
    )
    kept = LateInteraction(FOLDER, vectors=tmp_path / "v", token_budget=1, threads=1)
    kept.score([(QUERY, f"a text {i}") for i in range(5)])
    assert waits == [1]


def test_texts_that_a_read_only_file_lacks_cannot_be_encoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    LateInteraction(FOLDER, vectors=tmp_path / "v").encode(TEXTS[:1])
    monkeypatch.setattr("os.access", lambda path, mode: False)
    kept = LateInteraction(FOLDER, vectors=tmp_path / "v")
    assert kept.encode(TEXTS[:1]) == 0
    with pytest.raises(ModelError, match="was not written: it is read-only"):
        kept.encode(TEXTS)
    assert Score(kept)(Ranking.of("file", ["a new text"])).events == ()  # nobody asked to keep it


def test_its_scores_are_not_those_of_the_joint_file(folder: Path, tmp_path: Path) -> None:
    apart, joint = LateInteraction(folder), OnnxCrossEncoder(folder)
    assert apart.name != joint.name
    assert apart.name.startswith(f"late-interaction:{folder}@")
    pairs = [("word " * 300, "text " * 300)]  # cut to 512 tokens together, or not at all
    scores = [
        Cached(scorer, disk=tmp_path / "scores.db").score(pairs)[0] for scorer in (apart, joint)
    ]
    assert scores == [apart.score(pairs)[0], joint.score(pairs)[0]]
    assert abs(scores[0] - scores[1]) > 0.1


def test_its_name_changes_with_how_it_matches(folder: Path) -> None:
    before = LateInteraction(folder).name
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"scales": [10.0, 1.0]}))
    assert LateInteraction(folder, verify=False).name != before


def test_kept_scores_depend_on_how_much_is_read_and_whether_vectors_were_kept(
    folder: Path, tmp_path: Path
) -> None:
    options: list[dict[str, object]] = [
        {}, {"max_length": 64}, {"vectors": tmp_path / "v"},
        {"threads": 1, "token_budget": 64}, {"max_length": 1024}, {"vectors": tmp_path / "w"},
    ]  # fmt: skip
    keys = [LateInteraction(folder, **some).cache_key for some in options]  # type: ignore[arg-type]
    assert len(set(keys[:3])) == 3
    assert keys[3] == keys[4] == keys[0]  # 512 positions
    assert keys[5] == keys[2]


def test_vectors_of_other_lengths_are_not_mixed(tmp_path: Path) -> None:
    LateInteraction(FOLDER, vectors=tmp_path / "v", max_length=64)
    with pytest.raises(ModelError, match=r"holds vectors of .*64 tokens.*delete it"):
        LateInteraction(FOLDER, vectors=tmp_path / "v", max_length=128)


def test_encoding_without_a_file_says_what_to_do(model: LateInteraction) -> None:
    with pytest.raises(InvalidInputError, match="vectors='FILE'"):
        model.encode(["a text"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden_size": float("inf")},
        {"scales": None},
        {"scales": [1.0]},
        {"scales": [1, 2, 3]},
        {"sharpness": "soft"},
    ],
)
def test_a_config_that_does_not_say_how_to_match_is_refused(
    folder: Path, wrong: dict[str, object]
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | wrong))
    with pytest.raises(ModelError, match=r"does not say how to match.*secondpass export"):
        LateInteraction(folder, verify=False)


def test_a_joint_model_is_refused(folder: Path) -> None:
    import onnx

    graph = onnx.load(folder / "model.onnx")
    del graph.graph.output[1:]
    onnx.save(graph, folder / "model.onnx")
    with pytest.raises(ModelError, match=r"does not give token_vectors.*Use it as 'onnx:"):
        LateInteraction(folder)


def test_it_pickles_with_its_file(tmp_path: Path) -> None:
    kept = LateInteraction(FOLDER, vectors=tmp_path / "v", max_length=64)
    scores = kept.score(PAIRS)
    again = pickle.loads(pickle.dumps(kept))
    assert again.vectors == str(tmp_path / "v")
    assert again.score(PAIRS) == pytest.approx(scores, abs=LateInteraction.tolerance)


def test_the_built_in_model_split(tmp_path: Path) -> None:
    ranking = Ranking.of(QUERY, TEXTS)
    split = load(f"builtin-split:{tmp_path / 'v'}")
    assert split(ranking).scores == pytest.approx(load("builtin")(ranking).scores, abs=0.01)
    second = split(ranking)
    assert second.scale == "probability"
    assert all(c.trail[-2].note["stored"] for c in second)
    assert json.loads((FOLDER / "config.json").read_text())["scales"]
