"""Candidates that are parts of one document: parts score and documents rank, or the other way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from secondpass.core.candidate import Candidate, Mark
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Composite, Stage, StageSteps, not_a_stage
from secondpass.core.within import Wrapper
from secondpass.stages.cut import whole_number

_BETWEEN = "\n\n"


class GroupBy(Stage):
    """Brings the parts of each document together, the document with the best part first.

    Parts score, documents rank: a document has the score of its best part, and so has each of its
    parts, which stand in their order; what each scored by itself is in the trail. That makes a
    probability raw, since it is another text's. An order stays one. Candidates without the field
    are documents by themselves.

    Args:
        by: Field of the metadata that names the document, such as "source".
        k: Documents kept; None keeps all. An event says how many were dropped.

    Raises:
        InvalidInputError: `by` is no name of a field, or `k` is no number.
    """

    def __init__(self, by: str, k: int | None = None) -> None:
        self.by, self.k = _field(by), None if k is None else whole_number(k, "k")
        self.name = f"GroupBy({by!r})" if k is None else f"GroupBy({by!r}, {self.k})"

    def run(self, rankings: Sequence[Ranking]) -> list[Ranking]:
        return [self._grouped(ranking) for ranking in rankings]

    def _grouped(self, ranking: Ranking) -> Ranking:
        groups = list(_groups(ranking, self.by).values())
        kept = groups if self.k is None else groups[: self.k]
        candidates: list[Candidate] = []
        for group in kept:
            best = ranking[group[0]].score
            for index in group:
                c = ranking[index]
                mark = Mark(self.name, len(candidates), best, {}, _raw(ranking))
                candidates.append(c.marked(best, mark))
        done = replace(ranking, candidates=tuple(candidates), scale=_raw(ranking))
        if len(kept) == len(groups):
            return done
        message = f"{len(groups) - len(kept)} of {len(groups)} documents dropped"
        return done.with_event(self.name, "dropped", message)


class Joined(Wrapper, Composite):
    """Joins the parts of each document for a stage: documents score, and their parts rank.

    The stage reads one text for each document, its parts in the order in which they came, and each
    part gets the score of its document. Within a document the parts keep their order. Evidence that
    the stage finds goes to the parts that it stands in.

    Args:
        stage: Scores or orders the documents.
        by: Field of the metadata that names the document, such as "source".

    Raises:
        InvalidInputError: Not a stage, or `by` is no name of a field.
    """

    def __init__(self, stage: Stage, by: str) -> None:
        if not isinstance(stage, Stage):
            raise InvalidInputError(f"Joined runs a stage: {not_a_stage(stage)}")
        self.stage, self.by = stage, _field(by)
        self.name = f"Joined({stage.name}, {by!r})"

    def flow(self, rankings: Sequence[Ranking]) -> StageSteps:
        groups = [_groups(ranking, self.by) for ranking in rankings]
        joined = [self._join(r, own) for r, own in zip(rankings, groups, strict=True)]
        (results,) = yield [(self.stage, joined)]
        return [
            self._apart(ranking, list(own.values()), result)
            for ranking, own, result in zip(rankings, groups, results, strict=True)
        ]

    def _join(self, ranking: Ranking, groups: Mapping[Any, list[int]]) -> Ranking:
        documents = tuple(
            replace(
                ranking[group[0]],
                id=str(number),
                text=_BETWEEN.join(ranking[index].text for index in group),
                score=None,
            )
            for number, group in enumerate(groups.values())
        )
        return replace(ranking, candidates=documents, scale="order")

    def _apart(self, whole: Ranking, groups: Sequence[list[int]], result: Ranking) -> Ranking:
        candidates: list[Candidate] = []
        for document in result:
            start = 0
            first = groups[int(document.id)][0]
            marks = document.trail[len(whole[first].trail) :]
            for index in groups[int(document.id)]:
                part = whole[index]
                own = tuple(
                    replace(mark, rank=len(candidates), note=_part_of(mark, start, len(part.text)))
                    for mark in marks
                )
                candidates.append(part.marked(document.score, *own))
                start += len(part.text) + len(_BETWEEN)
        return replace(result, candidates=tuple(candidates))


def _part_of(mark: Mark, start: int, length: int) -> Any:
    """A note on a document as one on a part of it."""
    if "evidence" not in mark.note:
        return mark.note
    spans = []
    for first, last, score in mark.note["evidence"]:
        left, right = max(first - start, 0), min(last - start, length)
        if left < right:
            spans.append([left, right, score])
    return {**mark.note, "evidence": spans}


def _groups(ranking: Ranking, by: str) -> dict[Any, list[int]]:
    """Indices of the candidates of each document; documents and parts in the ranking's order."""
    groups: dict[Any, list[int]] = {}
    for index, candidate in enumerate(ranking):
        value = candidate.metadata.get(by)
        key = ("", index) if value is None else repr(value)
        groups.setdefault(key, []).append(index)
    return groups


def _raw(ranking: Ranking) -> Any:
    return "order" if ranking.scale == "order" else "raw"


def _field(by: object) -> str:
    if not isinstance(by, str) or not by:
        raise InvalidInputError(f"by={shown(by)}: give the name of a field of the metadata")
    return by
