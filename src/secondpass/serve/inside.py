"""The stages that a pipeline is made of, however deep they stand in it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from secondpass.core.stage import Stage
from secondpass.stages.score import CandidateScorer, Score


def with_scores(stage: Stage, replace: Callable[[Score], Stage]) -> Stage:
    """A pipeline with every `Score` of a pointwise scorer replaced, wherever it stands."""
    made: dict[int, Stage] = {}

    def rebuilt(part: Any) -> Any:
        if isinstance(part, Stage):
            if id(part) not in made:
                made[id(part)] = stage_of(part)
            return made[id(part)]
        if isinstance(part, list | tuple) and type(part) in (list, tuple):
            inner = [rebuilt(item) for item in part]
            same = all(new is old for new, old in zip(inner, part, strict=True))
            return part if same else type(part)(inner)
        if type(part) is dict:
            members = {key: rebuilt(item) for key, item in part.items()}
            return part if all(members[key] is part[key] for key in part) else members
        return part

    def stage_of(part: Stage) -> Stage:
        if type(part) is Score:
            return part if isinstance(part.scorer, CandidateScorer) else replace(part)
        changed = {
            name: new for name, old in vars(part).items() if (new := rebuilt(old)) is not old
        }
        if not changed:
            return part
        twin = copy.copy(part)
        vars(twin).update(changed)
        return twin

    result = rebuilt(stage)
    assert isinstance(result, Stage)
    return result


def stages_in(stage: Stage) -> list[Stage]:
    """A stage and all that it is made of."""
    found: dict[int, Stage] = {}

    def look(part: Any) -> None:
        if isinstance(part, Stage):
            if id(part) not in found:
                found[id(part)] = part
                look(list(vars(part).values()))
        elif isinstance(part, list | tuple):
            for item in part:
                look(item)
        elif isinstance(part, dict):
            look(list(part.values()))

    look(stage)
    return list(found.values())
