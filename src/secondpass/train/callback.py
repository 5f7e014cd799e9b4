"""Speed, loss and time of a training run, and its end when the time is up."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from secondpass.core.errors import MissingExtraError
from secondpass.train.progress import TrainingProgress

try:
    from transformers import TrainerCallback
except ImportError as error:
    raise MissingExtraError("training a cross-encoder", "train") from error


class Watch(TrainerCallback):
    """Speed, loss and time of a run."""

    def __init__(
        self,
        hours: float | None,
        on_progress: Callable[[TrainingProgress], None] | None,
        pairs_per_step: float,
    ) -> None:
        self.seconds = None if hours is None else hours * 3600
        self.on_progress, self.pairs_per_step = on_progress, pairs_per_step
        self.recent: deque[float] = deque(maxlen=20)
        self.began = self.first = 0
        self.start = time.monotonic()
        self.speed: float | None = None
        self.stopped: str | None = None

    @property
    def loss(self) -> float | None:
        """Mean of the last steps."""
        return sum(self.recent) / len(self.recent) if self.recent else None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.start, self.first = time.monotonic(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        spent = time.monotonic() - self.start
        done = state.global_step - self.first
        self.speed = done * self.pairs_per_step / spent if spent else None
        left = spent / done * (state.max_steps - state.global_step)
        if self.seconds is not None and spent > self.seconds and left:
            self.stopped = f"the {self.seconds / 3600:g} hours are over"
            control.should_training_stop = control.should_evaluate = control.should_save = True
        if self.on_progress is not None:
            self.on_progress(
                TrainingProgress(
                    "training", state.global_step, state.max_steps, self.loss, self.speed, left
                )
            )
