"""Anything as plain JSON values."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any


def json_value(value: Any) -> Any:
    """The value as None, bool, int, float, str, list or dict, all the way down.

    numpy's numbers and arrays become plain ones, keys and whatever JSON does not know become
    strings, and NaN and the infinities, which JSON does not have, become None.
    """
    plain: Any
    if value is None or isinstance(value, bool):
        plain = value
    elif isinstance(value, float):
        plain = float(value) if math.isfinite(value) else None
    elif isinstance(value, int):  # subclasses too, here and below
        plain = int(value)
    elif isinstance(value, str):
        plain = str(value)
    elif isinstance(value, Mapping):
        plain = {str(key): json_value(item) for key, item in value.items()}
    elif isinstance(value, list | tuple | Set):
        plain = [json_value(item) for item in value]
    elif hasattr(value, "tolist"):  # numpy's scalars and arrays
        plain = json_value(value.tolist())
    else:
        plain = str(value)
    return plain
