"""Where passages' vectors may be kept: SQLite, LMDB, a memory-mapped Arrow file, Lance, measured.

    python benchmarks/split_store.py [--passages 100000] [--bytes 7200] [--only sqlite lmdb]
    python benchmarks/split_store.py --quality trec-dl19 trec-dl21

The first form writes synthetic blobs of the size of a passage's vectors under keys of 16 bytes, and
measures writing, bytes on disk, opening, looking up 100 random passages (as one query does), four
processes that do so at the same time, and looking up while another process adds. The second
measures what pooling tokens and fewer bits cost in nDCG@10. Writes split_store.json and .md, or
split_store_quality.json and .md, into benchmarks/results.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from results_file import RESULTS, machine_load, markdown_table, processor_name, write_results

LOOK_UP, LOOK_UPS, PROCESSES, AT_ONCE = 100, 40, 4, 512
Blobs = Iterator[list[tuple[bytes, bytes]]]
Clock = Callable[[], float]


def key(number: int) -> bytes:
    return blake2b(str(number).encode(), digest_size=16).digest()


def blobs(start: int, stop: int, size: int) -> Blobs:
    """Bytes that no file system can compress, as vectors are; of lengths as passages have."""
    random = np.random.default_rng(start)
    for first in range(start, stop, AT_ONCE):
        yield [
            (key(number), random.bytes(int(size * random.uniform(0.5, 1.5))))
            for number in range(first, min(first + AT_ONCE, stop))
        ]


class Sqlite:
    """A table of rows, as today (`WITHOUT ROWID`)."""

    table = "CREATE TABLE t (key BLOB PRIMARY KEY, v BLOB NOT NULL) WITHOUT ROWID"
    page = 4096

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, batches: Blobs) -> None:
        for batch in batches:
            with closing(self._open()) as file:
                file.execute("BEGIN IMMEDIATE")
                file.executemany("INSERT OR REPLACE INTO t VALUES (?, ?)", batch)
                file.execute("COMMIT")

    def look_up(self, keys: Sequence[bytes]) -> list[bytes]:
        with closing(self._open()) as file:
            marks = ",".join("?" * len(keys))
            return [v for _, v in file.execute(f"SELECT * FROM t WHERE key IN ({marks})", keys)]

    def _open(self) -> sqlite3.Connection:
        new = not self.path.exists()
        file = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        file.execute("PRAGMA synchronous = NORMAL")
        if new:
            file.execute(f"PRAGMA page_size = {self.page}")
            file.execute(self.table)
        return file


class SqliteRowid(Sqlite):
    """Rows in the order in which they came, an index of the keys, and pages of 16 KiB."""

    table = "CREATE TABLE t (key BLOB PRIMARY KEY, v BLOB NOT NULL)"
    page = 16384


class SqliteShards:
    """16 files by the first four bits of the key."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.files = [SqliteRowid(path / f"{i:x}") for i in range(16)]

    def write(self, batches: Blobs) -> None:
        for batch in batches:
            for i, file in enumerate(self.files):
                file.write(iter([[row for row in batch if row[0][0] >> 4 == i]]))

    def look_up(self, keys: Sequence[bytes]) -> list[bytes]:
        found = []
        for i, file in enumerate(self.files):
            if mine := [one for one in keys if one[0] >> 4 == i]:
                found += file.look_up(mine)
        return found


class Lmdb:
    """A memory-mapped B-tree."""

    def __init__(self, path: Path) -> None:
        self.path, self.pid, self.env = path, 0, None

    def _env(self) -> Any:
        import lmdb

        if self.pid != os.getpid():
            self.env = lmdb.open(str(self.path), map_size=1 << 38, subdir=False, readahead=False)
            self.pid = os.getpid()
        return self.env

    def write(self, batches: Blobs) -> None:
        for batch in batches:
            with self._env().begin(write=True) as transaction:
                for one, value in batch:
                    transaction.put(one, value)

    def look_up(self, keys: Sequence[bytes]) -> list[bytes]:
        with self._env().begin() as transaction:
            return [bytes(transaction.get(one)) for one in keys]


