"""The built-in model reads long texts whole, and short ones as ever."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from secondpass import Ranking, load, rerank
from secondpass.core.deadline import ends_within
from secondpass.models.builtin.model import Builtin
from secondpass.stages.evidence import SpanRequest
from secondpass.stages.sentences import split_sentences
from secondpass.stages.split_chunks import split_chunks

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


class Watched:
    """A model's session, and every row of token ids that it was given, without the padding."""

    def __init__(self, model: Builtin) -> None:
        self.session = model._session.session
        self.inputs, self.outputs = self.session.inputs, self.session.outputs
        self.rows: Counter[tuple[int, ...]] = Counter()
        model._session = replace(model._session, session=self)

    def __call__(self, outputs, feed):
        for ids, mask in zip(feed["input_ids"], feed["attention_mask"], strict=True):
            self.rows[tuple(ids[: mask.sum()])] += 1
        return self.session(outputs, feed)

    @property
    def tokens(self) -> int:
        return sum(len(row) * count for row, count in self.rows.items())


@pytest.fixture
def watched() -> tuple[Builtin, Watched]:
    model = Builtin(max_length=64)
    return model, Watched(model)


def numbered(sentences: int) -> str:
    """A text without a repetition, so that a chunk that is read twice is seen."""
    return "".join(f"Cats sleep on day {day} of the year. " for day in range(sentences))


def test_every_text_is_read_once(watched: tuple[Builtin, Watched]) -> None:
    model, seen = watched
    long = [numbered(40) + ANSWER, numbered(15).replace("Cats", "Dogs")]
    pairs = [(q, t) for q in (QUERY, "who sleeps?") for t in (long[0], SHORT[0], long[1])]
    scores, notes = model.score_with_notes(pairs)
    chunks = [split_chunks(text, 61, 0, model.count_tokens) for text in long]
    assert set(seen.rows.values()) == {1}  # also each query
    assert len(seen.rows) == 2 + 1 + sum(map(len, chunks))
    read = seen.tokens - 2 * len(seen.rows)  # [CLS] and [SEP]
    assert read == sum(model.count_tokens([QUERY, "who sleeps?", SHORT[0], *long]))
    assert [note.get("chunks") for note in notes[:3]] == [len(chunks[0]), None, len(chunks[1])]
    assert scores == pytest.approx([model.score([pair])[0] for pair in pairs], abs=model.tolerance)


def test_the_work_is_linear_in_the_length(watched: tuple[Builtin, Watched]) -> None:
    model, seen = watched
    read = []
    for sentences in (50, 100, 200):
        seen.rows.clear()
        model.score([(QUERY, numbered(sentences))])
        read.append(seen.tokens)
    assert 1.9 < read[1] / read[0] < 2.1
    assert 1.9 < read[2] / read[1] < 2.1


def test_the_beginnings_come_first_and_once(watched: tuple[Builtin, Watched]) -> None:
    model, seen = watched
    texts = [numbered(30), numbered(30)[5:], SHORT[0]]
    with ends_within(1e-9):
        _, notes = model.score_with_notes([(QUERY, text) for text in texts])
    assert [note.get("chunks") for note in notes] == [1, 1, None]
    assert len(seen.rows) == 4
    assert set(seen.rows.values()) == {1}
    with ends_within(60):
        _, notes = model.score_with_notes([(QUERY, text) for text in texts])
    assert not any("late_chunks" in note for note in notes)
    assert notes[0]["chunks"] > 3


def test_progress_counts_chunks_as_well() -> None:
    said: list[tuple[int, int]] = []
    model = Builtin(max_length=64, on_progress=lambda done, total: said.append((done, total)))
    said.clear()  # of the smoke test
    model.score([(QUERY, numbered(40)), (QUERY, SHORT[0])])
    assert said[-1][0] == said[-1][1] > 5
    assert [done for done, _ in said] == sorted(done for done, _ in said)


def test_a_text_is_read_once_for_the_evidence_of_many_queries(
    watched: tuple[Builtin, Watched],
) -> None:
    model, seen = watched
    text = "Goethe wrote Faust. Cats sleep. Dogs bark at night."
    places = [(s.start, s.end) for s in split_sentences(text)]
    queries = [QUERY, "who barks?", "who sleeps?"]
    found = model.score_spans([SpanRequest(query, text, places) for query in queries])
    assert sum(seen.rows.values()) == 4
    assert [scores.index(max(scores)) for scores in found] == [0, 2, 1]


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
    assert split.encode([text, "short", text]) == 2
    kept = len(split._store)  # type: ignore[arg-type]
    assert kept == 1 + len(split_chunks(text, 61, 0, whole.count_tokens)) > 5
    assert split.encode([text, "short"]) == 0
    (score,), (note,) = split.score_with_notes([(QUERY, text)])
    assert note["stored"]
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
        "days = ''.join(f'Cats sleep on day {day} of the year. ' for day in range(12_600))\n"
        "text = days + 'Goethe wrote Faust. '\n"
        "assert len(text.split()) > 100_000\n"
        "ranking = rerank('who wrote Faust?', [text])\n"
        "assert ranking[0].trail[0].note['chunks'] > 1_000\n"
        "assert 'Goethe' in text[slice(*ranking[0].evidence[0][:2])]\n"
        "(peak,) = [l for l in open('/proc/self/status') if l.startswith('VmHWM')]\n"
        "print(int(peak.split()[1]) // 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 500
