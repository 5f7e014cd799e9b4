"""Inside a worker of ours: how long the tokeniser and the model are at work, and so how long not.

The calls of the two libraries are wrapped before ours imports them. What counts is the union of
their intervals, so that work that overlaps in threads is not counted twice.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

Interval = tuple[float, float]
_taken: dict[str, list[Interval]] = {"tokeniser": [], "model": []}


def watch() -> dict[str, Any]:
    """Wrap the calls; before secondpass is imported."""
    import tokenizers

    tokenizers.Tokenizer = _Watched  # type: ignore[misc,assignment]
    from secondpass.models.openvino.session import import_openvino

    for module, name, methods in (
        ("onnxruntime", "InferenceSession", ("run", "run_with_iobinding")),
        ("openvino", "CompiledModel", ("__call__",)),
        ("openvino", "InferRequest", ("infer", "wait")),
        ("openvino", "AsyncInferQueue", ("start_async", "wait_all")),
    ):
        try:  # as the library imports it: openvino without its telemetry, which forks
            library = import_openvino() if module == "openvino" else import_module(module)
            of = getattr(library, name)
        except (ImportError, AttributeError):
            continue
        for method in methods:
            if hasattr(of, method):
                setattr(of, method, _timed("model", getattr(of, method)))
    return {}


def measure_overhead(
    model: str, options: dict[str, Any], threads: int, texts: str, repeats: int
) -> dict[str, Any]:
    """Medians over repeats of the first short list, in milliseconds, and the rest as a share."""
    from speed.contenders.secondpass import Peer

    peer = Peer(model, options, threads)
    one = json.loads(Path(texts).read_text(encoding="utf-8"))["short"][0]
    given = peer.given(one["query"], one["texts"])
    peer.run(given)
    rows: list[tuple[float, float, float, float]] = []
    for _ in range(repeats):
        for of in _taken.values():
            of.clear()
        start = time.perf_counter()
        peer.run(given)
        wall = time.perf_counter() - start
        parts = [union(_taken[name]) for name in ("tokeniser", "model")]
        busy = union(_taken["tokeniser"] + _taken["model"])
        rows.append((wall, *parts, (wall - busy) / wall))
    if not median(r[2] for r in rows):
        raise RuntimeError("no call of the model was seen; speed/overhead.py does not know it")
    names = ("wall_ms", "tokeniser_ms", "model_ms")
    made = {n: round(1000 * median(r[i] for r in rows), 2) for i, n in enumerate(names)}
    return made | {"share": round(median(r[3] for r in rows), 4)}


def union(intervals: list[Interval]) -> float:
    """Length of the union of intervals (start, end)."""
    total, reached = 0.0, float("-inf")
    for start, end in sorted(intervals):
        if end > reached:
            total += end - max(start, reached)
            reached = end
    return total


def _timed(what: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **named: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*arguments, **named)
        finally:
            _taken[what].append((start, time.perf_counter()))

    return call


def _original() -> Any:
    from tokenizers.tokenizers import Tokenizer

    return Tokenizer


class _Watched:
    """A tokenizer whose encoding is timed; the class is Rust's and takes no new attributes."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    @classmethod
    def from_file(cls, path: str) -> _Watched:
        return cls(_original().from_file(path))

    @classmethod
    def from_str(cls, text: str) -> _Watched:
        return cls(_original().from_str(text))

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return _timed("tokeniser", found) if name.startswith("encode") else found