class Arrow:
    """One IPC file for each 10,000 passages, memory mapped, and the keys in memory."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.path, self.seen, self.where, self.columns = path, 0, {}, []

    def write(self, batches: Blobs) -> None:
        import pyarrow as pa

        rows: list[tuple[bytes, bytes]] = []
        for batch in (*batches, None):
            rows += batch or ()
            if rows and (batch is None or len(rows) >= 10_000):
                table = pa.table({"key": [k for k, _ in rows], "v": [v for _, v in rows]})
                name = self.path / f"{len(list(self.path.glob('*.arrow'))):06d}.arrow"
                with pa.OSFile(f"{name}.new", "wb") as to, pa.ipc.new_file(to, table.schema) as out:
                    out.write_table(table)
                Path(f"{name}.new").rename(name)
                rows = []

    def look_up(self, keys: Sequence[bytes]) -> list[bytes]:
        import pyarrow as pa

        for file in sorted(self.path.glob("*.arrow"))[self.seen :]:
            table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
            column, number = table.column("v"), len(self.columns)
            self.where |= {k: (number, i) for i, k in enumerate(table.column("key").to_pylist())}
            self.columns.append(column)
            self.seen += 1
        return [self.columns[f][i].as_py() for f, i in (self.where[one] for one in keys)]


class Lance:
    """A dataset with a scalar index of the keys."""

    def __init__(self, path: Path) -> None:
        self.path, self.table = path, None

    def write(self, batches: Blobs) -> None:
        import lancedb
        import lancedb.index
        import pyarrow as pa

        schema = pa.schema([("key", pa.string()), ("v", pa.binary())])
        first, database = not self.path.exists(), lancedb.connect(self.path)
        table = database.create_table("t", schema=schema) if first else database.open_table("t")
        rows: list[tuple[bytes, bytes]] = []
        for batch in (*batches, None):  # each append makes a file, so they are few and large
            rows += batch or ()
            if rows and (batch is None or len(rows) >= 10_000):
                table.add(
                    pa.table([[k.hex() for k, _ in rows], [v for _, v in rows]], schema=schema)
                )
                rows = []
        if first:
            table.create_index("key", config=lancedb.index.BTree())

    def look_up(self, keys: Sequence[bytes]) -> list[bytes]:
        import lancedb

        self.table = self.table or lancedb.connect(self.path).open_table("t")
        listed = ", ".join(f"'{one.hex()}'" for one in keys)
        found = self.table.search().where(f"key IN ({listed})").select(["v"]).limit(len(keys))
        return found.to_arrow().column("v").to_pylist()


STORES = {
    "sqlite": Sqlite, "sqlite-rowid-16k": SqliteRowid, "sqlite-16-shards": SqliteShards,
    "lmdb": Lmdb, "arrow": Arrow, "lance": Lance,
}  # fmt: skip


def look_ups(
    kind: str, path: Path, passages: int, seed: int, clock: Clock = time.perf_counter
) -> list[float]:
    """Milliseconds of each of `LOOK_UPS`; the first one opens the store."""
    random, store = np.random.default_rng(seed), STORES[kind](path)
    times = []
    for _ in range(LOOK_UPS):
        keys = [key(int(i)) for i in random.choice(passages, LOOK_UP, replace=False)]
        began = clock()
        found = store.look_up(keys)
        times.append((clock() - began) * 1000)
        assert len(found) == LOOK_UP, (kind, len(found))
    return times


def write_more(kind: str, path: Path, start: int, stop: int, size: int) -> None:
    STORES[kind](path).write(blobs(start, stop, size))


def measure(kind: str, path: Path, passages: int, size: int) -> dict[str, Any]:
    context = multiprocessing.get_context("fork")
    began, busy = time.perf_counter(), time.process_time()
    write_more(kind, path, 0, passages, size)
    row: dict[str, Any] = {
        "written_a_second": round(passages / (time.perf_counter() - began)),
        "written_a_processor_second": round(passages / (time.process_time() - busy)),
    }
    files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
    payload = sum(len(v) for batch in blobs(0, passages, size) for _, v in batch)
    row["bytes_a_passage"] = round(sum(f.stat().st_blocks * 512 for f in files) / passages)
    row["overhead"] = round(row["bytes_a_passage"] * passages / payload - 1, 3)
    with context.Pool(1) as pool:  # a new process
        times = pool.apply(look_ups, (kind, path, passages, 1))
    row["first_look_up_ms"], row["look_up_ms"] = (
        round(times[0], 1), round(statistics.median(times[1:]), 2),
    )  # fmt: skip
    with context.Pool(1) as pool:  # what other programs take of the processors does not count
        times = pool.apply(look_ups, (kind, path, passages, 1, time.process_time))
    row["look_up_processor_ms"] = round(statistics.median(times[1:]), 2)
    with context.Pool(PROCESSES) as pool:
        several = pool.map(partial(look_ups, kind, path, passages), range(2, 2 + PROCESSES))
    row["look_up_ms_of_4"] = round(statistics.median(t for one in several for t in one[1:]), 2)
    with context.Pool(1) as pool:
        writer = pool.apply_async(
            write_more, (kind, path, passages, passages + passages // 10, size)
        )
        times = look_ups(kind, path, passages, 9)
        writer.get()
    row["look_up_ms_while_writing"] = round(statistics.median(times[1:]), 2)
    row["slowest_while_writing_ms"] = round(max(times[1:]), 1)
    return row


def stores(options: argparse.Namespace) -> None:
    rows = {}
    for kind in options.only or STORES:
        scratch = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            rows[kind] = measure(kind, scratch / "store", options.passages, options.bytes)
        except ImportError as error:
            rows[kind] = {"skipped": f"{error.name} is not installed"}
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        print(kind, rows[kind], flush=True)
    columns = list(next(row for row in rows.values() if "skipped" not in row))
    table = markdown_table(
        ["store", *(name.replace("_", " ") for name in columns)],
        [[kind, *(str(row.get(c, "")) for c in columns)] for kind, row in rows.items()],
    )
    report = {
        "command": "python benchmarks/split_store.py", "passages": options.passages,
        "mean_bytes": options.bytes, **machine_load(), "stores": rows,
    }  # fmt: skip
    page = [
        "# Stores for passages' vectors",
        "",
        f"{options.passages} synthetic passages of {options.bytes} bytes on average; a look-up is "
        f"{LOOK_UP} random passages. {processor_name()}.",
        "",
        *table,
    ]
    write_results("split_store", report, page, options.results)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--bytes", type=int, default=7200)
    parser.add_argument("--only", nargs="*", choices=STORES)
    parser.add_argument("--folder", help="Disk to write to; the system's temporary one if absent.")
    parser.add_argument("--quality", nargs="*", metavar="COLLECTION")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    if options.quality is None:
        stores(options)
    else:
        from split_store_quality import measure_quality

        measure_quality(options.quality or ["trec-dl19", "trec-dl21"], options.results)


if __name__ == "__main__":
    main()
