"""Cross-encoders of transformers and sentence-transformers as ONNX folders, checked against torch.

The graph comes from torch's TorchScript exporter with eager attention: the one whose graphs ONNX
Runtime fused best and ran fastest when measured (the newer exporter's graphs were slower and took
four times as long to make; the fusions of onnxruntime.transformers made neither faster).
"""

from __future__ import annotations

import json
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from secondpass.core.errors import InvalidInputError, MissingExtraError, ModelError
from secondpass.models.onnx.session import onnxruntime
from secondpass.stages.score import Pair

try:
    import onnx
    import torch
    import transformers

    import secondpass.models.late_interaction  # noqa: F401 - registers its class
    from secondpass.models.export.int8_calibration import read_feeds, second_moments
    from secondpass.models.export.parity import (
        BY_TOKEN,
        SAMPLES,
        ExportReport,
        Logits,
        Original,
        check_parity,
        inputs_of,
    )
    from secondpass.models.export.prune_last_layer import prune_last_layer
    from secondpass.models.export.quantise import products, quantise
    from secondpass.models.onnx.maxsim import PARTS
except ImportError as error:
    raise MissingExtraError("exporting a model", "export") from error

OPSET = 17


def export(
    model: str,
    directory: str | os.PathLike[str],
    *,
    int8: bool = False,
    samples: Sequence[Pair] = (),
    revision: str | None = None,
    trust_remote_code: bool = False,
) -> ExportReport:
    """Write `model` to `directory` as model.onnx, tokenizer.json, config.json and export.json.

    The graph takes int64 [batch, sequence] ``input_ids``, ``attention_mask`` and, if the model has
    them, ``token_type_ids``, and returns float32 ``logits`` [batch, labels]. Of the last layer it
    computes what the head reads (`secondpass.models.export.prune_last_layer`). Files of an earlier
    export are replaced, but only by ones that passed the check. Weights above 2 GB go to
    model.onnx_data.

    Args:
        model: Folder or hub id of a sequence-classification model with one or two labels.
        directory: Where to; made if it does not exist.
        int8: Quantise, see `secondpass.models.export.quantise`.
        samples: A few dozen queries and texts on which int8 is to be closest, see
            `secondpass.models.export.int8_calibration`; no labels. Without any, each weight is
            rounded to the nearest code.
        revision: Branch, tag or commit on the hub.
        trust_remote_code: Run Python code from the model's repository. Off by default.

    Raises:
        InvalidInputError: Samples that are not pairs of strings, or samples without int8.
        ModelError: Unreadable, not a cross-encoder, impossible to trace, or the exported scores
            differ by more than the tolerances of `secondpass.models.export.parity`.
    """
    if samples and not int8:
        raise InvalidInputError("samples say how to round to int8: give int8=True, or no samples")
    original = _load(model, revision, trust_remote_code)
    feeds = read_feeds(original, samples)
    config = original.network.config
    target = Path(directory)
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target, prefix=".export-") as scratch:
        folder = Path(scratch) / "out"
        folder.mkdir()
        _write_graph(original, folder / "model.onnx", int8, feeds)
        _write_tokenizer(original, folder / "tokenizer.json")
        # without where it was loaded from, which is a path of this machine
        settings = {k: v for k, v in config.to_dict().items() if k != "_name_or_path"}
        if hasattr(original.network, "scales"):  # of a late interaction, which matches outside
            settings["scales"] = original.network.scales.tolist()
        _write_json(folder / "config.json", settings)
        pairs, tolerance = check_parity(original, folder, int8)
        report = ExportReport(
            directory=target,
            source=Path(model).name if Path(model).exists() else model,
            revision=getattr(config, "_commit_hash", None) or revision,
            int8=int8,
            size=sum(f.stat().st_size for f in folder.glob("model.onnx*")),
            tolerance=tolerance,
            pairs=pairs,
        )
        packages = {p.__name__: p.__version__ for p in (torch, transformers, onnx, onnxruntime)}
        record = report.to_dict() | {"opset": OPSET, "versions": packages}
        _write_json(folder / "export.json", record)
        (target / "model.onnx_data").unlink(missing_ok=True)  # of an earlier, larger model
        for file in folder.iterdir():
            file.replace(target / file.name)
    return report


