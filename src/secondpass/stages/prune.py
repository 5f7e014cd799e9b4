"""Only the sentences that matter are handed on, with their neighbours."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import SupportsFloat

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.errors import InvalidInputError, NoScoresError, shown
from secondpass.core.event import Note
from secondpass.core.evidence import Span, evidence_note
from secondpass.core.ranking import Ranking
from secondpass.core.tokens import estimated
from secondpass.stages.cut import Cut, whole_number
from secondpass.stages.sentences import Place, Sentence, short_sentences, trimmed


class Prune(Cut):
    """Keeps of each text the sentences whose evidence scores enough, and their neighbours.

    Candidates stay, in their order, with their scores; only their texts get shorter. The payload is
    never touched. Put `Evidence` before it, which scores the sentences; with ``at_most=None`` it
    notes all of them: ``Top(5) >> Evidence(scorer, at_most=None) >> Prune(at_least=-2.0)``.

    In the trail, ``kept`` has the places of what was kept in the text before, in its order, and
    `Candidate.evidence` points into the pruned text. An event counts what was dropped. A text that
    nobody looked for evidence in is kept whole.

    Find `at_least` on questions with known answers: `judged_sentences`.

    Args:
        at_least: The least score of evidence whose sentences are kept; None keeps only the best
            `keep_at_least`.
        keep_at_least: This number of best sentences stay in each text whatever they score.
        around: Sentences kept before and after each of them.
        ellipsis: Stands where something was left out.
        language: Whose abbreviations do not end a sentence, such as "de".
        from_best: `at_least` counts from the best sentence of all texts, downwards: -3.0 keeps what
            scores at most 3 less. What a score means differs more from question to question than
            how far the sentences of one lie apart. For scorers that read each sentence by itself or
            in its text, not for `BM25`, which compares the sentences of one text.

    Raises:
        InvalidInputError: An argument that makes no sense.
        NoScoresError: (when run) there is no evidence on any candidate.
    """

    def __init__(
        self,
        at_least: float | None = None,
        *,
        keep_at_least: int = 1,
        around: int = 1,
        ellipsis: str = "…",
        language: str = "en",
        from_best: bool = False,
    ) -> None:
        number = isinstance(at_least, SupportsFloat) and not isinstance(at_least, bool)
        if at_least is not None and not (number and math.isfinite(at_least)):
            raise InvalidInputError(f"at_least={shown(at_least)}: give a score of evidence")
        if not isinstance(ellipsis, str):
            raise InvalidInputError(f"ellipsis={shown(ellipsis)}: give a text, such as '[...]'")
        self.at_least = None if at_least is None else float(at_least)
        self.keep_at_least = whole_number(keep_at_least, "keep_at_least")
        self.around, self.ellipsis = whole_number(around, "around"), ellipsis
        self.language = language
        if self.at_least is None and not self.keep_at_least:
            raise InvalidInputError("without at_least= and keep_at_least= nothing would be kept")
        if not isinstance(from_best, bool):
            raise InvalidInputError(f"from_best={shown(from_best)}: give True or False")
        if from_best and (self.at_least is None or self.at_least > 0):
            raise InvalidInputError(
                f"at_least={shown(at_least)} counts from the best sentence downwards where "
                "from_best=True: give a number that is not above 0, such as -3.0"
            )
        self.from_best = from_best
        least = "best" if self.at_least is None else f">={self.at_least:g}"
        least = f">=best{self.at_least:+g}" if from_best else least
        self.name = f"Prune({least}, {self.keep_at_least}, {self.around})"

    def cut(self, ranking: Ranking) -> Ranking:
        if len(ranking) and not any(_looked_at(c) for c in ranking):
            raise NoScoresError(
                f"{self.name!r} needs evidence, and no candidate has any; put Evidence(scorer) "
                "before it"
            )
        at_least = self.at_least
        if at_least is not None and self.from_best:
            at_least += best_of(ranking)
        candidates, before, after, shorter = [], 0, 0, 0
        for rank, candidate in enumerate(ranking):
            kept = self._kept(candidate, at_least) if _looked_at(candidate) else None
            before += estimated(candidate.text)
            if kept is None:
                after += estimated(candidate.text)
                candidates.append(candidate)
                continue
            pruned = self._pruned(candidate, kept, rank, ranking)
            shorter += 1
            after += sum(estimated(candidate.text[start:end]) for start, end in kept)
            candidates.append(pruned)
        if not shorter:
            return ranking
        message = (
            f"{shorter} of {len(ranking)} texts were shortened; about {before - after} of {before} "
            f"tokens dropped ({1 - after / before:.0%})"
        )
        return replace(ranking, candidates=tuple(candidates)).with_event(
            self.name, "pruned", message
        )

    def _kept(self, candidate: Candidate, at_least: float | None) -> list[Place] | None:
        """Places of what is kept of a text, in its order; None where that is all of it."""
        sentences = short_sentences(candidate.text, self.language)
        chosen = self._chosen(sentences, candidate.evidence, at_least)
        near = {
            i
            for index in chosen
            for i in range(index - self.around, index + self.around + 1)
            if 0 <= i < len(sentences)
        }
        if len(near) == len(sentences) or not candidate.text.strip():
            return None
        places: list[Place] = []
        for i in sorted(near):
            start, end = sentences[i].start, sentences[i].end
            if i - 1 in near:
                start = places.pop()[0]
            places.append((start, end))
        return [trimmed(candidate.text, *place) for place in places]

    def _chosen(
        self, sentences: Sequence[Sentence], spans: Sequence[Span], at_least: float | None
    ) -> set[int]:
        """Indices of the sentences that evidence stands in."""
        chosen: set[int] = set()
        for span in spans:  # most relevant first
            enough = at_least is not None and span.score >= at_least
            if not enough and len(chosen) >= self.keep_at_least:
                break
            chosen |= {
                i for i, s in enumerate(sentences) if s.start < span.end and span.start < s.end
            }
        return chosen

    def _pruned(
        self, candidate: Candidate, kept: Sequence[Place], rank: int, ranking: Ranking
    ) -> Candidate:
        text, moved = _joined(candidate.text, kept, self.ellipsis)
        spans = [
            Span(span.start + one.by, span.end + one.by, span.score)
            for span in candidate.evidence
            for one in moved
            if one.start <= span.start and span.end <= one.end
        ]
        note: Note = {
            "kept": [list(place) for place in kept],
            "kept_of": len(candidate.text),
            "evidence": evidence_note(spans),
        }
        mark = Mark(self.name, rank, candidate.score, note, ranking.scale)
        return replace(candidate, text=text, trail=(*candidate.trail, mark))


@dataclass(frozen=True, slots=True)
class _Moved:
    """A part of a text that now stands `by` characters further on."""

    start: int
    end: int
    by: int


def _joined(text: str, kept: Sequence[Place], ellipsis: str) -> tuple[str, list[_Moved]]:
    """The parts kept, with the mark where something but white space was left out."""
    pieces: list[str] = []
    moved: list[_Moved] = []
    length = last = 0
    for start, end in kept:
        gap = f"{ellipsis} " if ellipsis and text[last:start].strip() else ""
        gap = f" {gap}" if pieces else gap
        moved.append(_Moved(start, end, length + len(gap) - start))
        pieces += [gap, text[start:end]]
        length += len(gap) + end - start
        last = end
    if ellipsis and text[last:].strip():
        pieces.append(f" {ellipsis}" if pieces else ellipsis)
    return "".join(pieces), moved


def best_of(ranking: Ranking) -> float:
    """The score of the best evidence of all candidates; 0 where there is none."""
    return max((c.evidence[0].score for c in ranking if c.evidence), default=0.0)


def _looked_at(candidate: Candidate) -> bool:
    return any("evidence" in mark.note for mark in candidate.trail)
