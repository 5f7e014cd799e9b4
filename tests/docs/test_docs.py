"""Every Python block of the READMEs and of docs/ runs, top to bottom, as a reader would paste it,
and the commands exist; see conftest.py for what a reader has."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import typer.main
from typer.testing import CliRunner

import secondpass
from secondpass.cli import app

ROOT = Path(__file__).parents[2]
READMES = [ROOT / "README.md", *sorted(ROOT.glob("adapters/*/README.md"))]
PAGES = [*READMES, *sorted((ROOT / "docs").rglob("*.md"))]
HAS = re.compile(r"<!-- the reader has: (.*?) -->")
ADAPTERS_READERS = {
    "llama-index-postprocessor-secondpass": ["index"],
    "langchain-secondpass": ["retriever"],
}
"""Each reader of a README has the one framework, so that it runs where no other is installed."""
BLOCK = re.compile(r"^```(\w+)(.*)\n((?:.*\n)*?)^```$", re.MULTILINE)
THEIRS = "theirs"
"""In the title of blocks that show another library's call, which are not run."""


def blocks(page: Path, language: str) -> list[str]:
    """The code of a page, each block on the lines where it stands, so that errors name them."""
    text = page.read_text(encoding="utf-8")
    return [
        "\n" * (text[: m.start()].count("\n") + 1) + m[3]
        for m in BLOCK.finditer(text)
        if m[1] == language and THEIRS not in m[2]
    ]


SLOW = {"docs/fine-tuning.md"}
WITH_PYTHON = [
    pytest.param(page, id=name, marks=[pytest.mark.slow] if name in SLOW else [])
    for page in PAGES
    if blocks(page, "python")
    for name in [page.relative_to(ROOT).as_posix()]
]


@pytest.mark.enable_socket
@pytest.mark.filterwarnings("default::ResourceWarning")
@pytest.mark.parametrize("page", WITH_PYTHON)
def test_the_blocks_run(page: Path, reader: Callable[[str], dict[str, Any]]) -> None:
    said = HAS.search(page.read_text(encoding="utf-8"))
    words = [w.strip() for w in said[1].split(",")] if said else []
    if page.parents[1].name == "adapters":
        words = ADAPTERS_READERS.get(page.parent.name, [])
    names: dict[str, Any] = {"__name__": "page"}
    for word in words:
        names |= reader(word)
    for block in blocks(page, "python"):
        exec(compile(block, str(page), "exec", dont_inherit=True), names)


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_the_commands_exist(page: Path) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for block in blocks(page, "bash"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if "secondpass" not in words or "pip" in words:
                continue
            name, *rest = words[words.index("secondpass") + 1 :]
            assert name in commands, line
            known = {o for p in commands[name].params for o in (*p.opts, *p.secondary_opts)}
            assert {w for w in rest if w.startswith("--")} <= known, line


@pytest.mark.enable_socket
@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/command-line.md"])
def test_the_rerank_commands_run(page: str, reader: Callable[[str], dict[str, Any]]) -> None:
    reader("documents")
    lines = [line for block in blocks(ROOT / page, "bash") for line in block.splitlines()]
    runs = [shlex.split(line.rpartition("|")[2]) for line in lines if "secondpass rerank" in line]
    assert runs
    for words in runs:
        done = CliRunner().invoke(app, words[1:], input="Goethe wrote Faust.\n")
        assert done.exit_code == 0, (words, done.output)


@pytest.mark.slow
def test_what_learns_from_labels_type_checks_as_documented(tmp_path: Path) -> None:
    code = "\n".join(blocks(ROOT / "docs/calibration.md", "python"))
    (tmp_path / "page.py").write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "mypy", "--config-file", "pyproject.toml"]
    done = subprocess.run(
        [*command, tmp_path / "page.py"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs/api").glob("*.md"))
    shown = re.findall(r"^::: secondpass\.(\w+)$", text, re.MULTILINE)
    assert sorted(set(shown)) == sorted(shown), "twice"
    assert set(secondpass.__all__) == set(shown)


@pytest.mark.parametrize("module", ["bench", "evaluate", "report", "serve", "testing", "train"])
def test_every_name_of_a_package_is_in_the_reference(module: str) -> None:
    pytest.importorskip("datasets") if module == "train" else None
    text = (ROOT / f"docs/api/{module}.md").read_text(encoding="utf-8")
    shown = re.findall(rf"^::: secondpass\.{module}\.(\w+)$", text, re.MULTILINE)
    package = __import__(f"secondpass.{module}", fromlist=["__all__"])
    assert set(package.__all__) == set(shown)


@pytest.mark.parametrize("room", ["calibrate", "judge", "stages", "thresholds"])
def test_every_name_of_a_room_is_in_the_reference(room: str) -> None:
    text = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "docs/api").glob("*.md"))
    shown = re.findall(rf"^::: secondpass\.{room}\.(\w+)$", text, re.MULTILINE)
    package = __import__(f"secondpass.{room}", fromlist=["__all__"])
    assert sorted(set(shown)) == sorted(shown), "twice"
    assert set(package.__all__) - set(secondpass.__all__) == set(shown)


def test_the_readme_lists_every_backend() -> None:
    from secondpass import UnknownModelError, load

    with pytest.raises(UnknownModelError) as unknown:
        load("no-such-backend")
    known = str(unknown.value).partition("with one of ")[2].rstrip(".").split(", ")
    assert len(known) >= 9
    text = READMES[0].read_text(encoding="utf-8")
    assert not [name for name in known if not re.search(rf"`{re.escape(name)}[:`]", text)]


def test_the_picture_shows_what_the_model_says() -> None:
    source = ROOT / "docs/assets/picture.py"
    made: dict[str, Any] = {"__name__": "picture", "__file__": str(source)}
    exec(compile(source.read_text(encoding="utf-8"), str(source), "exec"), made)
    before, after = made["run"]()
    svg = (ROOT / "docs/assets/before-after.svg").read_text(encoding="utf-8")
    texts = re.findall(r"<text [^>]*>([^<]*)</text>", svg)
    for order in (before, after):
        places = [c.text for c in order]
        side = [t for t in texts if t in places]
        side = side[: len(places)] if order is before else side[len(places) :]
        assert side == places
    shown = [float(t) for t in texts if re.fullmatch(r"0\.\d\d", t)]
    assert shown == pytest.approx(after.scores, abs=0.03)


def test_the_patterns_do_what_they_say() -> None:
    from secondpass import Ranking, Threshold, Top, load

    docs = [f"filler number {i} about nothing" for i in range(50)]
    docs[7] = "Goethe wrote Faust."
    docs[30] = docs[7]
    model = load("builtin", cache=1000)
    selective = (Top(20) >> model >> Threshold(0.3))(Ranking.of("who wrote Faust?", docs))
    assert selective.ids == ["7"]
    multi_stage = Top(1000) >> load("builtin-tiny") >> Top(20) >> model
    multi = multi_stage(Ranking.of("who wrote Faust?", docs))
    assert multi.ids[:2] == ["7", "30"]
    assert len(multi) == 20
