"""Memory stays bounded whatever the number of candidates: measured in a new process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import random
from secondpass import load, Ranking
g = random.Random(0)
docs = [" ".join(g.choices("time year people way day thing".split(), k=300)) for _ in range({n})]
docs[0] = "word " * 200_000
one = {{"max_length": 256, "chunks": 1, "threads": 1}}  # each thread keeps what a batch takes
load("builtin", options=one)(Ranking.of("people of the year", docs))
(peak,) = [line for line in open("/proc/self/status") if line.startswith("VmHWM")]
print(int(peak.split()[1]) // 1024)
"""


def _peak(n: int) -> int:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(n=n)], check=True, capture_output=True, text=True
    )
    return int(done.stdout)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's own peak figure")
def test_ten_times_the_candidates_take_hardly_more_memory() -> None:
    few, many = _peak(10), _peak(100)
    assert many < few + 60
    assert many < 400
