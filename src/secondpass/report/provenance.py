"""How a report was made, so that it can be made again."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from secondpass.core.short_repr import short_repr

_PACKAGES = ("secondpass", "numpy", "onnxruntime", "ir-measures", "scikit-learn")


@short_repr
@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a report comes from.

    Attributes:
        command: The command line; None if it was made from Python.
        seed: Of bootstrap and test.
        date: As it is to be shown; None for a page that is the same tomorrow.
        machine: What the times are of.
        versions: Of the packages that matter, Python first.
    """

    command: str | None
    seed: int
    date: str | None
    machine: str
    versions: tuple[tuple[str, str], ...]

    @classmethod
    def here(cls, command: str | None, seed: int, date: str | None) -> Provenance:
        """On this machine, with what is installed."""
        found = [("Python", platform.python_version())]
        for name in _PACKAGES:
            try:
                found.append((name, version(name)))
            except PackageNotFoundError:  # a source tree that is not installed
                continue
        machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
        return cls(command, seed, date, machine, tuple(found))
