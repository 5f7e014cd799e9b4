"""Regression trees as plain numbers: storable, readable, and evaluated without any library."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.core.errors import CalibrationError
from secondpass.core.short_repr import short_repr


@short_repr
@dataclass(frozen=True, slots=True)
class Tree:
    """Go left where row[feature] <= threshold, until a leaf.

    Attributes:
        features: For each inner node the feature it looks at; none where the tree is one leaf.
        thresholds: For each inner node.
        left: For each inner node the next one, or ~leaf, which is negative.
        right: The same where the value is greater.
        leaves: Values.

    Raises:
        CalibrationError: Numbers that make no tree, such as those of a damaged recipe.
    """

    features: tuple[int, ...]
    thresholds: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaves: tuple[float, ...]

    def __post_init__(self) -> None:
        n = len(self.features)
        lengths = {len(self.thresholds), len(self.left), len(self.right), len(self.leaves) - 1}
        # a child stands behind its parent, so no walk goes in circles
        fits = all(
            -len(self.leaves) <= child < n and (child < 0 or child > parent)
            for children in (self.left, self.right)
            for parent, child in enumerate(children)
        )
        if lengths != {n} or not fits or any(f < 0 for f in self.features):
            raise CalibrationError("this recipe's learned fusion is damaged: a tree is no tree")

    @classmethod
    def of(cls, dump: Mapping[str, Any]) -> Tree:
        """A tree of LightGBM's `dump_model`."""
        nodes: list[Mapping[str, Any]] = []
        leaves: list[float] = []

        def visit(node: Mapping[str, Any]) -> int:
            if "leaf_value" in node:
                leaves.append(float(node["leaf_value"]))
                return ~(len(leaves) - 1)
            place = len(nodes)
            nodes.append(node)
            children[place] = (-1, -1)
            children[place] = visit(node["left_child"]), visit(node["right_child"])
            return place

        children: dict[int, tuple[int, int]] = {}
        visit(dump["tree_structure"])
        return cls(
            tuple(int(n["split_feature"]) for n in nodes),
            tuple(float(n["threshold"]) for n in nodes),
            tuple(children[i][0] for i in range(len(nodes))),
            tuple(children[i][1] for i in range(len(nodes))),
            tuple(leaves),
        )

    def value(self, row: Sequence[float]) -> float:
        """The leaf's value for one row."""
        if not self.features:
            return self.leaves[0]
        place = 0
        while place >= 0:
            low = row[self.features[place]] <= self.thresholds[place]
            place = (self.left if low else self.right)[place]
        return self.leaves[~place]
