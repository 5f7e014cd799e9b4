"""What labels make: a pipeline, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, NoReturn, TypeVar

from secondpass.core.errors import WrongCallError
from secondpass.core.short_repr import short_repr
from secondpass.core.stage import Pipeline, not_a_stage

E = TypeVar("E")


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted(Generic[E]):
    """What `calibrated`, `choose_threshold`, `guaranteed` and `learn_fusion` return. Print it.

    It is not a stage itself: `pipeline` is.

    Attributes:
        pipeline: Ready to run, to extend with `>>`, and to be written down as a recipe.
        evidence: What it was fitted on, and what is to be expected of it.
    """

    pipeline: Pipeline
    evidence: E

    def __str__(self) -> str:
        return f"{self.pipeline!r}\n{self.evidence}"

    def __rshift__(self, other: object) -> NoReturn:
        raise WrongCallError(not_a_stage(self))

    def __rrshift__(self, other: object) -> NoReturn:
        raise WrongCallError(not_a_stage(self))
