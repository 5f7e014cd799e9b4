"""The options of a training run, checked once, and what makes two runs the same."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal

from secondpass.core.errors import InvalidInputError
from secondpass.core.printing import short_repr

Loss = Literal["listwise", "listnet", "pointwise"]
LOSSES: tuple[Literal["auto"] | Loss, ...] = ("auto", "listwise", "listnet", "pointwise")
SHORTEST = 16
"""Tokens of a pair below which the query would leave no room for the text."""
_FREE = ("int8", "onnx", "bf16", "hours", "verify")
"""Options that may differ when an interrupted run is resumed: the weights mean the same."""


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingConfig:
    """The options of `fine_tune`, which describes each of them.

    Attributes:
        loss: As trained; "auto" is resolved.
        bf16: None until the device is known.

    Raises:
        InvalidInputError: An option is out of range.
    """

    model: str
    loss: Loss
    epochs: float
    lr: float
    batch: int
    list_size: int
    max_length: int
    held_out: float
    seed: int
    false_negative_margin: float | None
    int8: bool
    onnx: bool
    bf16: bool | None
    hours: float | None
    verify: bool

    def __post_init__(self) -> None:
        if self.loss not in LOSSES:
            raise InvalidInputError(f"loss={self.loss!r}: one of {', '.join(LOSSES)}")
        for name in ("epochs", "lr", "batch", "hours"):
            number = getattr(self, name)
            if number is not None and not (math.isfinite(number) and number > 0):
                raise InvalidInputError(f"{name}={number} must be above 0")
        if self.list_size < 2:
            raise InvalidInputError(f"list_size={self.list_size} must be at least 2")
        if not (isinstance(self.max_length, int) and self.max_length >= SHORTEST):
            raise InvalidInputError(
                f"max_length={self.max_length!r} leaves no room for a text; give a whole number "
                f"of tokens, {SHORTEST} or more"
            )
        if not 0 < self.held_out <= 0.5:
            raise InvalidInputError(
                f"held_out={self.held_out}: a share of the queries, above 0, up to 0.5"
            )

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)

    def identity(self) -> dict[str, Any]:
        """The options that decide which weights come out: those of one run, resumed or not."""
        return {name: value for name, value in asdict(self).items() if name not in _FREE}
