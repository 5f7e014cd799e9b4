"""speed-KIND.md out of speed-KIND.json: the figures of one kind of processor."""

from __future__ import annotations

from typing import Any

from speed.reach import shares_of_limit
from speed.roster import DEFAULT, FLASHRANK
from speed.targets import Results, ratios, rows, targets


def render_page(results: Results) -> str:
    """The whole page."""
    parts = [_head(results), _targets(results), _rates(results), _waits(results)]
    parts += [_depth(results), _limit(results), _absent(results), _versions(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def table(columns: list[str], lines: list[list[str]]) -> str:
    """A Markdown table, first column left, the others right."""
    rule = "|---|" + "---:|" * (len(columns) - 1)
    body = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join(["| " + " | ".join(columns) + " |", rule, *body])


def _head(results: Results) -> str:
    of, parts = results["machine"], results["parts"]
    texts = parts.get("short", {}).get("candidates", "the collection's passages")
    amx = "AMX switched off" if of["amx_switched_off"] else (
        "AMX" if "amx_bf16" in of["instructions"] else "no AMX")  # fmt: skip
    lines = [
        f"Reranking with the same weights ({of['model']}), the same texts ({texts}; long documents "
        "joined from passages) and the same threads by every library in turn, each in a process of "
        f"its own, on {of['threads']} threads of {of['processor']} ({amx}; "
        f"{', '.join(of['instructions']) or 'instructions unknown'}; {of['system']}). "
        f"`{results['command']}`",
        "",
        f"Ratios are medians of ratios within a round, to {DEFAULT}. Rates are medians of rounds. "
        f"Load average when it started: {of['load_average_at_start']}.",
    ]
    if of["quick"]:
        lines += ["", "These are figures of `--quick`, whose sizes are too small to quote."]
    broken = [f"{n}: {p['broken']}" for n, p in parts.items() if "broken" in p]
    return "\n".join(["# Speed", "", *lines, *(f"\nPart that broke: {one}" for one in broken)])


def _targets(results: Results) -> str:
    words = {True: "met", False: "NOT met", None: "not measured"}
    lines = [[t.what, t.measured, words[t.met]] for t in targets(results)]
    return "## Targets\n\n" + table(["target", "measured", "verdict"], lines)


def _name(results: Results, name: str) -> str:
    return name + (" (own weights)" if name in results["own_weights"] else "")


def _cell(value: Any, form: str = "{:.1f}") -> str:
    return "" if value is None else form.format(value)


def _rates(results: Results) -> str:
    wanted = [p for p in ("short", "long", "eight") if p in results["parts"]]
    if not wanted:
        return ""
    columns = ["contender"]
    for part in wanted:
        columns += [f"{part}, pairs/s", "ratio"]
    columns += [f"/ {rival}, short" for rival in FLASHRANK.values()] + ["nDCG@10"]
    to = {part: ratios(results, part, DEFAULT) for part in wanted}
    flash = [ratios(results, "short", rival) for rival in FLASHRANK.values()]
    lines = []
    for name in results["order"]:
        if name in results["absent"]:
            continue
        line = [_name(results, name)]
        for part in wanted:
            row = rows(results, part).get(name)
            why = "failed" if name in results["parts"][part]["failed"] else ""
            line += [_cell(row["pairs_per_second"]) if row else why]
            line += [_cell(to[part].get(name), "{:.2f}")]
        line += [_cell(by.get(name), "{:.2f}") for by in flash]
        line += [_cell(rows(results, "short").get(name, {}).get("ndcg"), "{:.4f}")]
        lines.append(line)
    text = "## Pairs a second\n\n" + table(columns, lines)
    for part in wanted:
        of = results["parts"][part]
        text += f"\n\n{part}: {of['pairs']:,} pairs"
        text += f" of {of['tokens_per_pair']} tokens" if "tokens_per_pair" in of else ""
        if part == "long" and (whole := results.get("read_whole")):
            text += f" as models cut them at 512; {' and '.join(whole)} reads whole texts, in parts"
        if part == "eight":
            ways = (f"{n} {r['way']}" for n, r in of["rows"].items())
            text += ", eight queries at the same moment, each in its best way: " + "; ".join(ways)
        if of.get("ndcg_before") is not None:
            text += f", {of['queries']} queries; nDCG@10 before reranking {of['ndcg_before']:.4f}"
        text += "."
    return text


def _waits(results: Results) -> str:
    parts = results["parts"]
    if not {"ten", "cold", "thousand"} & set(parts):
        return ""
    ten, cold, thousand = (rows(results, p) for p in ("ten", "cold", "thousand"))
    slower = ratios(results, "cold", DEFAULT)
    sizes = {"tenth": 100, "candidates": 1000} | parts.get("thousand", {})
    columns = [
        "contender", "10 candidates p50 ms", "p95 ms", "cold start s", "ratio", "import s",
        "peak MB loaded", f"{sizes['tenth']} candidates", f"{sizes['candidates']} candidates",
        "seconds",
    ]  # fmt: skip
    lines = []
    for name in results["order"]:
        if not any(name in part for part in (ten, cold, thousand)):
            continue
        a, b, c = (part.get(name, {}) for part in (ten, cold, thousand))
        lines.append([
            _name(results, name), _cell(a.get("p50_ms")), _cell(a.get("p95_ms")),
            _cell(b.get("first_s"), "{:.2f}"), _cell(slower.get(name), "{:.2f}"),
            _cell(b.get("import_s"), "{:.2f}"), _cell(c.get("loaded_mb"), "{:.0f}"),
            _cell(c.get("tenth_mb"), "{:.0f}"), _cell(c.get("all_mb"), "{:.0f}"),
            _cell(c.get("seconds"), "{:.2f}"),
        ])  # fmt: skip
    return (
        "## Latency, cold start, memory\n\n" + table(columns, lines) + "\n\nCold start: from the "
        "start of a new process to its first answer for ten candidates, files in the disk cache. "
        "Memory: the process's peak."
    )


def _depth(results: Results) -> str:
    made = []
    if of := rows(results, "depth"):
        depths = [str(d) for d in results["parts"]["depth"]["depths"]]
        lines = [
            [name, *(_cell(row["tokens_per_second"].get(d), "{:,}") for d in depths),
             f"{row['spread']:.1%}"]
            for name, row in of.items()
        ]  # fmt: skip
        heads = ["tokens/s at so many candidates", *depths, "lowest below highest"]
        made.append("## By depth\n\n" + table(heads, lines))
    if of := rows(results, "overhead"):
        lines = [
            [_name(results, n), f"{r['wall_ms']:.1f}", f"{r['tokeniser_ms']:.1f}",
             f"{r['model_ms']:.1f}", f"{r['share']:.1%}"]
            for n, r in of.items()
        ]  # fmt: skip
        heads = ["ours", "wall ms", "tokeniser ms", "model ms", "neither, share of wall"]
        made.append("## Overhead\n\n" + table(heads, lines))
    return "\n\n".join(made)


def _limit(results: Results) -> str:
    if not (of := rows(results, "limit")):
        return ""
    part = results["parts"]["limit"]
    text = "## What the limit is\n\n" + table(
        ["matrix products of the model's shapes", "10^9 operations/s"],
        [[name, f"{rate / 1e9:,.0f}"] for name, rate in of.items()],
    )
    text += "".join(f"\n\n{name} does not run here ({why})." for name, why in part["notes"].items())
    lines = [
        [r.name, r.part, f"{r.rate / 1e9:,.0f}", r.limit_name, f"{r.share:.0%}"]
        for r in shares_of_limit(results)
    ]
    if lines:
        heads = ["contender", "workload", "10^9 operations/s", "limit", "reached"]
        text += "\n\n" + table(heads, lines)
        text += (
            "\n\nOperations: those of the model's layers on the tokens of the texts, attention "
            "included, padding and embeddings not. The limit is the fastest of the products above "
            "in the precision of the row; softmax, normalisation and GELU are not in it."
        )
    return text


def _absent(results: Results) -> str:
    lines = [f"- {name}: skipped, {why}" for name, why in results["absent"].items()]
    for part, of in results["parts"].items():
        lines += [f"- {name}, {part}: failed, {why}" for name, why in of["failed"].items()]
    return "## Skipped and failed\n\n" + "\n".join(lines) if lines else ""


def _versions(results: Results) -> str:
    groups: dict[str, list[str]] = {}
    for name, of in results["versions"].items():
        versions = ", ".join(f"{package} {version}" for package, version in of.items())
        groups.setdefault(versions, []).append(name)
    most = max(groups, key=lambda versions: len(groups[versions]), default="")
    lines = [
        versions if versions == most else f"{', '.join(names)}: {versions}"
        for versions, names in groups.items()
    ]
    return "## Versions\n\n" + "\n\n".join(line + "." for line in lines) if lines else ""
