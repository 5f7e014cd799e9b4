"""What is measured: one library with one set of weights and options, in a process of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

Weights = Literal["hf", "onnx", "int8", "own"]
"""The same weights as a Hugging Face folder, as a float32 ONNX folder, as an int8 one; or none of
these: a model with weights of its own, whose quality and speed are not comparable row by row."""


class Peer(Protocol):
    """What a file of `speed.contenders` gives, as its class `Peer`, made of (model, options,
    threads). Only `run` and `many` are timed: what they take is what an application has in hand
    before it calls the library (its nodes, its documents)."""

    def given(self, query: str, texts: Sequence[str]) -> Any: ...

    def run(self, given: Any) -> Any: ...

    def order(self, done: Any) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Contender:
    """One row of the tables.

    Attributes:
        name: What the tables call it.
        kind: The file in `speed.contenders` that runs it.
        weights: Which form of the weights it is given.
        options: Passed to the library.
        needs: Modules that must be importable, or the row is skipped.
        remedy: What to write into the results where they are not.
    """

    name: str
    kind: str
    weights: Weights
    options: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    remedy: str = ""

    @property
    def ours(self) -> bool:
        return self.kind == "secondpass"

    @property
    def same_weights(self) -> bool:
        return self.weights != "own"

    def job(self, folders: Mapping[str, Path], threads: int) -> dict[str, Any]:
        """What its worker is told to load."""
        options = {k: _filled(v, folders) for k, v in self.options.items()}
        return {
            "do": "load", "kind": self.kind, "model": str(folders.get(self.weights, "")),
            "options": options, "threads": threads, "needs": list(self.needs),
            "remedy": self.remedy,
        }  # fmt: skip


def _filled(value: Any, folders: Mapping[str, Path]) -> Any:
    if not isinstance(value, str):
        return value
    for name, folder in folders.items():
        value = value.replace("{" + name + "}", str(folder))
    return value
