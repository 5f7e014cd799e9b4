"""Collections from files: a module per format, and `read_collection`, which picks the one."""

from __future__ import annotations

from pathlib import Path

from secondpass.core.errors import InvalidInputError
from secondpass.core.jsonl import PathLike
from secondpass.evaluate.collection import Collection
from secondpass.evaluate.formats.beir import read_beir
from secondpass.evaluate.formats.jsonl import read_jsonl


def read_collection(
    path: PathLike,
    run: PathLike | None = None,
    *,
    depth: int = 100,
    qrels: PathLike | None = None,
    relevant_from: int = 1,
) -> Collection:
    """A collection from a folder in BEIR's layout or from a JSONL file of labelled queries.

    Args:
        path: See `read_beir` and `read_jsonl`.
        run: The first stage of a folder, see `read_beir`.
        depth: Candidates of each query at most.
        qrels: Another judgement file of a folder.
        relevant_from: See `Collection`.

    Raises:
        InvalidInputError: Neither, or what the two readers may raise.
    """
    path = Path(path)
    if path.is_dir():
        return read_beir(path, run, depth=depth, qrels=qrels, relevant_from=relevant_from)
    if not path.is_file():
        raise InvalidInputError(f"there is no collection {path}")
    if run is not None or qrels is not None:
        raise InvalidInputError(
            f"{path} is a file of labelled queries, which holds candidates and labels itself; "
            "run and qrels go with a folder"
        )
    return read_jsonl(path, depth=depth, relevant_from=relevant_from)
