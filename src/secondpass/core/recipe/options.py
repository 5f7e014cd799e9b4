"""Options of a recipe's parts, changed wherever they stand in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any


def change_parts(node: Any, change: Callable[[dict[str, Any]], Mapping[str, Any]]) -> Any:
    """A recipe as plain values, or a part of it, with all its mappings changed; a copy.

    Args:
        node: Mappings, lists and values, as `Recipe.to_dict` gives them.
        change: Called with each mapping, whose inner ones are changed already.
    """
    if isinstance(node, Mapping):
        return dict(change({key: change_parts(value, change) for key, value in node.items()}))
    if isinstance(node, Sequence) and not isinstance(node, str):
        return [change_parts(child, change) for child in node]
    return node
