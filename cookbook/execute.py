"""Run the notebooks' scripts and write the notebooks beside them, outputs and pictures included.

python cookbook/execute.py                      all of them
python cookbook/execute.py 01_llamaindex.py     some of them
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

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


def executed(script: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in the script's folder.

    Raises:
        CellExecutionError: A cell failed.
    """
    notebook = read(script)
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", record_timing=False, coalesce_streams=True,
        resources={"metadata": {"path": str(script.parent)}},
    )  # fmt: skip
    client.create_kernel_manager()
    if os.name == "posix":
        client.km.transport = "ipc"  # no port is opened
    client.execute()
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata = {}
    _, tidy = nbformat.validator.normalize(notebook)
    return tidy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help="scripts in cookbook/; all if none")
    names = parser.parse_args().names
    os.environ.update(QUIET)
    for script in [HERE / Path(n).name for n in names] or scripts():
        start = time.perf_counter()
        nbformat.write(executed(script), script.with_suffix(".ipynb"))
        print(f"{script.stem}: {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
