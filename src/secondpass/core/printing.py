"""How results print themselves: a repr of a line or two, and tables in plain text."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST, FEW = 60, 5
"""Characters of a value, and items of a collection, that are shown."""


def short_repr(cls: type[T]) -> type[T]:
    """Give a dataclass or a named tuple a repr that shows what is short and sums up the rest."""
    fields = (
        [field.name for field in dataclasses.fields(cls) if field.repr]
        if dataclasses.is_dataclass(cls)
        else list(cls._fields)  # type: ignore[attr-defined]
    )

    def __repr__(self: T) -> str:
        values = ", ".join(f"{name}={_value(getattr(self, name))}" for name in fields)
        return f"{cls.__name__}({values})"

    cls.__repr__ = __repr__  # type: ignore[method-assign, assignment]
    return cls


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, str):
        return repr(value if len(value) <= LONGEST else value[: LONGEST - 1] + "…")
    if hasattr(value, "shape"):  # numpy would print its numbers
        return f"<array of shape {value.shape}>"
    small = not isinstance(value, Collection) or len(value) <= FEW
    text = repr(value) if small or dataclasses.is_dataclass(value) else ""
    if text and len(text) <= LONGEST:
        return text
    if dataclasses.is_dataclass(value) or not isinstance(value, Collection):
        return f"{type(value).__name__}(...)"
    return f"<{len(value)} of them>"


def format_table(head: Sequence[str], rows: Sequence[Sequence[str | float | None]]) -> str:
    """Columns with two spaces between them and a line under the head.

    The first column is aligned to the left, the others to the right. Floats have four decimals,
    from 10 on one; None is a dash.
    """
    cells = [list(head), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    cells.insert(1, ["-" * width for width in widths])
    lines = []
    for first, *others in cells:
        right = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *right]).rstrip())
    return "\n".join(lines)


def _cell(value: str | float | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4f}" if abs(value) < 10 else f"{value:.1f}"
    return str(value)
