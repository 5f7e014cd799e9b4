"""Parquet in, Parquet out, resumed where it was interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError
from secondpass.models.load import ModelLike, as_stage
from secondpass.serve.batch.columns import Columns
from secondpass.serve.batch.parts import PAIRS_PER_PART, ParquetInput, PartFolder, TablePart
from secondpass.serve.batch.rerank_batch import RerankBatch, check_pairs, recipe_of, with_threads


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchReport:
    """What a job did.

    Attributes:
        output: Where the result is.
        rows: Of the input.
        pairs: Of query and text in the rows that this run did, about.
        resumed_rows: Those that an earlier run had done.
        problems: Rows that could not be ranked; their column ``problem`` says why.
        seconds: Of this run.
        actors: Processes of Ray at most; 0 without Ray.
    """

    output: str
    rows: int
    pairs: int
    resumed_rows: int
    problems: int
    seconds: float
    actors: int


@dataclass(frozen=True, slots=True)
class PartJob:
    """What a process needs to do parts: it travels to other processes.

    Attributes:
        recipe: As plain values.
        columns: Of the input.
        folder: Where results are kept, reachable by this path everywhere.
        job: What the parts are made of, see `PartFolder`.
        name: Of the input, for messages.
        threads: See `RerankBatch`.
    """

    recipe: Mapping[str, Any]
    columns: Columns
    folder: str
    job: dict[str, Any]
    name: str
    threads: int | None

    def worker(self) -> Callable[[TablePart], int]:
        """A function that does a part and gives the number of its rows; it loads the model."""
        rerank = RerankBatch(self.recipe, self.columns, threads=self.threads)
        folder = PartFolder(Path(self.folder), self.job)

        def work(part: TablePart) -> int:
            folder.write(part, rerank.rank(part.read(), self.name))
            return part.stop - part.start

        return work


@hint_keywords()
def rerank_parquet(
    input: str | os.PathLike[str],
    output: str | os.PathLike[str],
    model: ModelLike = "builtin",
    *,
    columns: Columns | None = None,
    rows_per_part: int | None = None,
    threads: int | None = None,
    overwrite: bool = False,
    ray: bool = False,
    actors: int | None = None,
    cpus_per_actor: int = 1,
    gpus_per_actor: float = 0,
    on_progress: Callable[[int, int], None] | None = None,
) -> BatchReport:
    """Rank all rows of a Parquet file, or of a folder of them; see `RerankBatch` for the columns.

    Results are kept in parts, in the folder OUTPUT.parts, until all are there, and the same call
    after an interruption does only the parts that are missing. An output that ends in ".parquet"
    is one file; any other is a folder with the parts.

    Args:
        input: A file, or a folder with files "*.parquet".
        output: A file or a folder. With Ray on several machines, in a file system that they share,
            as the input.
        model: What `load` or `as_stage` takes.
        columns: Their names.
        rows_per_part: None: rows of about 10,000 pairs.
        threads: Batches of the model that run at the same time, in one process; as many as this
            process may use processors if None. With Ray, `cpus_per_actor` are.
        overwrite: Replace an output that exists, which is an error otherwise.
        ray: Run on Ray: the cluster of RAY_ADDRESS, or this machine.
        actors: Processes of Ray; None: by the rate that is measured here, so many that each has
            work for a while, as many as the cluster has room for.
        cpus_per_actor: Processors of each.
        gpus_per_actor: GPUs of each, 0.5 for two on one.
        on_progress: Called with (rows done, rows in all).

    Raises:
        InvalidInputError: Input or output that cannot be used, columns that are missing or of
            another type, pairs for a recipe that ranks whole lists.
        MissingExtraError: Ray is not installed.
        SecondPassError: What loading and running the model may raise.
    """
    columns = Columns() if columns is None else columns
    for name, number in (
        ("rows_per_part", rows_per_part), ("actors", actors), ("cpus_per_actor", cpus_per_actor)
    ):  # fmt: skip
        if number is not None and (isinstance(number, bool) or number < 1):
            raise InvalidInputError(f"{name}={number!r}: at least 1")
    began = time.perf_counter()
    source, to = ParquetInput.of(input), Path(output)
    lists = columns.are_lists(source.schema, source.name)
    one_file = to.suffix == ".parquet"
    if to.exists() and not overwrite and (one_file or not to.is_dir()):
        raise InvalidInputError(f"{to} exists; give another output, or --overwrite")
    if not to.absolute().parent.is_dir():
        raise InvalidInputError(f"there is no folder {to.absolute().parent} to write {to.name} to")
    if to.absolute() in [file.absolute() for file in (Path(input), *source.files)]:
        raise InvalidInputError(f"{to} is the input; give another output")
    stage = as_stage(model)
    if not lists:
        check_pairs(stage, source.name)
    recipe = recipe_of(stage)
    per_row = source.pairs_per_row(columns.text_of(source.schema, source.name))
    if rows_per_part is None:
        rows_per_part = max(1, round(PAIRS_PER_PART / max(per_row, 1.0)))
    made_of = {
        "input": source.fingerprint(),
        "recipe": hashlib.sha256(
            json.dumps(with_threads(recipe, 0), sort_keys=True).encode()
        ).hexdigest(),
        "columns": asdict(columns),
        "rows per part": rows_per_part,
    }
    folder = PartFolder(to.with_name(to.name + ".parts") if one_file else to, made_of)
    parts = source.parts(rows_per_part)
    missing = [part for part in parts if not folder.is_done(part)]
    rows = parts_rows(parts)
    done = rows - parts_rows(missing)
    job = PartJob(
        recipe, columns, str(folder.path.absolute()), made_of, source.name,
        cpus_per_actor if ray else threads,
    )  # fmt: skip
    report_progress = _Progress(done, rows, on_progress)
    pool = 0
    if ray and missing:
        from secondpass.serve.batch.ray_pool import run_on_ray

        pairs = round(parts_rows(missing) * per_row)
        pool = run_on_ray(
            job, missing, pairs, report_progress,
            actors=actors, cpus=cpus_per_actor, gpus=gpus_per_actor,
        )  # fmt: skip
    elif missing:
        work = job.worker()
        for part in missing:
            report_progress(work(part))
    problems = folder.count(parts, columns.prefix + "problem")
    folder.finish()
    if one_file:
        folder.merge(parts, to)
    return BatchReport(
        output=str(to),
        rows=rows,
        pairs=round(parts_rows(missing) * per_row),
        resumed_rows=done,
        problems=problems,
        seconds=time.perf_counter() - began,
        actors=pool,
    )


def parts_rows(parts: list[TablePart]) -> int:
    """Rows of all of them."""
    return sum(part.stop - part.start for part in parts)


class _Progress:
    def __init__(
        self, done: int, rows: int, on_progress: Callable[[int, int], None] | None
    ) -> None:
        self.done, self.rows, self.on_progress = done, rows, on_progress
        self(0)

    def __call__(self, rows: int) -> None:
        self.done += rows
        if self.on_progress is not None:
            self.on_progress(self.done, self.rows)
