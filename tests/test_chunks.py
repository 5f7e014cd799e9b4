"""Long texts are read in chunks: all of them, once each, and short ones as ever."""

from __future__ import annotations

import itertools
import math
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from secondpass import (
    BM25,
    Budget,
    Candidate,
    InvalidInputError,
    NoScoresError,
    Order,
    Ranking,
    Rate,
    Recipe,
    Score,
    Top,
    calibrated,
    load,
)
from secondpass.calibrate import JudgedQuery
from secondpass.core.deadline import ends_within
from secondpass.judge import CostEvent
from secondpass.models.cache.scores import Cached
from secondpass.stages import Chunks
from secondpass.stages.combine import combination
from secondpass.stages.sentences import cut_sentence, split_sentences, trimmed
from secondpass.stages.split_chunks import estimate_tokens, split_chunks
from secondpass.testing import FakeAsyncJudge, FakeScorer, check_stage
from secondpass.testing.doubles import FakeJudge

QUERY = "who wrote Faust?"
ANSWER = "Goethe wrote Faust in Weimar."
FILLER = "Cats sleep for most of the day. "


class Counting:
    """Shared words, and how many pairs and characters were asked for."""

    name = "counting"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.characters = 0

    def score(self, pairs):
        self.calls.append(len(pairs))
        self.characters += sum(len(text) for _, text in pairs)
        return [float(len({*q.split()} & {*t.split()})) for q, t in pairs]


STRANGE = [
    "",
    " \n\t ",
    "a" * 50_000,
    "word " * 10_000,
    "e\u0301" * 3_000,
    "\U0001f469\u200d\U0001f680" * 2_000,
    "שלום עולם. זה משפט שני? כן. " * 200,
    "هذا نص. وهذه جملة ثانية؟ نعم! " * 200,
    "深入研究表明。这是第二句。" * 200,
    "a lone \ud800 surrogate. " * 200,
    "| a | b |\n|---|---|\n" + "| 1 | 2 |\n" * 500,
    "<div><p>One. Two.</p></div>" * 200,
    "def f(x):\n    return x.y + 1.5\n\n\n" * 200,
    "# Title\r\n\r\n- one\r\n- two\r\n" * 200,
]


