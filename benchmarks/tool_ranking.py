"""How often is the right tool among the first k, of 40, for 60 requests written for this?

    python benchmarks/tool_ranking.py

The tools and the requests are in tool_requests.json; requests avoid the descriptions' words as
people do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from results_file import markdown_table, parser, write_results

from secondpass import Stage, load
from secondpass.evaluate import bootstrap_interval
from secondpass.integrations.tools import rank_tools

DATA = Path(__file__).parent / "tool_requests.json"
CUTS = (1, 3, 5)
Tool = dict[str, Any]


def only_name(tool: Tool) -> Tool:
    return {"name": tool["name"]}


def whole(tool: Tool) -> Tool:
    return tool


SYSTEMS: dict[str, tuple[str, Callable[[Tool], Tool]]] = {
    "BM25, name and description": ("bm25", whole),
    "built-in, name only": ("builtin", only_name),
    "built-in, name and description": ("builtin", whole),
    "built-in tiny, name and description": ("builtin-tiny", whole),
}


def ranks(
    stage: Stage, tools: Sequence[Tool], requests: Sequence[tuple[str, list[str]]]
) -> list[int]:
    """For each request the rank of the best right tool, from 1."""
    found = []
    for request, right in requests:
        names = rank_tools(request, tools, model=stage).ids
        found.append(1 + min(names.index(name) for name in right))
    return found


def main() -> None:
    options = parser(__doc__).parse_args()
    data = json.loads(DATA.read_text(encoding="utf-8"))
    report: dict[str, Any] = {"tools": len(data["tools"]), "requests": len(data["requests"])}
    rows = []
    systems: dict[str, Any] = {}
    for name, (model, shown) in SYSTEMS.items():
        found = ranks(load(model), [shown(tool) for tool in data["tools"]], data["requests"])
        hits = {k: [float(rank <= k) for rank in found] for k in CUTS}
        reciprocal = [1 / rank for rank in found]
        low, high = bootstrap_interval(reciprocal)
        systems[name] = {
            **{f"hit@{k}": sum(values) / len(values) for k, values in hits.items()},
            "MRR": sum(reciprocal) / len(found), "MRR interval": [low, high],
            "missed at 5": [r for (r, _), rank in zip(data["requests"], found, strict=True)
                            if rank > 5],
        }  # fmt: skip
        one = systems[name]
        shares = [f"{one[f'hit@{k}']:.2f}" for k in CUTS]
        rows.append([name, *shares, f"{one['MRR']:.2f} [{low:.2f}, {high:.2f}]"])
    report["systems"] = systems
    lines = [
        f"The share of {report['requests']} requests whose tool is among the first k of "
        f"{report['tools']}, and the mean reciprocal rank with its 95 % interval.",
        "",
        *markdown_table(["system", *(f"among the first {k}" for k in CUTS), "MRR"], rows),
    ]
    write_results("tool_ranking", report, lines, options.results)


if __name__ == "__main__":
    main()
