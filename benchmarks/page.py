"""docs/evaluation.md, docs/speed.md and their plots, from what stands in benchmarks/results.

    python benchmarks/page.py

Figures and plots only: no text of a collection is on the page.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import data
from results_file import RESULTS
from speed.kinds import render_kind, render_kinds, stored_results

from secondpass import load

PAGE = data.ROOT / "docs/evaluation.md"
SECTIONS = {
    "builtin_collections": (
        "The built-in model on every English collection",
        "Does reranking with what ships in the package help, and against what? BM25 is the order "
        "that came in; the bi-encoder is the model whose weights training started from.",
    ),
    "builtin_quality": (
        "What quantisation costs and gains",
        "The same weights in float32 and in the int8 file that ships.",
    ),
    "processors": (
        "The same scores on every processor",
        "int8 scores with AVX-512 and with AVX2 alone, as files are written and as they would be "
        "with attention's softmax as one operator.",
    ),
    "evaluation": (
        "Compared, with significance tests",
        "Differences with bootstrap intervals and randomisation tests, corrected for the number of "
        "tests; what any reranking could reach at most; quality and latency by depth.",
    ),
    "calibration": (
        "What its probabilities are worth",
        "As shipped on collections that it never saw, fitted on one and judged on another, and "
        "fitted on a few of their queries. The table of transfer is from before the correction for "
        "prior shift was removed, and is the reason for it.",
    ),
    "guarantee": (
        "Whether a guarantee holds",
        "`guaranteed(..., missed at most .1, confidence .9)` on random halves of the queries, "
        "checked on the other halves, and how much context it saves.",
    ),
    "learned_fusion": (
        "Learned weights",
        "`learn_fusion` against fixed weights and against each member.",
    ),
    "fine_tuning": (
        "Fine-tuned on a new domain",
        "`secondpass train` on a part of a collection's queries, measured on another.",
    ),
    "split": (
        "Passages read once",
        "`builtin-split`: a passage's vectors are computed once and kept; only the query is read.",
    ),
    "judges": (
        "What an LLM's order costs",
        "A simulated judge: quality, calls and rounds of each algorithm.",
    ),
    "footprint": ("Start and memory", "A new process, and a thousand long candidates."),
}


def main() -> None:
    parts: list[str] = []
    figures = PAGE.parent / "figures"
    figures.mkdir(parents=True, exist_ok=True)
    for name, (title, about) in SECTIONS.items():
        tables = sorted(RESULTS.glob(f"{name}.md")) or sorted(RESULTS.glob(f"{name}-*.md"))
        if not tables:
            raise SystemExit(f"{name}.md is missing; `make evaluate` writes it")
        parts += [f"## {title}\n", about + "\n", *map(text_of, tables)]
        plots = sorted(RESULTS.glob(f"{name}*.png"))
        for plot in plots:
            shutil.copyfile(plot, figures / plot.name)
            parts.append(f"![{title}](figures/{plot.name})\n")
    PAGE.write_text("\n".join([*beginning("".join(parts)), *parts]), encoding="utf-8")
    speed()


def beginning(tables: str) -> list[str]:
    """The page's head, which says if a table is of another model than the one that ships."""
    ships = load("builtin:raw").name
    older = sorted(set(re.findall(r"builtin@[0-9a-f]{12}", tables)) - {ships})
    lines = [
        "# Evaluation\n",
        "Made by `make evaluate`. Each table names the command that wrote it; run that to measure "
        "on your machine. The collections are not part of the repository.\n",
    ]
    if older:
        lines.append(
            f"The built-in model that ships is `{ships}`. What names {' or '.join(older)} was "
            "measured with an earlier file of it and not again since.\n"
        )
    return lines


def text_of(table: Path) -> str:
    """A result without its plots, which follow it on the page from another folder."""
    lines = table.read_text(encoding="utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("![")).rstrip() + "\n"


def speed() -> None:
    """docs/speed.md, out of what `make bench` measured on each kind of processor."""
    measured = stored_results(RESULTS)
    if not measured:
        raise SystemExit("speed-KIND.json is missing; `make bench` writes it")
    parts = [render_kinds(measured)]
    for results in measured:
        name = f"speed-{results['machine']['kind']}"
        shutil.copyfile(RESULTS / f"{name}.png", PAGE.parent / f"figures/{name}.png")
        parts.append(render_kind(results, (RESULTS / f"{name}.md").read_text(encoding="utf-8")))
    (PAGE.parent / "speed.md").write_text("\n".join(parts), encoding="utf-8")


if __name__ == "__main__":
    main()
