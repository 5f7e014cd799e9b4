"""A model's revision where no hub gives one: a digest of all files that its weights lie in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path, PureWindowsPath

from secondpass.core.errors import ModelError
from secondpass.models.onnx.external_data import external_locations

TORCH_WEIGHTS = ("*.safetensors", "pytorch_model*.bin")
"""Of transformers, in one file or in shards."""


def digest(*files: Path) -> str:
    """The first 12 hex digits of the SHA-256 over the files that exist."""
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
    places = [folder, *sorted(p for p in folder.iterdir() if _is_module(p))]
    return [file for place in places for kind in TORCH_WEIGHTS for file in sorted(place.glob(kind))]


def _is_module(path: Path) -> bool:
    """Whether it is a folder such as sentence-transformers writes, 1_LogitScore."""
    return path.is_dir() and path.name.partition("_")[0].isdigit()


def _weight_file(path: Path, location: str) -> Path:
    # by the text alone: the hub's cache is a folder of links to files outside it
    place = PureWindowsPath(location)  # knows both kinds of slashes, and drives
    if place.anchor or ".." in place.parts:
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
