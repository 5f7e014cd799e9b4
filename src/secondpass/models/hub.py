"""A model's folder: the one on this disk, or a copy of the one on the Hugging Face hub."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from secondpass.core.errors import MissingExtraError, ModelError

SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")


def fetched(model: str, revision: str | None, files: str | Sequence[str]) -> Path:
    """The folder that holds `model`, downloaded first if it names one on the hub.

    Args:
        model: A folder, or an id such as "org/name".
        revision: Branch, tag or commit on the hub.
        files: The weights file, or the names to try; only the first that exists is fetched.

    Raises:
        ModelError: No such folder, no such model, or the hub is out of reach.
        MissingExtraError: huggingface-hub is not installed.
    """
    if Path(model).is_dir():
        return Path(model)
    if model.startswith((".", "/", "~")) or os.sep * 2 in model or model.count("/") != 1:
        raise ModelError(
            f"there is no model folder {model!r}; give a folder, or a hub id such as 'org/name'"
        )
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError(f"fetching {model!r} from the hub", "hub") from error
    try:
        for name in [files] if isinstance(files, str) else files:
            # a pattern that matches nothing is no error, so this tries one name after the other
            wanted = [*SMALL_FILES, name + "*"]  # model.onnx_data and model.onnx.data too
            folder = Path(snapshot_download(model, revision=revision, allow_patterns=wanted))
            if (folder / name).is_file():
                break
    except Exception as error:  # offline, gated, unknown: each is its own class over there
        raise ModelError(
            f"cannot fetch {model!r} from the hub, and it is no folder here: {error}. "
            "Check the name, the network, or HF_TOKEN for a gated model"
        ) from error
    return folder
