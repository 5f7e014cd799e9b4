"""Every notebook runs from top to bottom, offline; what is committed is what its script says."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
COOKBOOK = HERE.parents[1] / "cookbook"
SCRIPTS = sorted(path.name for path in COOKBOOK.glob("[0-9][0-9]_*.py"))
MINUTES = 15
KEEPING = 'load("builtin:raw", cache=50_000, options={"vectors": "whole.vectors"})'
CALIBRATED = KEEPING.replace(":raw", "")
SMALLER = {
    "01_llamaindex.py": {"model": CALIBRATED},
    "02_langchain.py": {"best_five": f"SecondPassRerank(model={CALIBRATED}, top_n=5)"},
    "03_which_reranker.py": {
        "asked": 'labels("question")[::6]',
        "reader": KEEPING,
        "whole": 'load("builtin:raw", options={"vectors": "whole.vectors"})',
        "short": 'load("builtin:raw", options={"max_length": 64, "vectors": "64.vectors"})',
    },
    "04_a_threshold_that_means_something.py": {
        "raw": KEEPING,
        "    keep": 'calibrated(load("builtin:raw"), fit[:30]).pipeline >> Threshold(0.05)',
    },
    "05_is_it_worth_it.py": {
        "some": 'replace(firsts["vectors"], topics=firsts["vectors"].topics[::30])',
        "reader": KEEPING,
        "whole": KEEPING,
        "looked_up": 'labels("keyword")[::3]',
        "cut": 'load("builtin:raw", options={"max_length": 48, "vectors": "48.vectors"})',
    },
    "06_your_domain.py": {"LARGEST": "20_000", "QUERIES, OTHERS": "44, 7"},
    "07_service.py": {"texts": "[p.text[:300] for p in passages[:160]]"},
    "08_long_documents.py": {"WORDS, PAGES, PAGE": "300, 12, 9", "builtin": CALIBRATED},
}
"""Settings of notebooks that would train until a clock ends it, or read the same passages again and
again: here their vectors are kept in a file for all notebooks."""
ABSOLUTE = re.compile(r"(?<![\w.~/:])/(?:[\w.-]+/){2,}\w|\b[A-Z]:\\\\?\w")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy without what earlier runs left, so that nothing is written to the repository.

    Its corpus has the passages that the labels are about; the vectors of the others take longer to
    make than anything else here.
    """
    unwanted = shutil.ignore_patterns(".chroma", "*.ipynb", "__pycache__")
    made = tmp_path_factory.mktemp("copy") / "cookbook"
    shutil.copytree(COOKBOOK, made, ignore=unwanted)
    corpus = made / "corpus.jsonl"
    rows = corpus.read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not json.loads(row)["source"].startswith("docs/")]
    assert 200 < len(kept) < len(rows)
    corpus.write_text("".join(kept), encoding="utf-8")
    return made


def _run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Without keys, and with the network closed in this process and in the kernel's."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("OPENAI_")}
    paths = [str(HERE / "closed_network"), kept.get("PYTHONPATH", "")]
    environment = {**kept, "PYTHONPATH": os.pathsep.join(p for p in paths if p)}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, timeout=60 * MINUTES,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.cookbook
@pytest.mark.slow
@pytest.mark.parametrize("script", SCRIPTS)
def test_it_runs(script: str, copy: Path) -> None:
    smaller = [f"--set={name}={value}" for name, value in SMALLER.get(script, {}).items()]
    done = _run(copy / "execute.py", script, *smaller, folder=copy)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (copy / script).with_suffix(".ipynb").is_file()


def test_settings_replace_those_of_the_script_and_no_others(tmp_path: Path) -> None:
    import nbformat

    from execute import read, replace_settings

    script = tmp_path / "00_sum.py"
    script.write_text("# %%\nFEW, MANY = 1, 2\nMORE = 3\n\n# %%\nprint(FEW + MANY + MORE)\n")
    notebook = read(script)
    replace_settings(notebook, {"FEW, MANY": "3, 4"})
    assert [cell.source for cell in notebook.cells] == [
        "FEW, MANY = 3, 4\nMORE = 3", "print(FEW + MANY + MORE)",
    ]  # fmt: skip
    for unknown in ("MANY", "F.W, MANY"):
        with pytest.raises(ValueError, match=re.escape(f"no line sets {unknown}")):
            replace_settings(notebook, {unknown: "3"})
    copied = shutil.copy(COOKBOOK / "execute.py", tmp_path)
    done = _run(copied, script, "--set=MORE=10", folder=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    (*_, shown) = nbformat.read(script.with_suffix(".ipynb"), as_version=4).cells
    assert shown.outputs[0].text == "13\n"


def test_the_network_is_closed(tmp_path: Path) -> None:
    asked = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = _run("-c", asked, folder=tmp_path)
    assert "the network is closed in tests" in done.stderr
    asked = "import socket; socket.getaddrinfo('example.org', 80)"
    assert "the network is closed in tests" in _run("-c", asked, folder=tmp_path).stderr


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_committed_notebook_is_the_scripts(script: str) -> None:
    import nbformat

    from execute import read

    committed = nbformat.read((COOKBOOK / script).with_suffix(".ipynb"), as_version=4)
    was = [(cell.cell_type, cell.source, cell.id) for cell in read(COOKBOOK / script).cells]
    now = [(cell.cell_type, cell.source, cell.id) for cell in committed.cells]
    assert now == was, "run `make notebooks`"


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_committed_outputs_can_be_shown(script: str) -> None:
    import nbformat

    notebook = nbformat.read((COOKBOOK / script).with_suffix(".ipynb"), as_version=4)
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert outputs
    assert any("image/png" in output.get("data", {}) for output in outputs), "no picture"
    assert not [output for output in outputs if output.output_type == "error"]
    assert not [output for output in outputs if output.get("name") == "stderr"]
    told = "\n".join(text for output in outputs for text in _texts(output))
    assert not ABSOLUTE.findall(told)
    assert not _names_host(told, socket.gethostname())
    assert not [cell for cell in notebook.cells if cell.metadata], "metadata that changes"


@pytest.mark.parametrize(
    ("told", "named"),
    [("on vm, two cores", True), ("http://vm:80", True), ("_divmod", False), ("vm_2", False)],
)
def test_a_host_is_named_by_a_word_of_its_own(told: str, named: bool) -> None:
    assert _names_host(told, "vm") is named


def test_the_index_names_every_notebook() -> None:
    page = (COOKBOOK / "README.md").read_text(encoding="utf-8")
    missing = [script for script in SCRIPTS if Path(script).stem not in page]
    assert not missing


def _names_host(told: str, host: str) -> bool:
    """A short name, such as vm, is also part of other words."""
    return re.search(rf"\b{re.escape(host)}\b", told) is not None


def _texts(output: Any) -> Iterator[str]:
    yield output.get("text", "")
    yield from (v for k, v in output.get("data", {}).items() if k.startswith("text/"))
