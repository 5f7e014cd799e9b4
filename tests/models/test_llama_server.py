"""A real model behind a real server: llama.cpp's, with any small model, even a random one.

Set SECONDPASS_LLAMA_SERVER to the binary and SECONDPASS_LLAMA_MODEL to a GGUF file.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openai")

from secondpass.models.chat import judge

BINARY = os.environ.get("SECONDPASS_LLAMA_SERVER", "")
MODEL = os.environ.get("SECONDPASS_LLAMA_MODEL", "")
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not (BINARY and Path(BINARY).exists() and MODEL and Path(MODEL).exists()),
        reason="needs llama-server: set SECONDPASS_LLAMA_SERVER and SECONDPASS_LLAMA_MODEL",
    ),
]
TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BINARY, "-m", MODEL, "--host", "127.0.0.1", "--port", str(port), "-c", "4096",
               "--chat-template", "chatml"]  # fmt: skip
    with (tmp_path / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for _ in range(200):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1):
                        break
                except OSError:
                    assert server.poll() is None, (tmp_path / "log").read_text()[-2000:]
                    time.sleep(0.1)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            server.terminate()
            server.wait(20)


async def test_a_real_server_gives_usable_answers(url: str) -> None:
    """Random weights say nothing of quality, but schemas and log-probabilities are real."""
    j, scale = judge("any", base_url=url), judge("any", base_url=url, rating="scale")
    answer = await j.aorder("read a file", TEXTS)
    assert sorted(answer.value) == [0, 1, 2, 3]
    assert "no-schema" not in [kind for kind, _ in answer.events]
    assert (await j.abest("read a file", TEXTS)).value in range(4)
    assert 0 <= (await j.acompare("read a file", TEXTS[0], TEXTS[1])).value <= 1
    rated = await j.arate("read a file", TEXTS[0])
    assert rated.value is None or 0 <= rated.value <= 1
    graded = await scale.arate("read a file", TEXTS[0])
    assert graded.value is None or 0 <= graded.value <= 10
    for one in (j, scale):
        await one.chat.aclose()  # type: ignore[attr-defined]


async def test_a_real_context_overflow_shrinks(url: str) -> None:
    j = judge("any", base_url=url)
    texts = [f"{i} " + "a file is read line by line " * 40 for i in range(40)]
    answer = await j.aorder("read a file", texts)
    assert sorted(answer.value) == list(range(40))
    assert "shrunk" in [kind for kind, _ in answer.events]
    await j.chat.aclose()  # type: ignore[attr-defined]
