"""The built-in model reads long texts whole, and short ones as ever."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from secondpass import Ranking, load, rerank
from secondpass.core.deadline import ends_within
from secondpass.models.builtin.model import Builtin

QUERY = "who wrote Faust?"
ANSWER = "Goethe wrote Faust in Weimar. "
FILLER = "Cats sleep for most of the day. "
SHORT = ["Goethe wrote Faust.", "", FILLER * 10]
SIZE = {"max_length": 64}


@pytest.fixture(scope="module")
def whole() -> Builtin:
    return Builtin(max_length=64)


@pytest.fixture(scope="module")
def cut() -> Builtin:
    return Builtin(max_length=64, chunks=1)


def test_the_answer_is_found_wherever_it_stands(whole: Builtin, cut: Builtin) -> None:
    texts = [FILLER * place + ANSWER + FILLER * (29 - place) for place in range(0, 30, 9)]
    found = whole.score([(QUERY, text) for text in texts])
    lost = cut.score([(QUERY, text) for text in texts])
    (nothing,) = whole.score([(QUERY, FILLER * 30)])
    assert min(found) > nothing + 2
    assert max(found) - min(found) < 4
    assert max(lost[1:]) < nothing + 0.5


def test_short_texts_keep_their_scores(whole: Builtin, cut: Builtin) -> None:
    pairs = [(QUERY, text) for text in SHORT[:2]]
    alone = cut.score_with_notes(pairs)
    mixed = whole.score_with_notes([*pairs, (QUERY, FILLER * 50)])
    assert mixed[0][:2] == pytest.approx(alone[0], abs=1e-6)
    assert mixed[1][:2] == alone[1] == [{}, {}]


def test_its_best_chunks_are_the_evidence(whole: Builtin) -> None:
    text = FILLER * 40 + ANSWER + FILLER * 40
    (score,), (note,) = whole.score_with_notes([(QUERY, text)])
    (start, end, best), *_ = note["evidence"]
    assert best == score
    assert ANSWER.strip() in text[int(start) : int(end)]
    assert "cut_tokens" not in note
    assert note["chunks"] > 5


def test_a_cap_is_noted() -> None:
    model = Builtin(max_length=64, chunks=2)
    _, (note,) = model.score_with_notes([(QUERY, FILLER * 50)])
    assert note["chunks"] == 2
    assert note["unread_chunks"] > 3
    ranking = load("builtin", options={**SIZE, "chunks": 2})(Ranking.of(QUERY, [FILLER * 50]))
    assert [e.kind for e in ranking.events] == ["truncated"]


def test_a_deadline_leaves_the_beginning(whole: Builtin) -> None:
    with ends_within(1e-9):
        _, (note,) = whole.score_with_notes([(QUERY, FILLER * 50)])
    assert note["chunks"] == 1
    assert note["late_chunks"] > 3
    stage = load("builtin:raw", options=SIZE)
    ranking = stage.within(1e-9)(Ranking.of(QUERY, [FILLER * 50]))
    assert ranking.status == "partial"


def test_kept_vectors_serve_chunks(tmp_path: Path, whole: Builtin) -> None:
    text = "".join(f"Cats sleep on day {day}. " for day in range(40)) + ANSWER
    split = Builtin(max_length=64, vectors=tmp_path / "vectors")
    assert split.encode([text]) == 1
    kept = len(split._store)  # type: ignore[arg-type]
    assert kept > 5
    (score,), _ = split.score_with_notes([(QUERY, text)])
    assert len(split._store) == kept  # type: ignore[arg-type]
    assert score == pytest.approx(whole.score([(QUERY, text)])[0], abs=split.tolerance)


def test_the_one_liner_reads_on() -> None:
    text = FILLER * 90 + ANSWER + FILLER * 90
    ranking = rerank(QUERY, [FILLER * 180, text])
    assert ranking.ids == ["1", "0"]
    assert ranking.scale == "probability"
    assert not [e for e in ranking.events if e.kind == "truncated"]
    assert "Goethe" in text[slice(*ranking[0].evidence[0][:2])]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own peak figure")
def test_a_hundred_thousand_words_fit_in_memory() -> None:
    code = (
        "from secondpass import rerank\n"
        "text = ('Cats sleep for most of the day. ' * 15_000)[:-40] + 'Goethe wrote Faust. '\n"
        "assert len(text.split()) > 100_000\n"
        "ranking = rerank('who wrote Faust?', [text])\n"
        "assert 'Goethe' in text[slice(*ranking[0].evidence[0][:2])]\n"
        "(peak,) = [l for l in open('/proc/self/status') if l.startswith('VmHWM')]\n"
        "print(int(peak.split()[1]) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500
