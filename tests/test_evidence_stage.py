"""Evidence finds sentences, Prune keeps them, and a threshold for it is chosen as any other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import (
    BM25,
    Candidate,
    InvalidInputError,
    Mark,
    NoScoresError,
    Order,
    Ranking,
    RecallAtLeast,
    Recipe,
    Score,
    Top,
    choose_threshold,
    guaranteed,
    load,
)
from secondpass.core.deadline import ends_within
from secondpass.core.event import Note
from secondpass.core.evidence import Span
from secondpass.stages import (
    Chunks,
    Evidence,
    GroupBy,
    Joined,
    Prune,
    judged_sentences,
    sentence_scores,
)
from secondpass.testing import FakeScorer, check_stage
from secondpass.testing.doubles import FakeJudge

QUERY = "who wrote Faust?"
ANSWER = "Goethe wrote Faust in Weimar."
BEFORE, AFTER = "Cats sleep. Dogs bark at night. ", " It has two parts. Birds sing. Fish swim."
TEXT = BEFORE + ANSWER + AFTER


def best_of(ranking: Ranking) -> str:
    span = ranking[0].evidence[0]
    return ranking[0].text[span.start : span.end]


@pytest.mark.parametrize("make", [FakeScorer, BM25, lambda: load("builtin"), lambda: Chunks(
    Score(FakeScorer())
)])  # fmt: skip
def test_any_scorer_finds_it(make) -> None:
    stage = Score(FakeScorer()) >> Evidence(make())
    ranking = stage(Ranking.of(QUERY, [TEXT, "", "  "]))
    assert best_of(ranking) == ANSWER
    assert len(ranking[0].evidence) == 3
    assert ranking[1].evidence == ()
    assert ranking.scale == "raw"


def test_the_model_reads_sentences_in_their_context() -> None:
    text = "Faust is a play. It was written by Goethe. The moon is a rock. It was made by accident."
    scorer = load("builtin:raw").scorer
    ranking = Evidence(scorer)(Ranking.of("who wrote Faust", [text]))
    assert best_of(ranking) in ("It was written by Goethe.", "Faust is a play.")
    long = "Cats sleep for most of the day. " * 200 + ANSWER + " Dogs bark." * 200
    assert best_of((load("builtin") >> Evidence(scorer))(Ranking.of(QUERY, [long]))) == ANSWER
    assert best_of(Evidence(scorer)(Ranking.of(QUERY, [long]))) == ANSWER


def test_laws_and_recipes() -> None:
    check_stage(Score(FakeScorer()) >> Evidence(FakeScorer()))
    pipeline = Score(BM25()) >> Evidence(BM25(), None) >> Prune(0.5, around=0, ellipsis="[...]")
    assert Recipe.of_dict(Recipe.of(pipeline).to_dict()).stage().name == pipeline.name
    grouped = Joined(load("bm25"), "source") >> GroupBy("source", 2)
    assert Recipe.of_dict(Recipe.of(grouped).to_dict()).stage().name == grouped.name


def test_what_is_no_scorer() -> None:
    with pytest.raises(InvalidInputError, match="is not a scorer"):
        Evidence("builtin")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="has no scorer that could read sentences"):
        Evidence(Order(FakeJudge()))
    with pytest.raises(InvalidInputError, match="finds nothing"):
        Evidence(FakeScorer(), 0)


def test_no_time_is_an_event() -> None:
    with ends_within(1e-9):
        ranking = Evidence(FakeScorer())(Ranking.of(QUERY, [TEXT]))
    assert ranking.status == "partial"
    assert ranking[0].evidence == ()


def pruned(prune: Prune, text: str = TEXT) -> Ranking:
    stage = Score(FakeScorer()) >> Evidence(FakeScorer(), None) >> prune
    payload = object()
    ranking = stage(Ranking.of(QUERY, [Candidate("a", text, {"k": 1}, payload=payload)]))
    assert ranking[0].payload is payload
    assert ranking[0].metadata == {"k": 1}
    return ranking


def test_the_answer_and_its_neighbours_stay() -> None:
    ranking = pruned(Prune(2.0))
    assert ranking[0].text == f"… Dogs bark at night. {ANSWER} It has two parts. …"
    assert best_of(ranking) == ANSWER
    ((start, end),) = ranking[0].trail[-1].note["kept"]
    assert TEXT[start:end] == f"Dogs bark at night. {ANSWER} It has two parts."
    (event,) = [e for e in ranking.events if e.kind == "pruned"]
    assert "1 of 1 texts were shortened" in event.message
    assert pruned(Prune(2.0, around=0, ellipsis=""))[0].text == ANSWER
    assert pruned(Prune(around=0, ellipsis="[...]"))[0].text == f"[...] {ANSWER} [...]"
    assert pruned(Prune(99.0, keep_at_least=0))[0].text == "…"
    assert pruned(Prune(-99.0))[0].text == TEXT
    assert pruned(Prune(-99.0)).events == ()


def test_it_counts_from_the_best_sentence_of_all_texts() -> None:
    texts = [f"{ANSWER} Who knows. Dogs bark.", "Who cares. Cats sleep.", "  "]
    found = (Score(FakeScorer()) >> Evidence(FakeScorer(), None))(Ranking.of(QUERY, texts))
    best = max(c.evidence[0].score for c in found if c.evidence)
    prune = Prune(0.0, keep_at_least=0, around=0, ellipsis="", from_best=True)
    assert [c.text for c in prune(found)] == [ANSWER, "", "  "]
    same = Prune(best - 1, keep_at_least=0, around=0, ellipsis="")
    fewer = Prune(-1, keep_at_least=0, around=0, ellipsis="", from_best=True)
    assert [c.text for c in fewer(found)] == [c.text for c in same(found)]
    assert fewer(Ranking.of(QUERY, [])).ids == []
    assert Recipe.of_dict(Recipe.of(fewer).to_dict()).stage().name == fewer.name != same.name
    for arguments in ({"at_least": 0.5}, {}, {"at_least": -1, "from_best": "yes"}):
        with pytest.raises(InvalidInputError, match="from_best"):
            Prune(**{"from_best": True, **arguments})


def test_what_cannot_be_pruned() -> None:
    with pytest.raises(NoScoresError, match="put Evidence"):
        Prune(0.5)(Ranking.of(QUERY, [TEXT]))
    assert Prune(0.5)(Ranking.of(QUERY, [])).ids == []
    for arguments in ({"at_least": float("nan")}, {"at_least": "x"}, {"keep_at_least": -1}):
        with pytest.raises(InvalidInputError):
            Prune(**arguments)
    with pytest.raises(InvalidInputError, match="nothing would be kept"):
        Prune(keep_at_least=0)


@given(
    text=st.text(st.sampled_from("ab .!?\n\u0301אש。\U0001d518"), max_size=80),
    scores=st.lists(st.floats(-1, 1), min_size=1, max_size=8),
    around=st.integers(0, 2),
    ellipsis=st.sampled_from(["…", "", " [cut] "]),
)
def test_what_is_kept_is_where_it_says(text, scores, around, ellipsis) -> None:
    size = max(1, len(text) // len(scores))
    spans = [[i * size, min(len(text), (i + 1) * size), s] for i, s in enumerate(scores)]
    note = Note(evidence=sorted(spans, key=lambda s: -s[2]))
    candidate = Candidate("a", text, trail=(Mark("m", 0, None, note),))
    after = Prune(0.0, around=around, ellipsis=ellipsis)(Ranking(QUERY, (candidate,)))[0]
    for start, end in after.trail[-1].note.get("kept", ()):
        assert text[start:end] in after.text
    before = [text[s.start : s.end] for s in candidate.evidence]
    for span in after.evidence:
        assert after.text[span.start : span.end] in before


def questions(count: int):
    for i in range(count):
        docs = [BEFORE + f"Goethe wrote Faust in Weimar {i}." + AFTER, "Cats sleep. Dogs bark."]
        start = len(BEFORE)
        yield Ranking.of(f"{QUERY} {i}", docs), {"0": [(start, start + 10)]}


def test_its_threshold_is_chosen_and_guaranteed() -> None:
    judged = judged_sentences(Evidence(FakeScorer(), None), questions(40))
    assert all(len(one.relevant) == 1 and len(one.ranking) == 8 for one in judged)
    fitted = choose_threshold(sentence_scores(), judged, RecallAtLeast(0.95))
    at_least = fitted.evidence.threshold
    stage = Evidence(FakeScorer(), None) >> Prune(at_least, keep_at_least=0, around=0)
    assert all("Goethe" in stage(r)[0].text for r, _ in questions(40))
    from_best = judged_sentences(Evidence(FakeScorer(), None), questions(40), from_best=True)
    assert max(sentence_scores()(from_best[0].ranking).scores) == 0.0
    at_least = choose_threshold(sentence_scores(), from_best, RecallAtLeast(0.95)).evidence
    stage = Evidence(FakeScorer(), None) >> Prune(at_least.threshold, from_best=True)
    assert all("Goethe" in stage(r)[0].text for r, _ in questions(40))
    safe = guaranteed(sentence_scores(), judged, "unanswered", at_most=0.2)
    assert safe.evidence.promises[0].at_most == 0.2
    with pytest.raises(InvalidInputError, match="at_most=None"):
        judged_sentences(Evidence(FakeScorer()), questions(1))
    ranking, _ = next(questions(1))
    for answers in ({"9": [(0, 1)]}, {"0": [(0, 10_000)]}):
        with pytest.raises(InvalidInputError):
            judged_sentences(Evidence(FakeScorer(), None), [(ranking, answers)])


def test_documents_rank_by_their_best_part() -> None:
    parts = [
        Candidate("0", "who cares", {"source": "x"}),
        Candidate("1", "who wrote", {"source": "y"}),
        Candidate("2", "who wrote Faust?", {"source": "x"}),
        Candidate("3", "nothing"),
    ]
    stage = Score(FakeScorer()) >> GroupBy("source", 2)
    ranking = stage(Ranking.of(QUERY, parts))
    assert ranking.ids == ["2", "0", "1"]
    assert ranking.scores == [3.0, 3.0, 2.0]
    assert ranking[1].trail[-2].score == 1.0
    assert [e.kind for e in ranking.events] == ["dropped"]
    order = (Order(FakeJudge()) >> GroupBy("source"))(Ranking.of(QUERY, parts))
    assert order.scale == "order"
    joined = Joined(Score(FakeScorer()) >> Evidence(FakeScorer()), "source")
    whole = joined(Ranking.of(QUERY, parts))
    assert whole.ids == ["0", "2", "1", "3"]
    for candidate in whole:
        for span in candidate.evidence:
            assert candidate.text[span.start : span.end].strip()
    check_stage(Joined(Score(FakeScorer()), "source"))
    with pytest.raises(InvalidInputError, match="name of a field"):
        GroupBy("")


def test_a_judge_is_shown_the_best_part() -> None:
    seen: list[str] = []

    class Judge:
        name = "judge"
        passage_tokens = 40

        def order(self, query, texts):
            seen.extend(texts)
            return sorted(range(len(texts)), key=lambda i: "Goethe" not in texts[i])

    filler = "Cats sleep for most of the day. "
    docs = [filler * 200, filler * 100 + ANSWER + " " + filler * 100, "short"]
    stage = load("builtin", options={"max_length": 64}) >> Order(Judge()) >> Top(3)
    ranking = stage(Ranking.of(QUERY, docs))
    assert ranking.ids[0] == "1"
    assert sum(ANSWER in text for text in seen) == 1
    assert max(map(len, seen)) < 200
    start, end = ranking[0].trail[-1].note["shown"]
    assert ANSWER in ranking[0].text[start:end]
    assert "judge" in {e.stage for e in ranking.events if e.kind == "truncated"}
    assert ranking[0].text == docs[1]
    assert ranking[0].evidence[0] == Span(*ranking[0].evidence[0])
