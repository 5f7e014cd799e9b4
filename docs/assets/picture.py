"""before-after.svg from a real run: BM25's order, and what the built-in model makes of it.

    python docs/assets/picture.py          # needs the extra bm25; writes the SVG
    chromium --headless --no-sandbox --screenshot=before-after.png --window-size=1000,420 \\
        --force-device-scale-factor=2 --hide-scrollbars before-after.svg
"""

from __future__ import annotations

from html import escape
from pathlib import Path

from secondpass import Ranking, load

HERE = Path(__file__).parent
QUERY = "does honey ever go bad?"
TEXTS = [
    "Bees make honey from the nectar of flowers.",
    "Honey keeps for years: too little water for bacteria.",
    "Milk goes bad because bacteria turn its sugar into acid.",
    "Why does honey turn solid? Its sugar crystallises.",
    "Never give honey to a baby under one year.",
    "Bad honey harvests are often due to rain in spring.",
    "Bread goes stale even in a closed box.",
]
AT_LEAST = 0.22
WIDTH, ROW, TOP = 1000, 40, 96
LEFT, RIGHT, BOX = 20, 560, 420


def run() -> tuple[Ranking, Ranking]:
    """The order before, and the ranking after with its probabilities."""
    before = load("bm25")(Ranking.of(QUERY, TEXTS))
    return before, load("builtin")(before)


def drawn(before: Ranking, after: Ranking) -> str:
    """The picture as SVG."""
    height = TOP + ROW * len(before) + 44
    kept = sum(p >= AT_LEAST for p in after.scores)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        f'width="{WIDTH}" height="{height}" role="img" font-size="13" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">',
        f"<title>{escape(QUERY)} Before and after</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>',
        _text(LEFT, 34, f"“{QUERY}”", size=19, weight=600),
        _text(LEFT, 70, "What BM25 brought, best first", fill="#5b6472", weight=600),
        _text(RIGHT, 70, "After secondpass, with P(relevant)", fill="#5b6472", weight=600),
    ]
    for place, candidate in enumerate(before):
        x, y = LEFT, TOP + ROW * place
        keeps = after.ids.index(candidate.id) < kept
        parts += [_box(x, y, "#f3f4f6"), _text(x + 12, y + 21, f"{place + 1}", fill="#8a93a3")]
        parts += [_text(x + 32, y + 21, candidate.text)]
        end = TOP + ROW * after.ids.index(candidate.id) + 16
        parts.append(
            f'<path d="M{x + BOX} {y + 16} C{x + BOX + 60} {y + 16} {RIGHT - 60} {end} '
            f'{RIGHT} {end}" fill="none" stroke="{"#3f51b5" if keeps else "#d5d9e0"}" '
            f'stroke-width="{2.5 if keeps else 1.5}"/>'
        )
    for place, (candidate, p) in enumerate(zip(after, after.scores, strict=True)):
        y, keeps = TOP + ROW * place, place < kept
        parts += [
            _box(RIGHT, y, "#e8eaf6" if keeps else "#fafafa"),
            f'<rect x="{RIGHT}" y="{y + 28}" width="{BOX * p:.0f}" height="4" rx="2" '
            f'fill="{"#3f51b5" if keeps else "#c3c8d1"}"/>',
            _text(
                RIGHT + 12, y + 20, f"{p:.2f}", fill="#3f51b5" if keeps else "#9aa2ae", weight=700
            ),
            _text(RIGHT + 50, y + 20, candidate.text, fill="#111827" if keeps else "#9aa2ae"),
        ]
    line = TOP + ROW * kept - 4
    parts += [
        f'<path d="M{RIGHT} {line} H{RIGHT + BOX}" stroke="#c62828" stroke-dasharray="5 4"/>',
        _text(
            RIGHT, height - 20, f"Threshold({AT_LEAST}): {kept} of {len(after)} go to the LLM",
            fill="#c62828", weight=600,
        ),
        _text(
            LEFT, height - 20, "A real run of the built-in model: docs/assets/picture.py",
            fill="#8a93a3", size=12,
        ),
        "</svg>\n",
    ]  # fmt: skip
    return "\n".join(parts)


def _box(x: int, y: int, fill: str) -> str:
    return f'<rect x="{x}" y="{y}" width="{BOX}" height="32" rx="5" fill="{fill}"/>'


def _text(
    x: int, y: int, text: str, *, fill: str = "#111827", size: int = 13, weight: int = 400
) -> str:
    return (
        f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}" '
        f'font-weight="{weight}">{escape(text)}</text>'
    )


if __name__ == "__main__":
    (HERE / "before-after.svg").write_text(drawn(*run()), encoding="utf-8")
