"""Tables in plain text: first column to the left, the others to the right."""

from __future__ import annotations

from collections.abc import Sequence


def plain_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns two blanks apart, with a line under the head."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]

    def line(cells: Sequence[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = (c.rjust(w) for c, w in zip(cells[1:], widths[1:], strict=True))
        return "  ".join((first, *rest)).rstrip()

    return "\n".join([line(head), "  ".join("-" * w for w in widths), *map(line, rows)])
