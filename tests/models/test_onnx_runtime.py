"""ONNX Runtime keeps no device id and sends nothing, unless the user wants it to."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MADE = "from secondpass import rerank; rerank('what is a file', ['bytes'])"
WATCHED = """
import sys
def watch(event, args):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto"):
        print(event, args)
sys.addaudithook(watch)
"""


def _run(home: Path, **more: str) -> str:
    # without what marks a CI machine or a test, where it keeps quiet anyway
    hidden = ("CI", "TF_BUILD", "GITHUB_ACTIONS", "ORT_DISABLE_TELEMETRY", "ORT_RUNNING_UNIT_TESTS")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment |= {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1", **more}
    environment.pop("XDG_CACHE_HOME", None)
    done = subprocess.run(
        [sys.executable, "-c", WATCHED + MADE],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_nothing_is_kept_or_sent(tmp_path: Path) -> None:
    assert _run(tmp_path) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("wish", ["0", "1"])
def test_what_the_user_says_stands(wish: str) -> None:
    code = "import secondpass.models.onnx.session, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "ORT_DISABLE_TELEMETRY": wish},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == wish
