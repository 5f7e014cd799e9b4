"""The page's template, filled. Whatever comes from data is escaped by jinja2, nothing by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from secondpass.core.errors import MissingExtraError
from secondpass.evaluate.paired_difference import shown_p

try:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup
except ImportError as error:
    raise MissingExtraError("a report", "eval") from error

FOLDER = Path(__file__).parent / "template"
SHORT = 260
"""Characters of a passage before it is folded."""


def rendered(values: dict[str, Any]) -> str:
    """The page.

    Args:
        values: By name; strings are escaped, `Markup` is not.
    """
    env = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    env.filters |= {
        "fixed": _fixed,
        "signed": _signed,
        "percent": _percent,
        "p": shown_p,
        "ms": _ms,
    }
    own = {name: Markup((FOLDER / name).read_text("utf-8")) for name in ("page.css", "page.js")}
    return env.get_template("page.html").render(
        values, css=own["page.css"], script=own["page.js"], short=SHORT
    )


def markup(html: str) -> Markup:
    """Text that is HTML already."""
    return Markup(html)


def _fixed(value: float | None, digits: int = 3) -> str:
    return "–" if value is None else f"{value:.{digits}f}"  # noqa: RUF001


def _signed(value: float | None, digits: int = 3) -> str:
    if value is None:
        return "–"  # noqa: RUF001
    return f"{value:+.{digits}f}".replace("-", "\N{MINUS SIGN}")


def _percent(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{100 * value:.{digits}f}\N{NARROW NO-BREAK SPACE}%"  # noqa: RUF001


def _ms(seconds: float) -> str:
    milliseconds = 1000 * seconds
    return f"{milliseconds:.0f}" if milliseconds >= 10 else f"{milliseconds:.2g}"
