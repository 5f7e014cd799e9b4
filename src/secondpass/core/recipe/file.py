"""The JSON of a recipe's file, read so that no file can do damage."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from secondpass.core.errors import RecipeError

LARGEST = 128 * 2**20
"""Bytes. Word statistics of a large collection take tens of millions."""
MOST_VALUES = 5_000_000
MOST_CONTAINERS = 1_000_000
"""Lists and objects, by their brackets: empty ones cost more memory than anything else."""


def read_json(path: str | os.PathLike[str]) -> Any:
    """The value that a file holds.

    Raises:
        RecipeError: No file, too large, not UTF-8, not JSON, or JSON that means two things. The
            message is for behind the file's name.
    """
    text = _text(Path(path))
    if not text.strip():
        raise RecipeError("the file is empty; Recipe.of(stage).save(path) writes one")
    containers = text.count("[") + text.count("{")
    if containers > MOST_CONTAINERS or containers + text.count(",") > MOST_VALUES:
        raise RecipeError(
            f"it holds more than {MOST_VALUES:,} values or {MOST_CONTAINERS:,} lists and objects"
        )
    try:
        return json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except RecursionError:
        raise RecipeError("its lists and objects are nested too deep for any pipeline") from None


def _text(path: Path) -> str:
    if path.is_dir():
        raise RecipeError(f"it is a folder, and a recipe is a JSON file. {_remedy(path)}")
    if not path.exists():
        raise RecipeError("there is no such file")
    if not path.is_file():
        raise RecipeError("it is not a regular file; a recipe is a JSON file")
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise RecipeError(f"it has more than {LARGEST:,} bytes, and no recipe has")
    try:
        return data.decode("utf-8-sig")  # some editors put a byte order mark in front
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"it is not UTF-8 at byte {error.start}; a recipe is a JSON file in UTF-8"
        ) from None


def _remedy(folder: Path) -> str:
    name = os.fspath(folder)
    inside = folder / "recipe.json"
    if inside.is_file():
        return f"The recipe in it is {os.fspath(inside)!r}"
    if next(folder.glob("**/*.onnx"), None) is not None:
        return f"For a folder of weights give the model string 'onnx:{name}'"
    if any(next(folder.glob(p), None) is not None for p in ("*.safetensors", "*.bin")):
        return f"For a folder of weights give the model string 'cross-encoder:{name}'"
    return f"For a folder of weights give a model string such as 'onnx:{name}'"


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in times if times[name] > 1)
        raise RecipeError(f"an object has the field {twice[:80]!r} twice; keep one of them")
    return fields


def _refuse_constant(name: str) -> float:
    raise RecipeError(f"it holds {name}, which is not a number in JSON; a recipe's are finite")
