"""Run the notebooks' scripts and write the notebooks beside them, outputs and pictures included.

python cookbook/execute.py                      all of them
python cookbook/execute.py 01_llamaindex.py     some of them
    --set "HOURS=0.5"                           with another value than the line HOURS = ... has
"""

from __future__ import annotations

import argparse
import os
import re
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import jupytext
import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).parent
QUIET = {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def scripts(folder: Path = HERE) -> list[Path]:
    """NN_name.py, in their order."""
    return sorted(folder.glob("[0-9][0-9]_*.py"))


def read(script: Path) -> nbformat.NotebookNode:
    """The script as a notebook that has not run; cells have the same ids every time."""
    notebook = jupytext.read(script, fmt="py:percent")
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for number, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{number:02}", {}
    return notebook


def replace_settings(notebook: nbformat.NotebookNode, settings: Mapping[str, str]) -> None:
    """Give names that a line of the notebook sets other values.

    Args:
        notebook: Changed in place.
        settings: By what stands left of the line's first ``=``, what shall stand right of it.

    Raises:
        ValueError: No line sets it.
    """
    for name, value in settings.items():
        line = re.compile(rf"^{re.escape(name)} = .*$", re.MULTILINE)
        cells = [c for c in notebook.cells if c.cell_type == "code" and line.search(c.source)]
        if not cells:
            raise ValueError(f"no line sets {name}")
        for cell in cells:
            cell.source = line.sub(lambda _, text=f"{name} = {value}": text, cell.source)


def executed(script: Path, settings: Mapping[str, str]) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in the script's folder.

    Args:
        script: Read, never written.
        settings: See `replace_settings`.

    Raises:
        CellExecutionError: A cell failed.
        ValueError: A setting that no line has.
    """
    notebook = read(script)
    replace_settings(notebook, settings)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(script.parent)}},
    )  # fmt: skip
    client.create_kernel_manager()
    with TemporaryDirectory() as sockets:
        if os.name == "posix":  # no port is opened, and no other kernel meets this one
            client.km.transport, client.km.ip = "ipc", f"{sockets}/kernel"
        client.execute(env=os.environ | QUIET)
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
    _, tidy = nbformat.validator.normalize(notebook)
    return tidy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="scripts in cookbook/; all if none")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    asked = parser.parse_args()
    settings = {name: value for name, _, value in (text.partition("=") for text in asked.set)}
    for script in [HERE / Path(n).name for n in asked.names] or scripts():
        start = time.perf_counter()
        nbformat.write(executed(script, settings), script.with_suffix(".ipynb"))
        print(f"{script.stem}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
