"""An order as it was read from an answer: perhaps only a part of one, and how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Form = Literal["json", "tags", "chain", "list", "line", "none"]
"""How it was written."""


@dataclass(frozen=True, slots=True)
class ParsedOrder:
    """What an answer says about an order.

    Attributes:
        order: Places of the passages it names, best first, each once. May be partial.
        asked: How many passages it should have named.
        duplicates: How often it named one again.
        unknown: How many names it gave that nobody has.
        form: How it was written.
    """

    order: tuple[int, ...]
    asked: int
    duplicates: int = 0
    unknown: int = 0
    form: Form = "none"

    @property
    def coverage(self) -> float:
        """Share of the passages that it names, 0 to 1."""
        return len(self.order) / self.asked if self.asked else 1.0

    @property
    def completed(self) -> tuple[int, ...]:
        """A permutation: what it names, then the rest in the order in which it was shown."""
        named = set(self.order)
        return (*self.order, *(i for i in range(self.asked) if i not in named))

    @property
    def problem(self) -> str:
        """What is wrong, for people and for the model; "" if nothing is."""
        said = []
        if self.form == "none":
            said.append("it holds no order")
        elif len(self.order) < self.asked:
            said.append(f"it names {len(self.order)} of {self.asked} passages")
        if self.duplicates:
            said.append(f"it names passages again {self.duplicates} times")
        if self.unknown:
            said.append(f"it names {self.unknown} that do not exist")
        return ", ".join(said)
