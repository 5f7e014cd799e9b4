"""What was promised, next to what was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rounds import ratio_of_rounds

from speed.roster import DEFAULT, FLASHRANK, OURS

EQUAL_QUALITY = 0.005
"""nDCG@10 may be so much below the default's."""
Results = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """One promise. `met` is None where the part was not run."""

    what: str
    measured: str
    met: bool | None


def rows(results: Results, part: str) -> dict[str, Any]:
    """A part's rows; none where it was not run."""
    return dict(results["parts"].get(part, {}).get("rows", {}))


def ratios(results: Results, part: str, to: str) -> dict[str, float]:
    """Median of ratios within rounds of every row to the row `to`."""
    of = rows(results, part)
    theirs = of.get(to, {}).get("rounds", [])
    made = {name: ratio_of_rounds(row["rounds"], theirs) for name, row in of.items()}
    return {name: value for name, value in made.items() if value is not None}


def equal_quality(results: Results) -> list[str]:
    """Ours with the same weights, whose nDCG@10 is at most `EQUAL_QUALITY` below the default's;
    all of them where there are no grades."""
    short = rows(results, "short")
    base = short.get(DEFAULT, {}).get("ndcg")
    return [
        name for name in results["ours"]
        if name in short and name not in results["own_weights"]
        and (base is None or short[name]["ndcg"] >= base - EQUAL_QUALITY)
    ]  # fmt: skip


def targets(results: Results) -> list[Target]:
    """All of them, in the order in which they were set."""
    amx = any(i.startswith("amx") for i in results["machine"]["instructions"])
    off = results["machine"]["amx_switched_off"]
    made = []
    for part, texts in (("short", "short passages"), ("long", "long mixed documents")):
        best = _best(results, part)
        for times, condition in ((5, ""), (8, ", the further aim"), (3, ", without AMX")):
            if times == 3 and amx and not off:
                measured, met = "this run has AMX; run with --without-amx", None
            else:
                measured, met = _verdict(best, times)
            made.append(Target(
                f"at least {times}x {DEFAULT}, {texts}, equal nDCG@10{condition}", measured, met
            ))  # fmt: skip
    made += [*_flashrank(results), _memory(results)]
    made += [_overhead(results), *_adapters(results), _flat(results), _cold(results)]
    return made


def _best(results: Results, part: str) -> tuple[str, float] | None:
    by = ratios(results, part, DEFAULT)
    able = {name: by[name] for name in equal_quality(results) if name in by}
    name = max(able, key=lambda n: able[n], default=None)
    return None if name is None else (name, able[name])


def _verdict(best: tuple[str, float] | None, least: float) -> tuple[str, bool | None]:
    if best is None:
        return "not measured", None
    return f"{best[1]:.2f}x ({best[0]})", best[1] >= least


def _flashrank(results: Results) -> list[Target]:
    """Ours on the very file that FlashRank reads, by whichever engine and precision is fastest at
    equal nDCG@10; and ONNX Runtime in FlashRank's own precision beside it."""
    made = []
    able = equal_quality(results)
    for form, rival in FLASHRANK.items():
        ours = [name for name, _, _, weights, _ in OURS if weights == form and name in able]
        for part in ("short", "long"):
            by = ratios(results, part, rival)
            best = max((n for n in ours if n in by), key=lambda n: by[n], default=None)
            measured, met = _verdict(None if best is None else (best, by[best]), 4)
            alike = "secondpass " + rival.lower().replace("flashrank", "onnx")
            if best != alike and alike in by:
                measured += f"; {by[alike]:.2f}x ({alike})"
            made.append(Target(f"at least 4x {rival} on the same ONNX file, {part}", measured, met))
    return made


def _memory(results: Results) -> Target:
    what = "bounded memory where FlashRank's grows (peak from a tenth of the candidates to all)"
    of = rows(results, "thousand")
    mine, theirs = of.get("secondpass onnx float32"), of.get(FLASHRANK["onnx"])
    if mine is None:
        return Target(what, "not measured", None)
    grown = mine["all_mb"] - mine["tenth_mb"]
    measured = f"ours {mine['tenth_mb']} to {mine['all_mb']} MB"
    if theirs is not None:
        measured += f", FlashRank {theirs['tenth_mb']} to {theirs['all_mb']} MB"
    return Target(what + ": at most 10 % more", measured, grown <= 0.1 * mine["tenth_mb"])


def _overhead(results: Results) -> Target:
    what = "library overhead at most 3 % of wall time at 100 candidates"
    of = {n: r["share"] for n, r in rows(results, "overhead").items()}
    if not of:
        return Target(what, "not measured", None)
    worst = max(of, key=lambda n: of[n])
    count = results["parts"]["overhead"]["candidates"]
    return Target(what, f"at most {of[worst]:.1%} ({worst}), {count} candidates", of[worst] <= 0.03)


def _adapters(results: Results) -> list[Target]:
    made = []
    for name, row in rows(results, "adapters").items():
        what = f"{name} adapter at most 2 ms for 100 nodes"
        if "ms" in row:
            made.append(Target(what, f"{row['ms']:.2f} ms", row["ms"] <= 2))
        else:
            made.append(Target(what, row["absent"], None))
    return made or [Target("adapters at most 2 ms for 100 nodes", "not measured", None)]


def _flat(results: Results) -> Target:
    what = "tokens per second flat from 10 to 10,000 candidates (within 15 %)"
    of = {n: r["spread"] for n, r in rows(results, "depth").items()}
    if not of:
        return Target(what, "not measured", None)
    worst = max(of, key=lambda n: of[n])
    depths = results["parts"]["depth"]["depths"]
    reached = max(depths)
    measured = (
        f"lowest at most {of[worst]:.1%} below highest ({worst}), {min(depths)} to {reached:,}"
    )
    met = of[worst] <= 0.15
    return Target(what, measured, met if reached >= 10_000 or not met else None)


def _cold(results: Results) -> Target:
    what = f"cold start to first result at most a third of {DEFAULT}'s"
    by = {n: r for n, r in ratios(results, "cold", DEFAULT).items() if n in results["ours"]}
    if not by:
        return Target(what, "not measured", None)
    worst = max(by, key=lambda n: by[n])
    best = min(by, key=lambda n: by[n])
    measured = f"{by[best]:.2f} ({best}) to {by[worst]:.2f} ({worst})"
    return Target(what + ", all of ours", measured, by[worst] <= 1 / 3)
