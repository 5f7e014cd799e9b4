"""The laws of the library as functions: each raises AssertionError where a stage breaks it."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

from secondpass.calibrate import Calibrate, Platt
from secondpass.core.candidate import Candidate
from secondpass.core.errors import CalibrationError, NoScoresError, NotCalibratedError
from secondpass.core.ranking import Ranking
from secondpass.core.stage import Pipeline, Stage
from secondpass.stages.cut import Refine
from secondpass.stages.threshold import Threshold


def nothing_lost(before: Ranking, after: Ranking, *, cuts: bool = False) -> None:
    """Law 1: no candidate is lost, invented, duplicated or altered, except by a cut."""
    assert after.query == before.query, f"law 1: the query became {after.query!r}"
    candidates = {c.id: c for c in before}
    assert len(set(after.ids)) == len(after), "law 1: a candidate came back twice"
    for c in after:
        assert c.id in candidates, f"law 1: the candidate {c.id!r} came from nowhere"
        old = candidates[c.id]
        same = c.text == old.text or (cuts and _is_pruned(c, old))
        assert same, f"law 1: the text of {c.id!r} changed"
        assert c.metadata == old.metadata, f"law 1: the metadata of {c.id!r} changed"
        assert c.payload is old.payload, f"law 1: the payload of {c.id!r} was replaced"
        assert c.position == old.position, f"law 1: the position of {c.id!r} changed"
        kept = c.trail[: len(old.trail)]
        assert kept == old.trail, f"law 1: the trail of {c.id!r} lost what was in it"
    lost = sorted(set(candidates) - set(after.ids))
    assert cuts or not lost, f"law 1: the candidates {lost} were lost"
    assert after.events[: len(before.events)] == before.events, "law 8: events were lost"


def _is_pruned(candidate: Candidate, before: Candidate) -> bool:
    """Whether a text is made of parts of the text before, in order, as its mark says."""
    kept = candidate.trail[-1].note.get("kept", ()) if candidate.trail else ()
    at = 0
    for start, end in kept:
        part = before.text[start:end]
        at = candidate.text.find(part, at)
        if at < 0:
            return False
        at += len(part)
    return bool(kept)


def scale_is_honest(after: Ranking) -> None:
    """Law 2: an order has no scores and reading them is an error; probabilities are in [0, 1]."""
    if after.scale == "order":
        assert all(c.score is None for c in after), "law 2: an order carries scores"
        try:
            _ = after.scores
        except NoScoresError:
            return
        raise AssertionError("law 2: scores could be read off an order")
    if after.scale == "probability":
        assert all(0 <= s <= 1 for s in after.scores), "law 2: a probability outside [0, 1]"


def order_agrees(after: Ranking) -> None:
    """Law 3: best first, every score finite and a Python float."""
    if after.scale == "order":
        return
    scores = after.scores
    assert all(type(s) is float and math.isfinite(s) for s in scores), f"law 3: {scores}"
    assert scores == sorted(scores, reverse=True), f"law 3: not best first: {scores}"


def ties_keep_order(before: Ranking, after: Ranking) -> None:
    """Law 3: candidates with equal scores stay in the order in which they came."""
    if after.scale == "order":
        return
    position = {id: i for i, id in enumerate(before.ids)}
    for a, b in itertools.pairwise(after):
        tied = a.score == b.score
        assert not tied or position[a.id] < position[b.id], (
            f"law 3: the tie {a.id!r}, {b.id!r} moved"
        )


def refined_is_an_order(stage: Stage, rankings: Sequence[Ranking]) -> None:
    """Law 4: a head reordered by a stage above a tail that it never saw is an order."""
    for after in Refine(stage, 2).run(rankings):
        assert after.scale == "order", f"law 4: a refined ranking is {after.scale!r}"


def threshold_needs_probabilities(after: Ranking) -> None:
    """Law 5: a threshold cuts probabilities, and raises on any other scores."""
    if not len(after) or after.scale == "probability":
        least = after.scores[len(after) // 2] if len(after) else 0.5  # some stay: nothing is logged
        kept = Threshold(least)(after)
        assert kept.ids == [c.id for c in after if c.score is not None and c.score >= least], (
            "law 5"
        )
        return
    try:
        Threshold(0.5)(after)
    except (NotCalibratedError, NoScoresError):
        return
    raise AssertionError(f"law 5: a threshold on a probability cut {after.scale!r} scores")


def calibrator_refuses_others(stage: Stage) -> None:
    """Law 6: a calibrator that was fitted on another pipeline is refused behind this one."""
    if stage.origin is None:  # scores only pass through here
        return
    try:
        Pipeline(stage, Calibrate(Platt(1.0, 0.0), fitted_on=f"not {stage.origin}"))
    except CalibrationError:
        return
    raise AssertionError(f"law 6: {stage.name!r} took a calibrator fitted on something else")


def inputs_untouched(before: Sequence[Ranking], copies: Sequence[Ranking]) -> None:
    """Law 1: a stage never changes its input."""
    assert list(before) == list(copies), "law 1: the input was changed in place"


def copy_rankings(rankings: Sequence[Ranking]) -> list[Ranking]:
    """Deep copies, but for payloads, which stages must not touch."""
    return [
        Ranking(
            r.query,
            tuple(replace(c, metadata=copy.deepcopy(dict(c.metadata))) for c in r),
            r.scale,
            r.events,
        )
        for r in rankings
    ]
