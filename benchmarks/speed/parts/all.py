"""The parts by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from speed.arena import Arena
from speed.parts.alone import adapters, limit, overhead
from speed.parts.depth import depth
from speed.parts.eight import eight
from speed.parts.fresh import cold, thousand
from speed.parts.turns import long, short, ten
from speed.sizes import Sizes

Part = Callable[[Arena, Sizes], dict[str, Any]]
"""Gives {"rows": {contender: figures}} and whatever else belongs to it."""

PARTS: dict[str, Part] = {
    "limit": limit,
    "adapters": adapters,
    "overhead": overhead,
    "cold": cold,
    "thousand": thousand,
    "short": short,
    "long": long,
    "ten": ten,
    "eight": eight,
    "depth": depth,
}
