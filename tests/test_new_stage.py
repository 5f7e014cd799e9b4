"""A public stage is added as CONTRIBUTING says: its file, one line, its docs, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
USE = """
import secondpass as sp
from secondpass.testing import check_stage

stage = sp.LimitPerValue("author", 1)
check_stage(stage, cuts=True)

docs = [
    sp.Candidate("a", "Faust", {"author": "Goethe"}),
    sp.Candidate("b", "Egmont, a play", {"author": "Goethe"}),
    sp.Candidate("c", "Die Raeuber", {"author": "Schiller"}),
    sp.Candidate("d", "Beowulf"),
]
alone = sp.rerank("plays", docs, model=stage)
assert alone.ids == ["a", "c", "d"], alone.ids
assert [e.kind for e in alone.events] == ["dropped"], alone.events

pipeline = sp.Score(sp.FieldWeight("author", {"Schiller": 2.0}, missing=0.0)) >> stage >> sp.Top(2)
recipe = sp.Recipe.of_dict(sp.Recipe.of(pipeline).to_dict())
again = recipe.stage()
assert sp.Recipe.of(again) == recipe
assert sp.rerank("plays", docs, model=recipe).ids == pipeline(sp.Ranking.of("plays", docs)).ids
assert again.stages[1].k == 1

try:
    sp.Recipe({"type": "LimitPerValue", "field": "author", "k": -1}).stage()
except sp.RecipeError as error:
    assert "k" in str(error)
else:
    raise AssertionError("the bounds of k hold for it too")
"""


def _blocks() -> dict[str, str]:
    return dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The sources and the reference with the stage of CONTRIBUTING added."""
    skip = shutil.ignore_patterns("__pycache__", "*.onnx")
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=skip)
    shutil.copytree(ROOT / "docs/api", tmp_path / "docs/api")
    for name, block in _blocks().items():
        path = tmp_path / name
        if not path.exists():
            path.write_text(block, encoding="utf-8")
        elif name.endswith(".md"):
            path.write_text(f"{path.read_text(encoding='utf-8')}\n{block}", encoding="utf-8")
        else:  # behind the last stage of the table
            text = path.read_text(encoding="utf-8")
            before = '    "TokenBudget": '
            assert text.count(before) == 1
            path.write_text(text.replace(before, block + before), encoding="utf-8")
    return tmp_path


def _run(copy: Path, *command: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(copy / "src")}
    done = subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_it_takes_one_file_one_line_and_its_docs() -> None:
    assert list(_blocks()) == [
        "src/secondpass/stages/limit_per_value.py",
        "src/secondpass/core/public_names.py",
        "docs/api/stages.md",
    ]
    assert _blocks()["src/secondpass/core/public_names.py"].count("\n") == 1
    assert _blocks()["docs/api/stages.md"].count("\n") == 1


def test_it_then_runs_in_rerank_in_a_pipeline_and_in_a_recipe(copy: Path) -> None:
    _run(copy, "-c", USE)


def test_type_checkers_and_the_reference_then_have_it(copy: Path) -> None:
    _run(copy, "tests/write_public_names.py")
    _run(copy, "tests/write_public_names.py", "--check")
    init = (copy / "src/secondpass/__init__.py").read_text(encoding="utf-8")
    assert "stages.limit_per_value import LimitPerValue as LimitPerValue" in init
    for tool in (("ruff", "check"), ("ruff", "format", "--check")):
        _run(copy, "-m", *tool, "--no-cache", str(copy / "src/secondpass"))
    pages = "".join(p.read_text(encoding="utf-8") for p in (copy / "docs/api").glob("*.md"))
    assert pages.count("::: secondpass.LimitPerValue\n") == 1
