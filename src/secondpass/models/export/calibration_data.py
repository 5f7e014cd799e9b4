"""Sample pairs that an int8 export is fitted to, as inputs of the graph."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.models.export.parity import Original
from secondpass.stages.score import Pair

LONGEST = 256
"""Tokens of a pair that are read."""


def feeds(original: Original, samples: Sequence[Pair]) -> list[dict[str, Any]]:
    """One feed a pair, int64 [1, tokens] for each input of the graph, so that nothing is padded.

    Raises:
        InvalidInputError: Something that is not a query and a text; says which.
    """
    if isinstance(samples, str) or not isinstance(samples, Sequence):
        raise InvalidInputError(f"samples is {samples!r:.80}; give a list of (query, text)")
    for place, pair in enumerate(samples):
        # a string of two characters would unpack as a pair
        if not (
            isinstance(pair, (tuple, list))
            and len(pair) == 2
            and all(isinstance(part, str) for part in pair)
        ):
            raise InvalidInputError(
                f"samples[{place}] is {pair!r:.80}; give (query, text), two str"
            )
    limit = min(original.tokenizer.model_max_length, LONGEST)
    made = []
    for query, text in samples:
        given = original.tokenizer(
            [query], [text], truncation="longest_first", max_length=limit, return_tensors="np"
        )
        made.append({name: given[name].astype("int64") for name in original.inputs})
    return made
