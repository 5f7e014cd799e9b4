"""What labels make: a pipeline, and the evidence for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from secondpass.core.stage import Pipeline

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Fitted(Generic[E]):
    """A pipeline that was fitted to labelled queries, with what the fit says of itself.

    Attributes:
        pipeline: Ready to run, and to be written down as a recipe.
        evidence: How it was found, and what is to be expected of it.
    """

    pipeline: Pipeline
    evidence: E
