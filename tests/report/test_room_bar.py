from __future__ import annotations

import dataclasses

import pytest

from secondpass.evaluate import Headroom
from secondpass.report.headroom_bar import room_bar

ROOM = Headroom("nDCG@10", 100, 0.7, 0.4, 0.8, 0.95, 0, 50)


def test_help_and_harm() -> None:
    helped = {s.kind: round(s.length, 6) for s in room_bar(ROOM, 0.5)}
    assert helped == {"reached": 0.4, "gain": 0.1, "order": 0.3, "retriever": 0.15}
    hurt = {s.kind: round(s.length, 6) for s in room_bar(ROOM, 0.3)}
    assert hurt == {"reached": 0.3, "loss": 0.1, "order": 0.4, "retriever": 0.15}
    assert sum(hurt.values()) == pytest.approx(ROOM.perfect)


def test_empty_segments_and_own_candidates() -> None:
    full = dataclasses.replace(ROOM, ideal=0.95)
    assert [s.kind for s in room_bar(full, 0.95)] == ["reached", "gain"]
    assert room_bar(ROOM, 0.9) == ()
