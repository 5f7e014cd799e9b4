"""A job in parts: each is some rows of a Parquet file, and is there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from secondpass.core.errors import InvalidInputError

PAIRS_PER_PART = 10_000
"""About half a minute of the built-in model on one processor: what an interruption costs."""
_JOB = "_job.json"


@dataclass(frozen=True, slots=True)
class TablePart:
    """Rows `start` to `stop` of the file `path`."""

    number: int
    path: str
    start: int
    stop: int

    def read(self) -> pa.Table:
        """Its rows; the row groups that hold them are read."""
        file = pq.ParquetFile(self.path)
        first = skipped = 0
        groups: list[int] = []
        for group in range(file.num_row_groups):
            last = first + file.metadata.row_group(group).num_rows
            if first < self.stop and last > self.start:
                skipped = first if not groups else skipped
                groups.append(group)
            first = last
        return file.read_row_groups(groups).slice(self.start - skipped, self.stop - self.start)


@dataclass(frozen=True, slots=True)
class ParquetInput:
    """The files of a job, all with one schema."""

    name: str
    files: tuple[Path, ...]
    schema: pa.Schema

    @classmethod
    def of(cls, path: str | os.PathLike[str]) -> ParquetInput:
        """A file, or all files '*.parquet' of a folder, by name.

        Raises:
            InvalidInputError: There is nothing, it is not Parquet, or schemas differ.
        """
        name, root = os.fspath(path), Path(path)
        files = tuple(sorted(root.glob("*.parquet"))) if root.is_dir() else (root,)
        if not files:
            raise InvalidInputError(f"the folder {name} has no file that ends in .parquet")
        schemas = [_schema(file) for file in files]
        for file, schema in zip(files, schemas, strict=True):
            if schema != schemas[0]:
                raise InvalidInputError(
                    f"{file} and {files[0]} have different columns; all files of a folder must "
                    "have the same, with the same types"
                )
        return cls(name, files, schemas[0])

    def pairs_per_row(self, text: str) -> float:
        """Mean number of texts of a row, by the files' own counts."""
        rows = values = 0
        for file in self.files:
            metadata = pq.read_metadata(file)
            rows += metadata.num_rows
            for group in range(metadata.num_row_groups):
                columns = metadata.row_group(group)
                for index in range(columns.num_columns):
                    if columns.column(index).path_in_schema.split(".")[0] == text:
                        values += columns.column(index).num_values
        return values / rows if rows else 1.0

    def parts(self, rows_per_part: int) -> list[TablePart]:
        """All of them; an input without rows is one part, so that its result has its columns."""
        parts: list[TablePart] = []
        for file in self.files:
            rows = pq.read_metadata(file).num_rows
            for start in range(0, rows, rows_per_part):
                stop = min(start + rows_per_part, rows)
                parts.append(TablePart(len(parts), str(file), start, stop))
        return parts or [TablePart(0, str(self.files[0]), 0, 0)]

    def fingerprint(self) -> list[Any]:
        """What tells these files from others, or from what they were."""
        stats = [file.stat() for file in self.files]
        return [
            [file.name, stat.st_size, stat.st_mtime_ns]
            for file, stat in zip(self.files, stats, strict=True)
        ]


class PartFolder:
    """The folder that keeps the results of parts until all are there.

    Args:
        path: Made if it does not exist.
        job: What the parts are made of, as JSON values.

    Raises:
        InvalidInputError: It holds the parts of another job, or something else; it is left as is.
    """

    def __init__(self, path: Path, job: dict[str, Any]) -> None:
        self.path = path
        text = json.dumps(job, sort_keys=True)
        if path.exists() and not path.is_dir():
            raise InvalidInputError(f"{path} is a file; parts are kept in a folder of that name")
        if path.is_dir() and {file.name for file in path.iterdir()} - {_JOB}:
            self._check(text)
            return
        path.mkdir(parents=True, exist_ok=True)
        self._replace(path / _JOB, lambda to: to.write_text(text, encoding="utf-8"))

    def file(self, number: int) -> Path:
        """Where the result of a part is."""
        return self.path / f"part-{number:06d}.parquet"

    def is_done(self, part: TablePart) -> bool:
        """Whether its result is there, with all its rows."""
        try:
            rows = pq.read_metadata(self.file(part.number)).num_rows
        except (OSError, pa.ArrowException):
            return False
        return bool(rows == part.stop - part.start)

    def write(self, part: TablePart, table: pa.Table) -> None:
        """Keep a result; it appears whole, whoever writes it and however often."""
        self._replace(self.file(part.number), lambda to: pq.write_table(table, to))

    def merge(self, parts: Sequence[TablePart], to: Path) -> None:
        """All results in their order as one file, which appears whole; then the folder goes."""

        def write(path: Path) -> None:
            schema = pq.read_schema(self.file(parts[0].number))
            with pq.ParquetWriter(path, schema) as writer:
                for part in parts:
                    writer.write_table(pq.read_table(self.file(part.number)))

        self._replace(to, write)
        shutil.rmtree(self.path)

    def count(self, parts: Sequence[TablePart], column: str) -> int:
        """The values of a column that are not null."""
        return sum(
            len(table) - table.column(column).null_count for table in self._columns(parts, column)
        )

    def finish(self) -> None:
        """Remove what a killed process left half written."""
        for left in self.path.glob(".*.part"):
            left.unlink(missing_ok=True)

    def _columns(self, parts: Sequence[TablePart], column: str) -> Iterator[pa.Table]:
        for part in parts:
            yield pq.read_table(self.file(part.number), columns=[column])

    def _check(self, job: str) -> None:
        try:
            there = (self.path / _JOB).read_text(encoding="utf-8")
        except OSError:
            raise InvalidInputError(
                f"the folder {self.path} holds something else; give another output"
            ) from None
        if there == job:
            return
        try:
            was, now = json.loads(there), json.loads(job)
            differ = [name for name in now if was.get(name) != now[name]]
        except (ValueError, AttributeError):
            differ = ["job file"]
        raise InvalidInputError(
            f"{self.path} holds parts of another job (another {', '.join(differ)}), so they were "
            "left as they are; delete the folder to begin anew, or give another output"
        )

    def _replace(self, to: Path, write: Any) -> None:
        draft = to.parent / f".{to.name}.{uuid4().hex}.part"
        try:
            write(draft)
            draft.replace(to)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink()
            raise


def part_values(part: TablePart) -> dict[str, Any]:
    """A part as plain values, as Ray moves it."""
    return asdict(part)


def _schema(file: Path) -> pa.Schema:
    try:
        return pq.read_schema(file).remove_metadata()
    except FileNotFoundError:
        raise InvalidInputError(f"there is no file {file}") from None
    except (OSError, pa.ArrowException) as error:
        problem = " ".join(str(error).split())[:200]
        raise InvalidInputError(f"{file} cannot be read as Parquet: {problem}") from error
