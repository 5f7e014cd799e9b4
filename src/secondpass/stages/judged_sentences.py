"""Sentences as labelled candidates, so that a threshold for `Prune` is chosen as any other is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.core.judged import JudgedQuery
from secondpass.core.ranking import Ranking
from secondpass.core.ranking_details import RETRIEVER
from secondpass.stages.evidence import Evidence
from secondpass.stages.metadata_scorers import TrailScore
from secondpass.stages.prune import best_of
from secondpass.stages.score import Score
from secondpass.stages.sentences import Place


def sentence_scores() -> Score:
    """The stage that reads the scores of `judged_sentences`: what a threshold is chosen for."""
    return Score(TrailScore(RETRIEVER))


def judged_sentences(
    evidence: Evidence,
    questions: Iterable[tuple[Ranking, Mapping[str, Sequence[Place]]]],
    *,
    from_best: bool = False,
) -> list[JudgedQuery]:
    """Labelled queries whose candidates are sentences; those that hold an answer are relevant.

        judged = judged_sentences(Evidence(scorer, at_most=None), questions)
        fitted = choose_threshold(sentence_scores(), judged, RecallAtLeast(0.95))
        Prune(fitted.evidence.threshold)

    ``guaranteed(sentence_scores(), judged, "unanswered", at_most=0.05)`` bounds the share of
    questions that lose all their answers. Neighbours and the best sentences that `Prune` keeps
    besides can only make it smaller.

    Args:
        evidence: Scores the sentences; one that notes all of them.
        questions: Each a ranking and, by candidate id, the places of answers in its text.
        from_best: Scores count from the best sentence of each question, for
            ``Prune(..., from_best=True)``.

    Raises:
        InvalidInputError: The evidence notes only some sentences, or a place is not in its text.
    """
    if evidence.at_most is not None:
        raise InvalidInputError(
            f"{evidence.name} notes the best {evidence.at_most} sentences of a text, and a "
            "threshold is chosen on all of them: give Evidence(scorer, at_most=None)"
        )
    asked = list(questions)
    found = evidence.run([ranking for ranking, _ in asked])
    return [
        _judged(r, answers, best_of(r) if from_best else 0.0)
        for r, (_, answers) in zip(found, asked, strict=True)
    ]


def _judged(ranking: Ranking, answers: Mapping[str, Sequence[Place]], zero: float) -> JudgedQuery:
    unknown = sorted(set(answers) - set(ranking.ids))
    if unknown:
        raise InvalidInputError(
            f"answers are given in {unknown[:5]}, which are not candidates of {ranking.query!r}"
        )
    sentences, relevant = [], []
    for candidate in ranking:
        places = answers.get(candidate.id, ())
        for start, end in places:
            if not 0 <= start < end <= len(candidate.text):
                raise InvalidInputError(
                    f"[{start}, {end}) is no place in the text of {candidate.id!r}, which has "
                    f"{len(candidate.text)} characters"
                )
        for span in candidate.evidence:
            id = f"{candidate.id}:{span.start}"
            text = candidate.text[span.start : span.end]
            sentences.append(Candidate(id, text, score=span.score - zero))
            if any(span.start < end and start < span.end for start, end in places):
                relevant.append(id)
    return JudgedQuery.of(ranking.query, sentences, relevant)
