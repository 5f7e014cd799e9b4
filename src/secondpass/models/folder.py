"""What every backend reads from a model's folder, and how it reads a model's output."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

from secondpass.core.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MODEL_FILES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
"""Where exporters usually put the model, float before int8."""


def model_file(folder: Path, file: str | None) -> Path:
    """The model's file in `folder`: `file` if given, else the only one or one with a usual name.

    Raises:
        ModelError: None, or several that could be meant.
    """
    if file is not None:
        if not (folder / file).is_file():
            raise ModelError(f"{folder} has no file {file!r}; it has {listed(folder)}")
        return folder / file
    for name in MODEL_FILES:
        if (folder / name).is_file():
            return folder / name
    found = sorted(folder.rglob("*.onnx"))
    if len(found) == 1:
        return found[0]
    raise ModelError(
        f"{folder} holds {len(found)} .onnx files ({listed(folder)}); "
        + ("say which: file='...'" if found else "make one: secondpass export MODEL DIR")
    )


def listed(folder: Path) -> str:
    """The first files of a folder, for an error message."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing"


def json_file(path: Path) -> dict[str, Any]:
    """A JSON object; {} where there is no such file.

    Raises:
        ModelError: Unreadable, no JSON, nested without end, or no object.
    """
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"cannot read {path}: {error}") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} must hold a JSON object, and holds {type(value).__name__}")
    return value


def tokenizer_of(folder: Path) -> Tokenizer:
    """The folder's tokenizer.json, or a ModelError that says how to make one."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no tokenizer.json; secondpass export MODEL DIR writes one")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"cannot read {path}: {error}") from error


def pad_id(tokenizer: Tokenizer, config: Mapping[str, Any], path: Path) -> int:
    """The id that fills short rows: the config's, else that of the usual padding tokens, else 0.

    Args:
        tokenizer: The model's.
        config: What `path` holds.
        path: The model's config.json, for messages.

    Raises:
        ModelError: The config's is no id of a token.
    """
    pad = config.get("pad_token_id")
    if pad is None:
        known = (tokenizer.token_to_id(token) for token in ("[PAD]", "<pad>"))
        return next((id_ for id_ in known if id_ is not None), 0)
    sizes = config.get("vocab_size"), tokenizer.get_vocab_size()
    size = max(size for size in sizes if isinstance(size, int))
    if isinstance(pad, bool) or not isinstance(pad, int) or not 0 <= pad < size:
        raise ModelError(
            f"pad_token_id in {path} is {pad!r}, and must be the id of one of {size} tokens"
        )
    return pad


def processors() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):  # what this process may use, where the system says
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def logits_of(out: npt.NDArray[np.float32], rows: int, name: str) -> npt.NDArray[np.float32]:
    """One logit per row: the label's, or the difference of two labels.

    Raises:
        ModelError: Any other shape.
    """
    if out.shape in ((rows,), (rows, 1)):
        return out.reshape(rows)
    if out.shape == (rows, 2):
        return out[:, 1] - out[:, 0]
    raise ModelError(
        f"{name!r} returns {out.shape} for {rows} pairs; a reranker has one label, or two "
        "(not relevant, relevant)"
    )