@pytest.mark.parametrize("text", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("overlap", [0, 20])
def test_chunks_are_the_text(text: str, overlap: int) -> None:
    places = split_chunks(text, 64, overlap)
    assert places[0][0] == 0
    assert places[-1][1] == len(text)
    for (start, end), (following, last) in itertools.pairwise(places):
        assert start < following <= end < last
        assert overlap or following == end
    assert max(estimate_tokens([text[a:b] for a, b in places])) <= 64


@given(st.text(max_size=200), st.integers(1, 30), st.integers(0, 10))
@example("\n\nA.\n\n  B. ", 3, 0)
def test_sentences_and_chunks_leave_no_gap(text: str, tokens: int, overlap: int) -> None:
    sentences = split_sentences(text)
    assert "".join(text[s.start : s.end] for s in sentences) == text
    for sentence in sentences:
        start, end = trimmed(text, sentence.start, sentence.end)
        assert text[start:end] == text[sentence.start : sentence.end].strip()
    places = split_chunks(text, tokens, min(overlap, (tokens - 1) // 2))
    reached = 0
    for start, end in places:
        assert start <= reached
        reached = end
    assert reached == len(text)


def test_a_letter_keeps_its_accents() -> None:
    text = "e\u0301" * 500
    for start, end in cut_sentence(text, 0, len(text), 7):
        assert not unicodedata.combining(text[start])
        assert text[start:end] == "e\u0301" * ((end - start) // 2)


def test_paragraphs_end_chunks() -> None:
    text = ("One sentence is here. " * 12 + "\n\n") * 6
    ends = [text[start:end].rstrip(" ").endswith("\n\n") for start, end in split_chunks(text, 90)]
    assert all(ends)


def test_a_long_text_is_found_and_stays_whole() -> None:
    long = FILLER * 300 + ANSWER + " " + FILLER * 300
    docs = [FILLER * 3, long, "", FILLER * 300]
    payload = object()
    candidates = [Candidate(str(i), text, {"n": i}, payload=payload) for i, text in enumerate(docs)]
    scorer = Counting()
    ranking = Chunks(Score(scorer), tokens=64)(Ranking.of(QUERY, candidates))
    best = ranking[0]
    assert (best.id, best.text, best.payload, best.position) == ("1", long, payload, 1)
    assert "Goethe" in best.text[slice(*best.evidence[0][:2])]
    assert best.trail[-1].note["chunks"] > 50
    assert scorer.calls == [sum(len(split_chunks(t, 64)) for t in docs)]  # all in one batch
    assert ranking.scale == "raw"


def test_the_work_is_linear_in_the_length() -> None:
    words = {}
    for count in (1_000, 2_000, 4_000):
        scorer = Counting()
        Chunks(Score(scorer), tokens=64)(Ranking.of(QUERY, [FILLER * count]))
        words[count] = (scorer.calls[0], scorer.characters)
    assert words[2_000][0] <= 2 * words[1_000][0] + 1
    assert words[4_000][0] <= 2 * words[2_000][0] + 1
    assert words[4_000][1] == 4 * words[1_000][1]


def test_combinations() -> None:
    scores = [1.0, -2.0, 3.0]
    assert combination("max")(scores) == 3.0
    assert combination("mean")(scores) == pytest.approx(2 / 3)
    assert combination("mean of best 2")(scores) == 2.0
    assert combination("mean of best 9")(scores) == pytest.approx(2 / 3)
    expected = math.log(math.exp(1) + math.exp(-2) + math.exp(3))
    assert combination("log-sum-exp")(scores) == pytest.approx(expected)
    assert combination("log-sum-exp")([-1e6, -1e6]) == pytest.approx(-1e6, rel=1e-5)
    for name in ("max", "mean", "mean of best 3", "log-sum-exp"):
        assert combination(name)([0.25]) == 0.25


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tokens": 0}, "at least 1"),
        ({"tokens": -1}, "tokens=-1"),
        ({"tokens": 10, "overlap": 5}, "less than half"),
        ({"combine": "median"}, "combine='median'"),
        ({"combine": "mean of best 0"}, "combine="),
        ({"at_most": 0}, "at least 1"),
    ],
)
def test_arguments_that_make_no_sense(arguments, message) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Chunks(Score(FakeScorer()), **arguments)


def test_what_cannot_be_read_in_chunks() -> None:
    with pytest.raises(InvalidInputError, match="reads with a stage"):
        Chunks(FakeScorer())  # type: ignore[arg-type]
    ranking = Ranking.of(QUERY, [FILLER * 200])
    with pytest.raises(InvalidInputError, match="put stages that cut behind"):
        Chunks(Score(FakeScorer()) >> Top(1), tokens=64)(ranking)
    with pytest.raises(NoScoresError, match="a judge stands behind"):
        Chunks(Order(FakeJudge()), tokens=64)(ranking)


def test_a_cap_is_an_event_and_a_note() -> None:
    long = FILLER * 200 + ANSWER
    ranking = Chunks(Score(FakeScorer()), tokens=64, at_most=2)(Ranking.of(QUERY, [long, "short"]))
    (event,) = [e for e in ranking.events if e.kind == "truncated"]
    assert event.message.startswith("1 of 2 texts have more than 2 chunks")
    note = next(c for c in ranking if c.id == "0").trail[-1].note
    assert note["chunks"] == 2
    assert note["unread_chunks"] > 10


def test_laws_and_recipes() -> None:
    stage = Chunks(Score(FakeScorer()), tokens=8, overlap=2, combine="mean of best 2", at_most=5)
    check_stage(stage)
    check_stage(Chunks(load("bm25"), tokens=16))
    recipe = Recipe.of(Chunks(load("builtin:raw"), 64, 8, "max", 9))
    assert recipe.stage().name == Recipe.of_dict(recipe.to_dict()).stage().name


def test_a_calibrator_is_fitted_behind_it() -> None:
    stage = Chunks(Score(FakeScorer()), tokens=16)
    judged = [
        JudgedQuery.of(f"{QUERY} {i}", [FILLER * 20 + ANSWER, FILLER * 20, "Faust"], ["0"])
        for i in range(12)
    ]
    fitted = calibrated(stage, judged)
    ranking = fitted.pipeline(judged[0].ranking)
    assert ranking.scale == "probability"
    assert ranking.ids[0] == "0"
    assert ranking[0].evidence


def test_a_deadline_reads_the_first_chunks_of_all_first() -> None:
    class Slow(Counting):
        def score(self, pairs):
            import time

            time.sleep(0.02 * len(pairs))
            return super().score(pairs)

    docs = [FILLER * 100, FILLER * 50 + ANSWER, FILLER * 100]
    with ends_within(0.2):
        ranking = Chunks(Score(Slow()), tokens=64)(Ranking.of(QUERY, docs))
    assert ranking.status == "partial"
    read = [c.trail[-1].note.get("chunks", 0) for c in sorted(ranking, key=lambda c: c.id)]
    assert max(read) - min(read) <= 1
    with ends_within(1e-9):
        late = Chunks(Score(Slow()), tokens=64)(Ranking.of(QUERY, docs))
    assert late.ids == ["0", "1", "2"]
    assert all(c.trail[-1].note["unscored"] for c in late)


def test_chunks_are_cached_like_any_pair() -> None:
    scorer = Counting()
    stage = Chunks(Score(Cached(scorer)), tokens=64)
    ranking = Ranking.of(QUERY, [FILLER * 100 + ANSWER])
    first, second = stage(ranking), stage(ranking)
    assert first.scores == second.scores
    assert first[0].evidence == second[0].evidence
    assert len(scorer.calls) == 1


def test_bm25_reads_chunks() -> None:
    docs = [FILLER * 100 + ANSWER, FILLER * 100]
    assert Chunks(Score(BM25()), tokens=64)(Ranking.of(QUERY, docs)).ids == ["0", "1"]


def test_a_rating_judge_reads_chunks_within_its_budget() -> None:
    docs = [FILLER * 40 + ANSWER, FILLER * 30, "short"]
    judge = FakeAsyncJudge(lambda query, text: float("Goethe" in text))
    ranking = Chunks(Rate(judge), tokens=64)(Ranking.of(QUERY, docs))
    assert ranking.ids[0] == "0"
    assert ANSWER in docs[0][slice(*ranking[0].evidence[0][:2])]
    (cost,) = [e.cost for e in ranking.events if isinstance(e, CostEvent)]
    assert cost.calls == sum(len(split_chunks(text, 64)) for text in docs)
    small = Chunks(Rate(judge, budget=Budget(max_calls=4)), tokens=64)(Ranking.of(QUERY, docs))
    assert sorted(small.ids) == ["0", "1", "2"]
    assert "budget" in {e.kind for e in small.events}
    read = {c.id: c.trail[-1].note for c in small}
    assert read["0"]["chunks"] + read["1"]["chunks"] == 3  # the first ones of all come first


def test_chunks_are_kept_in_a_file_of_scores(tmp_path) -> None:
    ranking = Ranking.of(QUERY, [FILLER * 100 + ANSWER])
    scores = []
    for _ in range(2):
        scorer = Counting()
        stage = Chunks(Score(Cached(scorer, disk=tmp_path / "scores.db")), tokens=64)
        scores.append((stage(ranking).scores, stage(ranking)[0].evidence))
    assert scores[0] == scores[1]
    assert scorer.calls == []


def test_chunks_stand_in_a_call_with_a_deadline_that_is_long_enough() -> None:
    docs = [FILLER * 100, FILLER * 50 + ANSWER]
    stage = Chunks(Score(FakeScorer()), tokens=64)
    in_time = stage.within(60)(Ranking.of(QUERY, docs))
    assert in_time.status == "complete"
    assert in_time.scores == stage(Ranking.of(QUERY, docs)).scores
