from __future__ import annotations

import dataclasses

import pytest

from secondpass.evaluate import Headroom
from secondpass.report.svg import headroom_bar

LIMITS = Headroom(
    metric="nDCG@10", depth=100, recall=0.7, current=0.4, ideal=0.8, perfect=0.95, lost=0,
    queries=50,
)  # fmt: skip


def test_gain_and_loss() -> None:
    helped = {s.kind: round(s.length, 6) for s in headroom_bar(LIMITS, 0.5)}
    assert helped == {"reached": 0.4, "gain": 0.1, "order": 0.3, "retriever": 0.15}
    hurt = {s.kind: round(s.length, 6) for s in headroom_bar(LIMITS, 0.3)}
    assert hurt == {"reached": 0.3, "loss": 0.1, "order": 0.4, "retriever": 0.15}
    assert sum(hurt.values()) == pytest.approx(LIMITS.perfect)


def test_empty_segments_and_own_candidates() -> None:
    full = dataclasses.replace(LIMITS, ideal=0.95)
    assert [s.kind for s in headroom_bar(full, 0.95)] == ["reached", "gain"]
    assert headroom_bar(LIMITS, 0.9) == ()
