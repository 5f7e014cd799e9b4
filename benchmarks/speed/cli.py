"""The command line: what to run, and the files that it writes."""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import data
from results_file import RESULTS

from speed.arena import Arena
from speed.machine import NO_AMX, machine
from speed.page import render_page
from speed.parts.all import PARTS
from speed.plot import draw_plot
from speed.roster import DEFAULT, roster
from speed.sizes import QUICK, Sizes
from speed.source import Source, collection, random_source
from speed.weights import prepare_weights
from speed.workloads import Counter, build

COLLECTION = data.EVAL / "trec-dl19"
MODEL = data.ROOT.parent / "shared/models/builtin-v0"
HUB_MODEL = "cross-encoder/ms-marco-MiniLM-L6-v2"


def arguments(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="small sizes, to develop; planned for three minutes")
    add("--only", default="", help=f"parts, comma-separated: {','.join(PARTS)}; the others' stored "
        "results are kept")  # fmt: skip
    add("--contenders", default="", help="only those whose name contains one of these, "
        "comma-separated (and the default, to which ratios are)")  # fmt: skip
    add("--model", default=str(MODEL if MODEL.is_dir() else HUB_MODEL),
        help="cross-encoder: folder or hub id")  # fmt: skip
    add("--collection", type=Path, default=COLLECTION, help="folder of the texts; made-up ones "
        "where it is absent")  # fmt: skip
    add("--python", action="append", default=[], metavar="NAME=PATH",
        help="interpreter of a contender that needs its own environment; repeatable")  # fmt: skip
    add("--threads", type=int, default=2)
    add("--rounds", type=int, help="of the parts that take turns")
    add("--queries", type=int, help="so many of the collection's, where all of them take hours: "
        "speeds need no more, nDCG@10 gets coarser")  # fmt: skip
    add("--without-amx", action="store_true", help="switch AMX off in torch and OpenVINO")
    add("--seconds", type=float, default=300, help="limit of one job of a worker")
    add("--megabytes", type=float, default=14_000, help="limit of a worker's memory")
    add("--scratch", type=Path, default=data.ROOT / ".benchmarks/speed")
    add("--out", type=Path, default=RESULTS, help="folder of speed-KIND.json, .md, .png")
    return parser.parse_args(given)


def main(given: list[str] | None = None) -> None:
    options = arguments(given)
    logging.disable(logging.WARNING)
    chosen = [name for name in options.only.split(",") if name] or list(PARTS)
    if unknown := [name for name in chosen if name not in PARTS]:
        raise SystemExit(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    sizes = QUICK if options.quick else Sizes()
    if options.rounds:
        sizes = replace(sizes, rounds=options.rounds, long_rounds=options.rounds)
    if options.queries:
        sizes = replace(sizes, short_queries=options.queries)
    options.scratch.mkdir(parents=True, exist_ok=True)
    tell(f"weights of {Path(options.model).name}")
    folders = prepare_weights(
        options.model, options.scratch, data.ROOT / "src/secondpass/models/export"
    )
    counter = Counter(folders["hf"])
    source = open_source(options.collection, counter, sizes)
    workloads = build(source, sizes, counter)
    texts = options.scratch / "texts.json"
    texts.write_text(json.dumps(workloads), encoding="utf-8")
    arena = Arena(
        contenders=choose_contenders(options.contenders), folders=folders, texts=texts,
        workloads=workloads, source=source, scratch=options.scratch, threads=options.threads,
        pythons=dict(one.split("=", 1) for one in options.python),
        extra=NO_AMX if options.without_amx else {}, seconds=options.seconds,
        most_mb=options.megabytes, tell=tell,
    )  # fmt: skip
    about = machine(options.threads, without_amx=options.without_amx)
    about |= {"quick": options.quick, "queries": options.queries, "model": Path(options.model).name}
    try:
        for name in sorted(chosen, key=list(PARTS).index):
            # stored at once, so that what ends the run early does not lose what came before
            store(options.out, about, arena, {name: run(name, arena, sizes)})
    finally:
        arena.close()
    print(result_path(options.out, about).with_suffix(".md").read_text(encoding="utf-8"))


def choose_contenders(names: str) -> list[Any]:
    wanted = [name for name in names.split(",") if name]
    return [
        c for c in roster()
        if not wanted or c.name == DEFAULT or any(name in c.name for name in wanted)
    ]  # fmt: skip


def open_source(folder: Path, counter: Counter, sizes: Sizes) -> Source:
    if folder.is_dir():
        return collection(folder, sizes.short_depth)
    tell(f"no collection at {folder.name}: made-up passages, and no nDCG")
    return random_source(counter.words(), sizes.short_depth)


def run(name: str, arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """One part; a failure of the part itself is a result too, never the end of the run."""
    tell(f"{name}:")
    start = time.perf_counter()
    arena.failed = {}
    if name in ("thousand", "cold", "limit", "overhead"):
        arena.close()  # the memory that kept workers hold is not to be in anyone's way
    try:
        part = PARTS[name](arena, sizes)
    except Exception as error:
        part = {"rows": {}, "broken": f"{type(error).__name__}: {error}"}
        tell(f"  {part['broken']}")
    took = round(time.perf_counter() - start, 1)
    return part | {"failed": dict(arena.failed), "seconds": took}


def store(out: Path, about: dict[str, Any], arena: Arena, parts: dict[str, Any]) -> None:
    """Merge into what is stored of this kind of processor, and write its page and plot anew.

    Parts that were measured on another machine, model or size are thrown away: they would stand
    beside figures that they cannot be compared with.
    """
    path = result_path(out, about)
    stored = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = [key for key in about if key != "load_average_at_start"]
    if any(stored.get("machine", {}).get(key) != about[key] for key in same):
        stored = {}
    versions: dict[str, Any] = {**stored.get("versions", {}), **arena.versions}
    results = {
        "command": "python benchmarks/speed" + (" --quick" if about["quick"] else "")
        + (f" --queries {about['queries']}" if about.get("queries") else ""),
        "machine": about,
        "ours": [c.name for c in roster() if c.ours],
        "own_weights": [c.name for c in roster() if not c.same_weights],
        "read_whole": [c.name for c in roster() if c.ours and not c.same_weights],
        "order": [c.name for c in roster()],
        "absent": {**{k: v for k, v in stored.get("absent", {}).items()
                      if k not in arena.versions}, **arena.absent},
        "versions": versions,
        "parts": {**stored.get("parts", {}), **parts},
    }  # fmt: skip
    out.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    path.with_suffix(".md").write_text(render_page(results), encoding="utf-8")
    draw_plot(results, path.with_suffix(".png"))


def result_path(out: Path, about: dict[str, Any]) -> Path:
    """The JSON file of a kind of processor; page and plot stand beside it."""
    return out / f"speed-{about['kind']}.json"


def tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
