"""Which int8 code each weight gets: the nearest, or the one that the layer's sums ask for.

Training moves weights by less than a step of the int8 grid. A model that came from that grid, as
the built-in's torch weights do, would be rounded back to where it started: on wikiqa-test rounding
to the nearest lost all that fine-tuning had gained. So the errors are compensated instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import MissingExtraError
from secondpass.models.onnx.session import onnxruntime

try:
    import onnx
except ImportError as error:
    raise MissingExtraError("quantising a model", "export") from error

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[Any]
    Codes = npt.NDArray[np.int8]

DAMPING = 0.01
"""Of the mean squared activation, added to each: sums seen in few samples are not trusted far."""
BLOCK = 128
"""Rows between two updates of all rows that follow."""
TOKENS = 1024
"""Activations that are held at a time."""


def round_to_nearest(weight: Floats, scale: Floats, largest: int = 127) -> Codes:
    """The nearest codes in [-largest, largest]; `scale` broadcasts to `weight`."""
    codes: Codes = np.rint(weight / scale).clip(-largest, largest).astype(np.int8)
    return codes


def round_compensated(weight: Floats, scale: Floats, moment: Floats, largest: int = 127) -> Codes:
    """Codes whose sums over sample activations are closest to those of `weight`, row by row.

    What rounding a row changes is made good by the rows that follow, as far as their activations
    go together: GPTQ (Frantar et al. 2022, arXiv:2210.17323).

    Args:
        weight: [K, N], a product's right side.
        scale: [N].
        moment: X'X [K, K] of activations X [tokens, K].
        largest: The largest code.
    """
    left = weight.astype(np.float64)
    seen = moment + np.eye(len(moment)) * (DAMPING * np.trace(moment) / len(moment) + 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(seen)).T
    codes = np.empty(weight.shape, dtype=np.int8)
    for start in range(0, len(left), BLOCK):
        end = min(start + BLOCK, len(left))
        missing = np.empty((end - start, left.shape[1]))
        for k in range(start, end):
            codes[k] = round_to_nearest(left[k], scale, largest)
            missing[k - start] = (left[k] - codes[k] * scale) / upper[k, k]
            left[k + 1 : end] -= np.outer(upper[k, k + 1 : end], missing[k - start])
        left[end:] -= upper[start:end, end:].T @ missing
    return codes


def moments(
    model: Any, products: Mapping[str, str], feeds: Iterable[Mapping[str, Any]], scratch: Path
) -> dict[str, Floats]:
    """By weight, X'X of the activations [..., K] that it multiplies, over all feeds.

    Args:
        model: Float `onnx.ModelProto`.
        products: By weight, the name of the activation.
        feeds: Inputs without padding.
        scratch: A folder to write the model to.
    """
    probe, wanted = onnx.ModelProto(), sorted(set(products.values()))
    if not wanted:
        return {}
    probe.CopyFrom(model)
    known = {made.name for made in probe.graph.output}
    probe.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name) for name in wanted if name not in known
    )
    path = scratch / "probe.onnx"
    onnx.save(probe, path, save_as_external_data=True, location="probe.onnx_data")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    sums: dict[str, Floats] = {}
    for part in _parts(feeds):
        seen = [session.run(wanted, dict(feed)) for feed in part]
        for name, several in zip(wanted, zip(*seen, strict=True), strict=True):
            rows = np.concatenate([x.reshape(-1, x.shape[-1]) for x in several])
            sums[name] = sums.get(name, 0.0) + (rows.T @ rows).astype(np.float64)
    return {weight: sums[x] for weight, x in products.items()}


def _parts(feeds: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Feeds of some `TOKENS` together: a product of few rows takes as long as one of many."""
    part: list[Mapping[str, Any]] = []
    for feed in feeds:
        part.append(feed)
        if sum(max(x.shape[-1] for x in one.values()) for one in part) >= TOKENS:
            yield part
            part = []
    if part:
        yield part
