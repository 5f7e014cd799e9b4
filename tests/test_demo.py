"""`make demo`, run as a user would."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[1] / "cookbook/demo.py"


def _demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", DEMO, *arguments],
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_the_language_reference() -> None:
    done = _demo("--query", "How do I make sure a file is closed even if an error happens?")
    assert done.returncode == 0, done.stderr
    for said in ("before: BM25", "after: secondpass", "tokens", "passages a second", "dropped"):
        assert said in done.stdout


@pytest.mark.slow
def test_the_users_own_text(tmp_path: Path) -> None:
    (tmp_path / "faust.md").write_text("# Faust\n\nGoethe wrote the play Faust.\n")
    (tmp_path / "cats.txt").write_text("Cats sleep for most of the day.\n")
    done = _demo("--docs", str(tmp_path), "--query", "who wrote Faust?")
    assert done.returncode == 0, done.stderr
    assert "faust.md" in done.stdout


def test_wrong_folders_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder, message in ((tmp_path, "holds no .md"), (tmp_path / "no", "is no folder")):
        monkeypatch.setattr(sys, "argv", [str(DEMO), "--docs", str(folder), "--query", "q"])
        with pytest.raises(SystemExit, match=message):  # printed, with status 1
            runpy.run_path(str(DEMO), run_name="__main__")
