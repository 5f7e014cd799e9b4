from __future__ import annotations

import bm25s
import pytest
import Stemmer

from secondpass import Candidate, InvalidInputError, Ranking, load
from secondpass.models.bm25 import BM25, CorpusStatistics
from secondpass.testing import check_stage

CORPUS = [
    "The quick brown fox jumps over the lazy dog",
    "A quick reader reads quickly",
    "Dogs and foxes are distant relatives",
    "Nothing to see here",
    "fox fox fox fox",
]


@pytest.mark.parametrize(("k1", "b"), [(0.9, 0.4), (1.5, 0.75), (2.0, 0.0)])
def test_scores_are_those_of_bm25s_own_index(k1: float, b: float) -> None:
    tokens = bm25s.tokenize(
        CORPUS, stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False
    )
    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    index.index(tokens, show_progress=False)
    for query in ("quick foxes", "dog", "relatives of the fox fox"):
        asked = bm25s.tokenize(
            query, stopwords="en", stemmer=Stemmer.Stemmer("english"), return_ids=False,
            show_progress=False,
        )[0]  # fmt: skip
        theirs = index.get_scores(asked)
        candidates = [Candidate(str(i), t) for i, t in enumerate(CORPUS)]
        for statistics in (CorpusStatistics.of(CORPUS), None):
            ours = BM25(statistics, k1=k1, b=b).score_candidates(query, candidates)
            assert ours == pytest.approx([float(x) for x in theirs], abs=1e-5)


def test_with_corpus_statistics_a_score_does_not_depend_on_the_other_candidates() -> None:
    bm25 = BM25(CorpusStatistics.of(CORPUS))
    candidates = [Candidate(str(i), t) for i, t in enumerate([*CORPUS, "an unseen fox"])]
    together = bm25.score_candidates("unseen fox", candidates)
    assert together == [bm25.score_candidates("unseen fox", [c])[0] for c in candidates]
    assert together[-1] > 0


def test_rare_words_count_more_in_a_corpus_than_among_candidates_that_all_have_them() -> None:
    ranking = Ranking.of("fox", ["a fox", "a fox den"])
    assert load("bm25")(ranking).scores[0] < 0.2


def test_no_words_no_candidates() -> None:
    assert BM25().score_candidates("fox", []) == []
    assert load("bm25")(Ranking.of("the of", ["the", "of", ""])).scores == [0.0, 0.0, 0.0]


def test_other_languages() -> None:
    bm25 = BM25(language="german")
    scores = bm25.score_candidates("Häuser", [Candidate("0", "das Haus"), Candidate("1", "Maus")])
    assert scores[0] > scores[1] == 0
    assert BM25(language="hungarian").score_candidates("ház", [Candidate("0", "ház")])[0] > 0
    with pytest.raises(InvalidInputError, match="language='klingon'"):
        BM25(language="klingon")


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInputError, match="k1=-1"):
        BM25(k1=-1)
    with pytest.raises(InvalidInputError, match="b=2"):
        BM25(b=2)
    with pytest.raises(InvalidInputError, match="at least one text"):
        CorpusStatistics.of([])


def test_it_keeps_the_laws() -> None:
    check_stage(load("bm25"))
