"""Judging in a notebook, whose loop runs already: in a real kernel, with and without await."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai")
pytest.importorskip("ipykernel", reason="needs a Jupyter kernel: pip install ipykernel")
manager = pytest.importorskip("jupyter_client.manager", reason="pip install jupyter_client")

SRC = Path(__file__).parents[2] / "src"
SETUP = """
import asyncio, warnings
warnings.simplefilter("error")
from secondpass.models.load import load
from secondpass.core.ranking import Ranking
from secondpass.testing import ChatServer
server = ChatServer()
server.__enter__()
stage = load("judge:stand-in", options={"base_url": server.url, "api_key": "none"})
texts = ["cats and dogs", "read a file line by line", "the museum is closed"]
ranking = Ranking.of("read a file line by line", texts)
asyncio.get_running_loop().is_running()
"""
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="talks over Unix sockets")


class Notebook:
    """Runs cells in one kernel, one after the other."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def run(self, code: str) -> tuple[str, str]:
        """The repr of a cell's last line, and what it printed or warned."""
        value, printed = [], []

        def heard(message: dict[str, Any]) -> None:
            content = message["content"]
            if message["msg_type"] == "execute_result":
                value.append(content["data"]["text/plain"])
            elif message["msg_type"] == "stream":
                printed.append(content["text"])

        reply = self._client.execute_interactive(
            code, timeout=300, output_hook=heard, allow_stdin=False
        )
        assert reply["content"]["status"] == "ok", "\n".join(reply["content"]["traceback"])
        return "".join(value), "".join(printed)


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    for name in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(name, str(tmp_path / name))  # nobody's own settings
    monkeypatch.setenv("PYTHONPATH", str(SRC))
    # the kernel of this very interpreter, over Unix sockets: the tests have no others
    with tempfile.TemporaryDirectory() as short:  # the address of a socket has about 100 characters
        kernel = manager.KernelManager(transport="ipc", ip=str(Path(short, "k")))
        kernel.kernel_spec.argv[0] = sys.executable
        try:
            kernel.start_kernel()
            client = kernel.blocking_client()
            try:
                client.start_channels()
                client.wait_for_ready(timeout=300)
                yield Notebook(client)
            finally:
                client.stop_channels()
        finally:
            if kernel.has_kernel:
                kernel.shutdown_kernel(now=True)
            kernel.cleanup_resources()


def test_a_judge_works_inside_the_loop_of_a_notebook(notebook: Notebook) -> None:
    assert notebook.run(SETUP) == ("True", "")  # the loop that a private one has to stand beside
    assert notebook.run("stage(ranking).ids[0]") == ("'1'", "")
    assert notebook.run("(await stage.acall(ranking)).ids[0]") == ("'1'", "")
    assert notebook.run("stage(ranking).ids[0], (await stage.acall(ranking)).ids[0]") == (
        "('1', '1')",
        "",
    )
    side_by_side = "[r.ids[0] for r in await asyncio.gather(*map(stage.acall, [ranking] * 5))]"
    assert notebook.run(side_by_side) == (str(["1"] * 5), "")
    assert notebook.run("len(server.requests)") == ("9", "")
    # connections of loops that have ended must not be told of when they are collected
    closing = "server.__exit__(None, None, None); del stage\nimport gc; gc.collect(); None"
    assert notebook.run(closing) == ("", "")
