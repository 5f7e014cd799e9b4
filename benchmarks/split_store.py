"""Where passages' vectors may be kept: SQLite, LMDB, a memory-mapped Arrow file, Lance, measured.

    python benchmarks/split_store.py [--passages 1000000] [--bytes 7200] [--only sqlite lmdb]
    python benchmarks/split_store.py --quality trec-dl19 trec-dl21

The first form writes synthetic bytes of the size of a passage's vectors, and measures writing,
bytes on disk, opening, looking up 100 random passages (as one query does), four processes that do
so at the same time, and looking up while another process adds a tenth. "sqlite", "lmdb" and their
folders of 16 files are what `builtin-split` has, checksums included; the others are what it might
have. The second form measures what pooling tokens and fewer bits cost in nDCG@10. Writes
split_store.json and .md, or split_store_quality.json and .md, into benchmarks/results. A million
passages of 7,200 bytes take 9 GB of disk at a time, and ten minutes for each store; the files are
written after each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import blake2b
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from results_file import RESULTS, machine_load, markdown_table, processor_name, write_results

from secondpass.models.onnx.passage_cache import PassageCache

LOOK_UP, LOOK_UPS, PROCESSES, AT_ONCE = 100, 40, 4, 512
Blobs = Iterator[dict[str, bytes]]
Clock = Callable[[], float]


def text(number: int) -> str:
    return f"passage {number}"


def key(passage: str) -> bytes:
    return blake2b(passage.encode(), digest_size=16).digest()


def blobs(start: int, stop: int, size: int) -> Blobs:
    """Bytes that no file system can compress, as vectors are; of lengths as passages have."""
    random = np.random.default_rng(start)
    for first in range(start, stop, AT_ONCE):
        yield {
            text(number): random.bytes(int(size * random.uniform(0.5, 1.5)))
            for number in range(first, min(first + AT_ONCE, stop))
        }


class Ours:
    """`PassageCache`: one file."""

    suffix, folder = "", False

    def __init__(self, path: Path) -> None:
        place = path.with_suffix(self.suffix)
        if self.folder:
            place.mkdir(exist_ok=True)
        self.cache = PassageCache(place, "synthetic", lambda _: True, lock_timeout=600)

    def write(self, batches: Blobs) -> None:
        for batch in batches:
            failure = self.cache.add(batch)
            assert failure is None, failure

    def look_up(self, texts: Sequence[str]) -> list[bytes]:
        stored = self.cache.get(texts)
        assert stored.failure is None, stored.failure
        return list(stored.packed.values())


class OursInFolder(Ours):
    """16 files."""

    folder = True


class OursLmdb(Ours):
    """One file of LMDB."""

    suffix = ".lmdb"


class OursLmdbInFolder(OursLmdb):
    """16 files of LMDB."""

    folder = True


class Arrow:
    """One IPC file for each 10,000 passages, memory mapped, and the keys in memory."""

    def __init__(self, path: Path) -> None:
        path.mkdir(exist_ok=True)
        self.path, self.seen, self.where, self.columns = path, 0, {}, []

    def write(self, batches: Blobs) -> None:
        import pyarrow as pa

        rows: list[tuple[bytes, bytes]] = []
        for batch in chain(batches, [None]):
            rows += [(key(one), value) for one, value in (batch or {}).items()]
            if rows and (batch is None or len(rows) >= 10_000):
                table = pa.table({"key": [k for k, _ in rows], "v": [v for _, v in rows]})
                name = self.path / f"{len(list(self.path.glob('*.arrow'))):06d}.arrow"
                with pa.OSFile(f"{name}.new", "wb") as to, pa.ipc.new_file(to, table.schema) as out:
                    out.write_table(table)
                Path(f"{name}.new").rename(name)
                rows = []

    def look_up(self, texts: Sequence[str]) -> list[bytes]:
        import pyarrow as pa

        for file in sorted(self.path.glob("*.arrow"))[self.seen :]:
            table = pa.ipc.open_file(pa.memory_map(str(file))).read_all()
            column, number = table.column("v"), len(self.columns)
            self.where |= {k: (number, i) for i, k in enumerate(table.column("key").to_pylist())}
            self.columns.append(column)
            self.seen += 1
        return [self.columns[f][i].as_py() for f, i in (self.where[key(one)] for one in texts)]


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
        for batch in chain(batches, [None]):  # each append makes a file, so they are few and large
            rows += [(key(one), value) for one, value in (batch or {}).items()]
            if rows and (batch is None or len(rows) >= 10_000):
                table.add(
                    pa.table([[k.hex() for k, _ in rows], [v for _, v in rows]], schema=schema)
                )
                rows = []
        if first:
            table.create_index("key", config=lancedb.index.BTree())

    def look_up(self, texts: Sequence[str]) -> list[bytes]:
        import lancedb

        self.table = self.table or lancedb.connect(self.path).open_table("t")
        listed = ", ".join(f"'{key(one).hex()}'" for one in texts)
        found = self.table.search().where(f"key IN ({listed})").select(["v"]).limit(len(texts))
        return found.to_arrow().column("v").to_pylist()


STORES = {
    "sqlite": Ours, "sqlite, 16 files": OursInFolder, "lmdb": OursLmdb,
    "lmdb, 16 files": OursLmdbInFolder, "arrow": Arrow, "lance": Lance,
}  # fmt: skip


def look_ups(
    kind: str, path: Path, passages: int, seed: int, clock: Clock = time.perf_counter
) -> list[float]:
    """Milliseconds of each of `LOOK_UPS`; the first one opens the store."""
    random, store = np.random.default_rng(seed), None
    times = []
    for _ in range(LOOK_UPS):
        texts = [text(int(i)) for i in random.choice(passages, LOOK_UP, replace=False)]
        began = clock()
        store = store or STORES[kind](path)
        found = store.look_up(texts)
        times.append((clock() - began) * 1000)
        assert len(found) == LOOK_UP, (kind, len(found))
    return times


def write_more(kind: str, path: Path, start: int, stop: int, size: int) -> int:
    """Bytes of all values."""
    total = 0

    def counted() -> Blobs:
        nonlocal total
        for batch in blobs(start, stop, size):
            total += sum(map(len, batch.values()))
            yield batch

    STORES[kind](path).write(counted())
    return total


def measure(kind: str, path: Path, passages: int, size: int) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")  # as Lance asks for
    began, busy = time.perf_counter(), time.process_time()
    payload = write_more(kind, path, 0, passages, size)
    row: dict[str, Any] = {
        "written_a_second": round(passages / (time.perf_counter() - began)),
        "written_a_processor_second": round(passages / (time.process_time() - busy)),
    }
    files = [p for p in path.parent.rglob("*") if p.is_file()]
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
    rows: dict[str, dict[str, Any]] = {}
    for kind in options.only or STORES:
        scratch = Path(tempfile.mkdtemp(dir=options.folder))
        try:
            rows[kind] = measure(kind, scratch / "store", options.passages, options.bytes)
        except ImportError as error:
            rows[kind] = {"skipped": f"{error.name} is not installed"}
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        print(kind, rows[kind], flush=True)
        write(rows, options)


def write(rows: dict[str, dict[str, Any]], options: argparse.Namespace) -> None:
    """The report of the stores so far: a million passages take an hour in all."""
    columns = list(next((row for row in rows.values() if "skipped" not in row), {}))
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
    parser.add_argument("--passages", type=int, default=1_000_000)
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
