"""What a training run says while it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Phase = Literal["measuring before", "training", "exporting", "measuring after"]


@dataclass(frozen=True, slots=True)
class TrainingProgress:
    """A moment of a training run.

    Attributes:
        phase: What is being done.
        done: Steps taken of this phase, or queries read while measuring.
        total: Of how many; 0 where that is not known.
        loss: Mean of the last steps, while training.
        pairs_per_second: Read forwards and backwards since the start or the resumption.
        seconds_left: Of the training, at that speed.
    """

    phase: Phase
    done: int
    total: int
    loss: float | None = None
    pairs_per_second: float | None = None
    seconds_left: float | None = None
