"""With AVX2 alone, as most computers have: the same scores, from kernels that saturate."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
FLAGS = "print({'avx2', 'avx512f', 'avx512_vnni'} & set(open('/proc/cpuinfo').read().split()))"
SATURATE = "from secondpass.models.onnx import session; print(session.kernels_saturate())"


def run_as_avx2(*arguments: str) -> str:
    """What Python prints."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")}
    done = subprocess.run(
        [sys.executable, str(HERE / "as_avx2.py"), sys.executable, *arguments],
        cwd=HERE.parents[1], env=own, timeout=600, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "cannot hide instructions here" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


def test_programs_see_avx2_and_get_its_kernels() -> None:
    assert run_as_avx2("-c", FLAGS) == "{'avx2'}\n"
    assert run_as_avx2("-c", SATURATE) == "True\n"


@pytest.mark.slow
def test_stored_pairs_score_the_same() -> None:
    test = "test_stored_pairs_score_the_same_on_every_processor"
    told = run_as_avx2("-m", "pytest", "-q", "tests/models/test_saturation.py", "-k", test)
    assert "1 passed" in told
