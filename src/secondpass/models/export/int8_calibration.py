"""What sample pairs say about int8 weights: which outliers to smooth, and how to round.

Smoothing: a few channels of a normalised hidden state are ten times as large as the rest. Quantised
row by row they take the codes that the others need. Dividing each channel by a factor, and
multiplying the weights that it meets by the same, changes no product and spreads the codes evenly:
SmoothQuant (Xiao et al. 2022, arXiv:2211.10438).

Rounding: training moves weights by less than a step of the int8 grid. A model that came from that
grid, as the built-in's torch weights do, would be rounded back to where it started: on wikiqa-test
rounding to the nearest lost all that fine-tuning had gained. So the errors are compensated instead:
GPTQ (Frantar et al. 2022, arXiv:2210.17323).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.models.export.parity import Original
from secondpass.models.onnx.session import onnxruntime
from secondpass.stages.score import Pair

try:
    import onnx
except ImportError as error:
    raise MissingExtraError("quantising a model", "export") from error

if TYPE_CHECKING:
    import numpy.typing as npt

    Floats = npt.NDArray[Any]
    Codes = npt.NDArray[np.int8]

DAMPING = 0.01
"""Of the mean squared activation, added to each: sums over few samples are not trusted far."""
BLOCK = 128
"""Rows between two updates of all rows that follow."""
TOKENS = 1024
"""Activations that are held at a time."""
SHARE = 0.65
"""How much of the activations' spread moves to the weights: 0 nothing, 1 all of it. Of 0.3,
0.5, 0.65 and 0.8 it made the built-in model's scores on trec-dl21 the closest to float32."""
LONGEST = 256
"""Tokens of a pair that are read."""


def read_feeds(original: Original, samples: Sequence[Pair]) -> list[dict[str, Any]]:
    """One feed per pair, int64 [1, tokens] for each input of the graph, so that nothing is padded.

    Raises:
        InvalidInputError: A sample is not a query and a text; says which.
    """
    if isinstance(samples, str) or not isinstance(samples, Sequence):
        raise InvalidInputError(f"samples is {samples!r:.80}; give a list of (query, text)")
    for index, pair in enumerate(samples):
        # a string of two characters would unpack as a pair
        if not (
            isinstance(pair, (tuple, list))
            and len(pair) == 2
            and all(isinstance(part, str) for part in pair)
        ):
            raise InvalidInputError(
                f"samples[{index}] is {pair!r:.80}; give (query, text), two str"
            )
    limit = min(original.tokenizer.model_max_length, LONGEST)
    feeds = []
    for query, text in samples:
        encoded = original.tokenizer(
            [query], [text], truncation="longest_first", max_length=limit, return_tensors="np"
        )
        feeds.append({name: encoded[name].astype("int64") for name in original.inputs})
    return feeds


def second_moments(
    model: Any, products: Mapping[str, str], feeds: Iterable[Mapping[str, Any]], scratch: Path
) -> dict[str, Floats]:
    """By weight, X'X of the activations [..., K] that it multiplies, over all feeds.

    Args:
        model: Float `onnx.ModelProto`.
        products: By weight, the name of the activation.
        feeds: Inputs without padding.
        scratch: A folder to write the model to.
    """
    probe, activations = onnx.ModelProto(), sorted(set(products.values()))
    if not activations:
        return {}
    probe.CopyFrom(model)
    present = {output.name for output in probe.graph.output}
    probe.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name)
        for name in activations
        if name not in present
    )
    path = scratch / "probe.onnx"
    onnx.save(probe, path, save_as_external_data=True, location="probe.onnx_data")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    sums: dict[str, Floats] = {}
    for part in _group(feeds):
        batches = [session.run(activations, dict(feed)) for feed in part]
        for name, tensors in zip(activations, zip(*batches, strict=True), strict=True):
            rows = np.concatenate([x.reshape(-1, x.shape[-1]) for x in tensors])
            sums[name] = sums.get(name, 0.0) + (rows.T @ rows).astype(np.float64)
    return {weight: sums[activation] for weight, activation in products.items()}


def _group(feeds: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """Feeds in groups of about `TOKENS`: a product of few rows takes as long as one of many."""
    part: list[Mapping[str, Any]] = []
    for feed in feeds:
        part.append(feed)
        if sum(max(x.shape[-1] for x in one.values()) for one in part) >= TOKENS:
            yield part
            part = []
    if part:
        yield part


def smoothing_factors(weights: Floats, moment: Floats) -> Floats:
    """What to divide each channel of an activation by, and to multiply its weights by: [K].

    Args:
        weights: [K, N], all that the activation is multiplied by, next to each other.
        moment: X'X [K, K] of samples of the activation, X [tokens, K].
    """
    activation = np.sqrt(np.diag(moment))
    weight = np.abs(weights).max(axis=1)
    low = 1e-6  # of the largest: a channel that is never used must not take the range
    spread = np.maximum(activation, low * activation.max() + 1e-12) ** SHARE
    factors = spread / np.maximum(weight, low * weight.max() + 1e-12) ** (1 - SHARE)
    centred: Floats = factors / np.exp(np.log(factors).mean())
    return centred.astype(np.float32)


def round_to_nearest(weight: Floats, scale: Floats, largest: int = 127) -> Codes:
    """The nearest codes in [-largest, largest]; `scale` broadcasts to `weight`."""
    codes: Codes = np.rint(weight / scale).clip(-largest, largest).astype(np.int8)
    return codes


def round_compensated(weight: Floats, scale: Floats, moment: Floats, largest: int = 127) -> Codes:
    """Codes whose sums over sample activations are closest to those of `weight`, row by row.

    The rows that follow compensate for what rounding a row changes, as far as their activations
    correlate (GPTQ).

    Args:
        weight: [K, N], a product's right side.
        scale: [N].
        moment: X'X [K, K] of activations X [tokens, K].
        largest: The largest code.
    """
    left = weight.astype(np.float64)
    damped = moment + np.eye(len(moment)) * (DAMPING * np.trace(moment) / len(moment) + 1e-12)
    upper = np.linalg.cholesky(np.linalg.inv(damped)).T
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
