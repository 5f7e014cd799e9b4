"""What reading long texts whole costs short ones: the built-in model with it, and without.

    python benchmarks/short_texts.py

Passages of trec-dl19, BM25's first 100 of some queries, all of which are read at once: by
`builtin`, which reads longer ones in chunks, and by the same model with ``chunks=1``, which cuts
them. Scores have to be the same, and the speed within 2 %. Rounds by turns, the median of their
ratios, and how far the ratios are apart. `--against FOLDER` times another checkout of the library
in the same way, each in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import data
from results_file import machine_load, markdown_table, parser, write_results
from rounds import ratio_of_rounds

from secondpass.core.timing import time_in_turn
from secondpass.models.builtin.model import Builtin

DEPTH, QUERIES, ROUNDS = 100, 5, 9


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__)
    options.add_argument("--rounds", type=int, default=ROUNDS)
    options.add_argument("--queries", type=int, default=QUERIES)
    options.add_argument("--against", type=Path, help="another checkout, of an earlier state")
    options.add_argument("--worker", action="store_true", help="print seconds of rounds as asked")
    given = options.parse_args(arguments)
    data.needed(data.EVAL / "trec-dl19")
    rankings, _ = data.rankings("trec-dl19", DEPTH, given.queries)
    pairs = [(ranking.query, c.text) for ranking in rankings.values() for c in ranking]
    whole, cut = Builtin(), Builtin(chunks=1)
    if given.worker:
        work(whole, pairs)
        return
    scores = {name: model.score(pairs) for name, model in (("whole", whole), ("cut", cut))}
    apart = max(abs(a - b) for a, b in zip(*scores.values(), strict=True))
    calls = {"whole": partial(whole.score, pairs), "cut": partial(cut.score, pairs)}
    report: dict[str, Any] = {
        "command": "python benchmarks/short_texts.py", "built_in": whole.name, **machine_load(),
        "pairs": len(pairs), "scores_apart": apart,
        "against cutting": compared(time_in_turn(calls, given.rounds), len(pairs)),
    }  # fmt: skip
    if given.against is not None:
        report["against another checkout"] = compared(
            checkouts(given.against, given.rounds, given.queries), len(pairs)
        )
    lines = [
        "# Short texts",
        "",
        f"{len(pairs)} passages; scores differ by {apart:.1e} at most. {report['processors']} "
        f"processors, {report['processor']}.",
        "",
    ]
    rows = [
        [name, *(f"{row[key]:.1f}" for key in ("ours", "theirs")), f"{row['ratio']:.3f}",
         f"{row['lowest']:.3f} to {row['highest']:.3f}"]
        for name, row in report.items() if isinstance(row, dict)
    ]  # fmt: skip
    head = ["", "passages a second", "of the other", "ratio", "ratios of rounds"]
    write_results("short_texts", report, [*lines, *markdown_table(head, rows)], given.results)


def compared(seconds: dict[str, list[float]], pairs: int) -> dict[str, float]:
    """Rates, and the ratio of rounds; the first of the two is ours."""
    ours, theirs = ([pairs / s for s in of_rounds] for of_rounds in seconds.values())
    ratios = [a / b for a, b in zip(ours, theirs, strict=True)]
    ratio = ratio_of_rounds(ours, theirs)
    assert ratio is not None
    return {
        "ours": median(ours), "theirs": median(theirs), "ratio": ratio,
        "lowest": min(ratios), "highest": max(ratios),
    }  # fmt: skip


def work(model: Builtin, pairs: list[tuple[str, str]]) -> None:
    """Seconds of a round for each line that comes in."""
    for _ in sys.stdin:
        print(json.dumps(time_in_turn({"one": partial(model.score, pairs)}, 1)["one"]), flush=True)


def checkouts(other: Path, rounds: int, queries: int) -> dict[str, list[float]]:
    """Seconds of rounds by turns, of this checkout and of another."""
    root = Path(__file__).parents[1]
    command = [sys.executable, __file__, "--worker", "--queries", str(queries)]
    workers = {
        name: subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": str(folder / "src")},
        )
        for name, folder in (("this", root), ("other", other))
    }  # fmt: skip
    seconds: dict[str, list[float]] = {name: [] for name in workers}
    try:
        for _ in range(rounds):
            for name, worker in workers.items():
                assert worker.stdin is not None
                assert worker.stdout is not None
                print(file=worker.stdin, flush=True)
                seconds[name] += json.loads(worker.stdout.readline())
    finally:
        for worker in workers.values():
            worker.communicate()
    return seconds


if __name__ == "__main__":
    main()
