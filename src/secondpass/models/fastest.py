"""`fastest:FOLDER`: a cross-encoder on the runtime, and from the file, that is fastest here.

Which one is fastest depends on the processor's instructions, and not as their names suggest: on
one with AVX2 alone OpenVINO's int8 is slower than its float32, and with VNNI it is twice as fast.
So all that the folder and the processor allow are timed once, on pairs like those of a query with
passages, and the figures are kept in a small file for this machine and these weights.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, cast

from secondpass.core.errors import ModelError
from secondpass.core.timing import time_call
from secondpass.models.batching import count_processors
from secondpass.models.loading import QUESTIONS, TOKEN_BUDGET
from secondpass.models.model_files import MODEL_FILES, digest, fetch, find_file, weight_files
from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder
from secondpass.models.openvino.cross_encoder import OpenVinoCrossEncoder
from secondpass.models.openvino.session import (
    Precision,
    fastest_float,
    import_openvino,
    is_int8,
    read_graph,
)
from secondpass.stages.score import Pair

ROUNDS, PAIRS = 2, 32
RUNTIMES = ("onnxruntime", "openvino")
CrossEncoder = OnnxCrossEncoder | OpenVinoCrossEncoder
_logger = logging.getLogger("secondpass")


@dataclass(frozen=True, slots=True)
class Choice:
    """What was chosen for a model on this machine.

    Attributes:
        pairs_per_second: Of each way to run the model, such as "openvino model.onnx bfloat16".
        kept_in: The file that remembers it; None where it could not be written.
    """

    pairs_per_second: Mapping[str, float]
    kept_in: Path | None

    @property
    def fastest(self) -> str:
        return max(self.pairs_per_second, key=lambda way: self.pairs_per_second[way])

    def __str__(self) -> str:
        rates = sorted(self.pairs_per_second.items(), key=lambda item: -item[1])
        listed = ", ".join(f"{way} {rate:.0f}" for way, rate in rates)
        kept = f"; kept in {self.kept_in}" if self.kept_in else ""
        return f"pairs a second on this machine: {listed}{kept}"


def fastest(
    model: str | os.PathLike[str],
    *,
    revision: str | None = None,
    file: str | None = None,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    verify: bool = True,
    on_progress: Callable[[int, int], None] | None = None,
    measure_again: bool = False,
) -> CrossEncoder:
    """The model as it is fastest on this machine; see `choose`.

    The scorer's name says what was taken, and differs between machines as the scores do (by
    hundredths of a logit, with int8 by tenths). Where the same scores are needed on all of them, as
    for a fitted threshold, name one: ``onnx:FOLDER``.

    Args:
        model: Folder or hub id, see `OnnxCrossEncoder`.
        measure_again: Time all of them even if the choice is known.
        revision, file, max_length, token_budget, threads, verify, on_progress: See
            `OnnxCrossEncoder`; with `file`, only this one is tried.

    Raises:
        ModelError: No file can be read as a cross-encoder, or it failed the smoke test.
        InvalidInputError: An argument that makes no sense.
    """
    options: dict[str, Any] = {
        "revision": revision, "max_length": max_length, "token_budget": token_budget,
        "threads": threads,
    }  # fmt: skip
    chosen = choose(model, file=file, measure_again=measure_again, **options)
    return _load(model, chosen.fastest, **options, verify=verify, on_progress=on_progress)


def choose(
    model: str | os.PathLike[str],
    *,
    revision: str | None = None,
    file: str | None = None,
    max_length: int = 512,
    token_budget: int = TOKEN_BUDGET,
    threads: int | None = None,
    measure_again: bool = False,
) -> Choice:
    """Time every way to run the model on this machine, or recall what was measured before.

    ONNX Runtime takes each file with a usual name, float and int8; OpenVINO, where it is installed,
    each of them in each precision that the processor has.

    Raises:
        ModelError: No file can be read as a cross-encoder.
    """
    folder = fetch(os.fspath(model), revision, file or MODEL_FILES)
    files = [file] if file else [name for name in MODEL_FILES if (folder / name).is_file()]
    names = files or [str(find_file(folder, None).relative_to(folder))]
    options = {"max_length": max_length, "token_budget": token_budget, "threads": threads}
    key = _key(folder, names, options)
    path = _kept_in()
    kept = _read(path)
    if key in kept and not measure_again:
        return Choice(kept[key], path)
    rates: dict[str, float] = {}
    refused: list[str] = []
    for way in (way for name in names for way in _ways(folder, name)):
        try:
            rates[way] = _pairs_per_second(folder, way, options)
        except ModelError as error:
            refused.append(f"{way}: {error}")
    if not rates:
        raise ModelError("; ".join(refused))
    chosen = Choice(rates, path if _write(path, kept | {key: rates}) else None)
    _logger.info("fastest:%s, %s", model, "; ".join([str(chosen), *refused]))
    return chosen


def _ways(folder: Path, file: str) -> list[str]:
    """How a file can be run here: "onnx FILE", "openvino FILE PRECISION"."""
    ways = [f"onnx {file}"]
    try:
        version("openvino")
    except PackageNotFoundError:
        return ways
    graph = read_graph(import_openvino().Core(), find_file(folder, file))
    precisions = ["int8" if is_int8(graph) else "float32"]
    if fastest_float() == "bfloat16":
        precisions.append("int8-bfloat16" if is_int8(graph) else "bfloat16")
    return ways + [f"openvino {file} {precision}" for precision in precisions]


def _load(model: str | os.PathLike[str], way: str, **options: Any) -> CrossEncoder:
    runtime, _, rest = way.partition(" ")
    if runtime == "onnx":
        return OnnxCrossEncoder(model, file=rest, **options)
    file, _, precision = rest.rpartition(" ")
    return OpenVinoCrossEncoder(model, file=file, precision=cast(Precision, precision), **options)


def _pairs() -> list[Pair]:
    """Pairs of 20 to 140 words, as passages of a collection have them."""
    words = " ".join(text for _, *texts in QUESTIONS for text in texts).split()
    lengths = [20 + 120 * (i * 7 % PAIRS) // PAIRS for i in range(PAIRS)]
    return [
        (QUESTIONS[0][0], " ".join(words[(i + j) % len(words)] for j in range(length)))
        for i, length in enumerate(lengths)
    ]


def _pairs_per_second(folder: Path, way: str, options: Mapping[str, Any]) -> float:
    """The best round after a few pairs to warm up: whatever else the machine does adds time."""
    scorer, pairs = _load(folder, way, **options, verify=False), _pairs()
    scorer.score(pairs[::4])
    run = partial(scorer.score, pairs)
    return PAIRS / min(time_call(run, time.perf_counter) for _ in range(ROUNDS))


def _key(folder: Path, files: list[str], options: Mapping[str, Any]) -> str:
    """Of everything that the speed depends on: another processor or runtime is measured anew."""
    weights = digest(*(path for name in files for path in weight_files(folder / name)))
    versions = [_version(package) for package in RUNTIMES]
    parts = (weights, files, dict(options), versions, _processor(), count_processors())
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:24]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return f"{platform.processor()} {platform.machine()}"
    return " ".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def _kept_in() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "secondpass/fastest.json"


def _read(path: Path) -> dict[str, dict[str, float]]:
    """What is remembered; nothing where the file is not there or not ours."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return {
            str(key): {str(way): float(rate) for way, rate in rates.items()}
            for key, rates in kept.items()
            if rates
        }
    except (OSError, ValueError, TypeError, AttributeError, RecursionError):
        return {}


def _write(path: Path, kept: Mapping[str, Mapping[str, float]]) -> bool:
    partial_file = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial_file.write_text(json.dumps(kept, indent=1), encoding="utf-8")
        partial_file.replace(path)
    except OSError as error:
        _logger.info("%s cannot be written, so speeds are measured again: %s", path, error)
        return False
    return True
