"""Identifiers in tags, as models write them that were taught XML: ``<id>b</id>``."""

from __future__ import annotations

import re
from collections.abc import Iterator

_TAG = r"(?:id|identifier|passage|passage_id|document|doc|item|rank|result|name|label)"
_TAGGED = re.compile(
    rf"<{_TAG}>\s{{0,9}}[\[\"']{{0,2}}(-?\w{{1,16}})[\]\"']{{0,2}}\s{{0,9}}</{_TAG}>"
    rf"|<{_TAG}\s{{1,9}}(?:id|name)\s?=\s?[\"'](-?\w{{1,16}})[\"']\s{{0,9}}/?>",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:[\s,;>=|.):*-]|\d{1,3}[.)]|</?\w{1,20}>)*")
_FARTHEST = 60
"""Characters between two identifiers of one list."""


def tagged_runs(text: str) -> Iterator[list[str]]:
    """Lists of tagged identifiers with nothing but tags and marks between them."""
    if "<" not in text:
        return
    run: list[str] = []
    end = 0
    for found in _TAGGED.finditer(text):
        between = text[end : found.start()]
        if run and not (len(between) <= _FARTHEST and _BETWEEN.fullmatch(between)):
            yield from [run] if len(run) > 1 else []
            run = []
        run.append(found[1] or found[2])
        end = found.end()
    alone = len(text) < _FARTHEST
    if len(run) > 1 or (run and alone and _BETWEEN.fullmatch(_TAGGED.sub("", text))):
        yield run
