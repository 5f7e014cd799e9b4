"""The result of `measure`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from secondpass.bench.autotune import Setting, SettingsTried
from secondpass.bench.cold_start import ColdStart
from secondpass.core.printing import format_table, short_repr


@dataclass(frozen=True, slots=True)
class Latency:
    """One depth.

    Attributes:
        depth: The number of candidates that are reranked for one query.
        p50: Median seconds.
        p95: Seconds that 95 % of the runs stay below.
        runs: The number of timed runs.
    """

    depth: int
    p50: float
    p95: float
    runs: int


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadSpeed:
    """One kind of text.

    Attributes:
        name: ``short``, ``long``, or ``texts`` for the user's own.
        mean_words: Mean number of words of a text.
        latencies: One for each depth, rising.
        fits: The number of candidates that fit into the budget, at p95.
        or_more: Whether that is only the largest depth measured.
    """

    name: str
    mean_words: float
    latencies: tuple[Latency, ...]
    fits: int
    or_more: bool

    @property
    def pairs_per_second(self) -> float:
        """At the largest depth."""
        last = self.latencies[-1]
        return last.depth / last.p50 if last.p50 else float("inf")


@short_repr
@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """How fast a model is here. Print it, or take `to_dict()`.

    Attributes:
        model: Name, with its revision.
        machine: Processors, system and Python.
        budget: The latency that `fits` is about, in seconds.
        workloads: One for each kind of text.
        settings: Settings that were tried; None where there was nothing to try.
        cold_start: Of a new process; None where none was started.
        notes: What was left out, and why.
    """

    model: str
    machine: str
    budget: float
    workloads: tuple[WorkloadSpeed, ...]
    settings: SettingsTried | None
    cold_start: ColdStart | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values; seconds throughout."""
        plain = asdict(self)
        for workload, row in zip(self.workloads, plain["workloads"], strict=True):
            row["pairs_per_second"] = workload.pairs_per_second
        if self.settings is not None:
            plain["settings"]["best"] = asdict(self.settings.best)
        return plain

    def __str__(self) -> str:
        head = ["depth", "p50 ms", "p95 ms", "runs"]
        parts = [f"{self.model}\n{self.machine}"]
        for w in self.workloads:
            rows = [
                [str(p.depth), f"{1000 * p.p50:.1f}", f"{1000 * p.p95:.1f}", str(p.runs)]
                for p in w.latencies
            ]
            words, rate = f"{w.mean_words:.0f} words", f"{w.pairs_per_second:.0f}"
            title = f"{w.name} texts, {words}: {rate} pairs per second"
            fits = f"{w.fits}{' or more' if w.or_more else ''} candidates"
            parts.append(
                f"{title}\n{format_table(head, rows)}\n"
                f"{fits} fit into {1000 * self.budget:.0f} ms (p95)"
            )
        if self.settings is not None:
            parts.append(_settings_table(self.settings))
        if self.cold_start is not None:
            parts.append(_cold_start_line(self.cold_start))
        return "\n\n".join([*parts, *(f"note: {note}" for note in self.notes)])


def _settings_table(settings: SettingsTried) -> str:
    rows = [
        [_setting_name(s), f"{s.pairs_per_second:.0f}"] for s in (settings.current, *settings.tried)
    ]
    rows[0][0] += " (as given)"
    best = settings.best
    advice = (
        "The setting as given is as fast as any."
        if best is settings.current
        else f"Fastest: load(model, options={_literal(best.options)}), "
        f"{best.pairs_per_second / settings.current.pairs_per_second:.2f} times as fast."
    )
    return f"{format_table(['setting', 'pairs/s'], rows)}\n{advice}"


def _setting_name(setting: Setting) -> str:
    return ", ".join(f"{k}={'auto' if v is None else v}" for k, v in setting.options.items())


def _literal(options: Mapping[str, int | None]) -> str:
    return "{" + ", ".join(f'"{k}": {v}' for k, v in options.items()) + "}"


def _cold_start_line(start: ColdStart) -> str:
    peak = "" if start.peak_mb is None else f"; at most {start.peak_mb:.0f} MB"
    return (
        f"New process: import {1000 * start.import_seconds:.0f} ms, first result after "
        f"{1000 * start.first_result_seconds:.0f} ms{peak}"
    )
