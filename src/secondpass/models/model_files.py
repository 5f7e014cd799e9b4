"""A model's folder, on this disk or fetched from the hub, and which files its weights are in."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from tokenizers import Tokenizer

from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.onnx.onnx_file import external_locations

MODEL_FILES = ("model.onnx", "onnx/model.onnx", "model_quantized.onnx", "onnx/model_quantized.onnx")
"""Where exporters usually put the model, float before int8."""
SMALL_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json")
TORCH_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Of transformers, in one file or in shards."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that was read.

    Attributes:
        path: The folder.
        file: The model's file in it.
        config: What config.json holds; {} without one.
        tokenizer: Of tokenizer.json.
        weights: `file`, and those beside it that hold its weights.
    """

    path: Path
    file: Path
    config: Mapping[str, Any]
    tokenizer: Tokenizer
    weights: Sequence[Path]

    @classmethod
    def read(cls, path: Path, file: Path) -> ModelFolder:
        """Read everything but the weights.

        Raises:
            ModelError: A file is missing, unreadable, or takes weights from outside the folder.
        """
        config, tokenizer = json_file(path / "config.json"), _tokenizer(path)
        return cls(path, file, config, tokenizer, weight_files(file))

    def digest(self, *others: str) -> str:
        """Of the weights, other files of the folder, and tokenizer.json."""
        return digest(*self.weights, *(self.path / name for name in (*others, "tokenizer.json")))

    def pad_id(self) -> int:
        """The id that fills short rows: the config's, else that of a usual padding token, else 0.

        Raises:
            ModelError: The config's is not the id of a token.
        """
        pad = self.config.get("pad_token_id")
        if pad is None:
            ids = (self.tokenizer.token_to_id(token) for token in ("[PAD]", "<pad>"))
            return next((id_ for id_ in ids if id_ is not None), 0)
        sizes = self.config.get("vocab_size"), self.tokenizer.get_vocab_size()
        size = max(size for size in sizes if isinstance(size, int))
        if isinstance(pad, bool) or not isinstance(pad, int) or not 0 <= pad < size:
            raise ModelError(
                f"pad_token_id in {self.path / 'config.json'} is {pad!r}, and must be the id of "
                f"one of {size} tokens"
            )
        return pad


def fetch(model: str, revision: str | None, files: str | Sequence[str]) -> Path:
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
            # a pattern that matches nothing is not an error, so the names are tried in turn
            patterns = [*SMALL_FILES, name + "*"]  # model.onnx_data and model.onnx.data too
            folder = Path(snapshot_download(model, revision=revision, allow_patterns=patterns))
            if (folder / name).is_file():
                break
    except Exception as error:  # offline, gated, unknown: each is its own class over there
        raise ModelError(
            f"cannot fetch {model!r} from the hub, and it is not a folder here: {error}. "
            "Check the name, the network, or HF_TOKEN for a gated model"
        ) from error
    return folder


def find_file(folder: Path, file: str | None) -> Path:
    """The model's file in `folder`: `file` if given, else the only one or one with a usual name.

    Raises:
        ModelError: None, or several that could be meant.
    """
    if file is not None:
        if not (folder / file).is_file():
            raise ModelError(f"{folder} has no file {file!r}; it has {_listing(folder)}")
        return folder / file
    for name in MODEL_FILES:
        if (folder / name).is_file():
            return folder / name
    files = sorted(folder.rglob("*.onnx"))
    if len(files) == 1:
        return files[0]
    raise ModelError(
        f"{folder} holds {len(files)} .onnx files ({_listing(folder)}); "
        + ("say which: file='...'" if files else "make one: secondpass export MODEL DIR")
    )


def json_file(path: Path) -> dict[str, Any]:
    """A JSON object; {} where there is no such file.

    Raises:
        ModelError: Unreadable, not JSON, nested too deeply, or not an object.
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


def digest(*files: Path) -> str:
    """The first 12 hex digits of the SHA-256 over the files that exist.

    It is a model's revision where no hub gives one.
    """
    total = hashlib.sha256()
    for file in files:
        if file.is_file():
            with file.open("rb") as stream:
                total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()[:12]


def weight_files(path: Path) -> list[Path]:
    """A model's file, and those beside it that hold its weights.

    Args:
        path: An .onnx file, whose graph says where its weights lie, or OpenVINO's .xml, whose
            weights lie in the .bin beside it.

    Raises:
        ModelError: One of them is missing, or lies outside the model's folder.
    """
    if path.suffix == ".xml":
        locations: Sequence[str] = [path.with_suffix(".bin").name]
    else:
        locations = external_locations(path)
    return [path, *(_weight_file(path, location) for location in locations)]


def torch_weight_files(folder: Path) -> list[Path]:
    """The weights in a folder of transformers or sentence-transformers, its modules' included."""
    folders = [folder, *sorted(p for p in folder.iterdir() if _is_module(p))]
    return [file for one in folders for kind in TORCH_WEIGHTS for file in sorted(one.glob(kind))]


def _is_module(path: Path) -> bool:
    """Whether it is a folder such as sentence-transformers writes, 1_LogitScore."""
    return path.is_dir() and path.name.partition("_")[0].isdigit()


def _weight_file(path: Path, location: str) -> Path:
    # by the text alone: the hub's cache is a folder of links to files outside it
    relative = PureWindowsPath(location)  # knows both kinds of slashes, and drives
    if relative.anchor or ".." in relative.parts:
        raise ModelError(
            f"{path} takes weights from {location!r}, outside its folder, which is refused: put "
            "the file beside it and name it in the graph (onnx.save, location=...)"
        )
    file = path.parent / location
    if not file.is_file():
        raise ModelError(
            f"{path} takes weights from {location!r}, and there is no such file beside it; copy or "
            "download the whole folder"
        )
    return file


def _listing(folder: Path) -> str:
    """The first files of a folder, for an error message."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
    return ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "nothing"


def _tokenizer(folder: Path) -> Tokenizer:
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise ModelError(f"{folder} has no tokenizer.json; secondpass export MODEL DIR writes one")
    try:
        return Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises bare Exception
        raise ModelError(f"cannot read {path}: {error}") from error