def _load(model: str, revision: str | None, trust_remote_code: bool) -> Original:
    if model.startswith((".", "/", "~")) and not Path(model).is_dir():
        raise ModelError(f"there is no model folder {model!r}; give a folder, or a hub id")
    options: dict[str, Any] = {"revision": revision, "trust_remote_code": trust_remote_code}
    try:
        with _quiet():
            network, loading = transformers.AutoModelForSequenceClassification.from_pretrained(
                model,
                dtype=torch.float32,
                attn_implementation="eager",
                output_loading_info=True,
                **options,
            )
            tokenizer = transformers.AutoTokenizer.from_pretrained(model, **options)
    except Exception as error:  # offline, unknown, damaged: each its own class over there
        raise ModelError(f"cannot load {model!r} as a cross-encoder: {error}") from error
    if loading["missing_keys"]:
        raise ModelError(
            f"{model!r} lacks the weights {', '.join(sorted(loading['missing_keys'])[:4])}, so its "
            "scores would be random. Export a cross-encoder, not an encoder or a language model"
        )
    if network.config.num_labels not in (1, 2):
        raise ModelError(
            f"{model!r} has {network.config.num_labels} labels; a reranker has one, or two "
            "(not relevant, relevant)"
        )
    return Original(model, network.eval(), tokenizer, inputs_of(network, tokenizer))


def _write_graph(
    original: Original, path: Path, int8: bool, feeds: Sequence[dict[str, Any]]
) -> None:
    names = original.inputs
    outputs = ["logits", *(PARTS if hasattr(original.network, "importance") else ())]
    # rows of different lengths, so that the mask is not traced as a constant
    pairs = [SAMPLES[0][1:], SAMPLES[3][1:]]
    queries, texts = map(list, zip(*pairs, strict=True))
    sample = original.tokenizer(queries, texts, padding=True, return_tensors="pt")
    raw = path.parent.parent / "raw.onnx"
    try:
        with _quiet(), torch.no_grad():
            torch.onnx.export(
                Logits(original.network, names).eval(),
                tuple(sample[n] for n in names),
                raw,
                input_names=names,
                output_names=outputs,
                dynamic_axes={n: {0: "batch", 1: "sequence"} for n in names}
                | {n: {0: "batch"} for n in outputs}
                | {n: {0: "batch", 1: "sequence"} for n in outputs if n in BY_TOKEN},
                opset_version=OPSET,
                dynamo=False,
            )
        whole = onnx.load(raw)
    except Exception as error:  # unsupported operators, models that cannot be traced
        raise ModelError(
            f"torch cannot export {original.name!r}: {error}. "
            f"Use it as 'cross-encoder:{original.name}'"
        ) from error
    graph = prune_last_layer(whole)
    if int8:
        # of the whole graph, since one token of each sample would be too few
        moments = second_moments(whole, products(whole), feeds, raw.parent) if feeds else None
        graph = quantise(graph, moments)
    large = sum(len(t.raw_data) for t in graph.graph.initializer) > 1_900_000_000  # protobuf: 2 GiB
    onnx.save(graph, path, save_as_external_data=large, location=path.name + "_data")


def _write_tokenizer(original: Original, path: Path) -> None:
    if not getattr(original.tokenizer, "is_fast", False):
        raise ModelError(
            f"{original.name!r} has no fast tokenizer, so there is no tokenizer.json to write; "
            f"use it as 'cross-encoder:{original.name}'"
        )
    fast = Tokenizer.from_str(original.tokenizer.backend_tokenizer.to_str())
    fast.no_truncation()
    fast.no_padding()
    fast.save(str(path))


def _write_json(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bar, and none of the exporter's warnings.

    Those say that it is no longer the default, and that a trace may not generalise to other
    shapes, which is checked afterwards on shapes it was not traced with.
    """
    log: Any = transformers.utils.logging
    bars = log.is_progress_bar_enabled()
    log.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            tracer: Any = torch.jit
            for kind in (DeprecationWarning, UserWarning, tracer.TracerWarning):
                warnings.simplefilter("ignore", kind)
            yield
    finally:
        if bars:
            log.enable_progress_bar()
