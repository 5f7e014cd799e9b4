"""speed-KIND.png out of speed-KIND.json: pairs per second, and the wait for ten candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from speed.targets import Results, rows

OURS, OTHERS, OWN = "#1f6f8b", "#b9bec4", "#9cc3cf"
PANELS = (
    ("short", "pairs_per_second", "short passages, pairs/s"),
    ("long", "pairs_per_second", "long mixed documents, pairs/s"),
    ("ten", "p50_ms", "ten candidates, median ms\n(less is better)"),
    ("thousand", "all_mb", "peak memory, MB\n(less is better)"),
)


def draw_plot(results: Results, path: Path) -> None:
    """Write the plot of the parts that there are; nothing where there are none."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    panels = [p for p in PANELS if rows(results, p[0])]
    if not panels:
        return
    seen = {name for part, _, _ in panels for name in rows(results, part)}
    names = [name for name in reversed(results["order"]) if name in seen]
    figure, axes = plt.subplots(
        1, len(panels), figsize=(3.2 + 2.7 * len(panels), 1.4 + 0.33 * len(names)),
        sharey=True, squeeze=False, layout="constrained",
    )  # fmt: skip
    for axis, (part, key, title) in zip(axes[0], panels, strict=True):
        of = rows(results, part)
        values = [float(of[name][key]) if name in of else 0.0 for name in names]
        bars = axis.barh(range(len(names)), values, color=[_colour(results, n) for n in names])
        texts = [_label(of, name, key) for name in names]
        axis.bar_label(bars, labels=texts, padding=3, fontsize=8)
        axis.set_title(title, fontsize=10)
        axis.set_xlim(0, 1.28 * max(values))
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(axis="x", labelsize=8)
    shown = [n + (" (own weights)" if n in results["own_weights"] else "") for n in names]
    axes[0][0].set_yticks(range(len(names)), shown, fontsize=9)
    about = results["machine"]
    text = f"{about['model']}, {about['threads']} threads, {about['processor']}"
    figure.suptitle(text + (", quick sizes" if about["quick"] else ""), fontsize=9)
    figure.savefig(path, dpi=130, metadata={"Software": None})
    plt.close(figure)


def _label(of: dict[str, dict[str, Any]], name: str, key: str) -> str:
    if name not in of:
        return "not run"
    value = float(of[name][key])
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _colour(results: Results, name: str) -> str:
    if name in results["own_weights"]:
        return OWN
    return OURS if name in results["ours"] else OTHERS
