"""Are int8 scores the same on another kind of processor, and what does that cost?

    python benchmarks/processors.py

The built-in's late interaction reads passages of trec-dl19 here and, in another process, as on a
processor with AVX2 alone (`tests/processors/as_avx2.py` says what that needs): as it ships, and
with attention's softmax as one operator instead of in parts. Writes processors.json and .md into
benchmarks/results: differences of scores in logits, and the price, medians of ratios of rounds in
turn on one thread.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import data
import numpy as np
from results_file import machine_load, markdown_table, parser, write_results
from rounds import rates_in_turn, ratio_of_rounds

from secondpass import Ranking, Stage, load
from secondpass.models.builtin import FOLDER

COLLECTION, QUERIES, DEPTH, ROUNDS = "trec-dl19", 10, 20, 9
PARTS = ("max", "below", "length", "column", "ones", "sum", "undivided")
AS_AVX2 = data.ROOT / "tests/processors/as_avx2.py"
WORDS = {"about 100 tokens": 70, "about 250 tokens": 180}
"""Words of the texts that are timed, 24 of them for one query."""


def folders(scratch: Path) -> dict[str, Path]:
    """Two models, of one file's weights."""
    made = {}
    for name in ("in parts: ships", "whole"):
        made[name] = scratch / name.partition(":")[0]
        made[name].mkdir()
        for file in ("config.json", "tokenizer.json", "model.onnx"):
            shutil.copy(FOLDER / file, made[name])
    join_softmax(made["whole"] / "model.onnx")
    return made


def join_softmax(path: Path) -> None:
    """Put one operator where `secondpass export --int8` takes a softmax apart."""
    import onnx

    model = onnx.load(path)
    made = {node.output[0]: node for node in model.graph.node}
    kept = []
    for node in model.graph.node:
        (out,) = node.output
        name, _, part = out.rpartition("/")
        if f"{out}/below" in made:
            given = made[f"{out}/max"].input
            kept.append(onnx.helper.make_node("Softmax", given, [out], axis=-1))
        elif f"{out}/undivided" in made:
            values = made[f"{out}/undivided"].input
            kept.append(onnx.helper.make_node("MatMul", values, [out]))
        elif part not in PARTS or not {f"{name}/below", f"{name}/undivided"} & made.keys():
            kept.append(node)
    del model.graph.node[:]
    model.graph.node.extend(kept)
    onnx.save(model, path)


def scorer(folder: Path) -> Stage:
    stage: Stage = load(f"late-interaction:{folder}", options={"threads": 1})
    return stage


def scores(folder: Path) -> list[float]:
    """Of the first candidates of the first queries, in the first stage's order."""
    rankings, _ = data.rankings(COLLECTION, DEPTH, QUERIES)
    stage, found = scorer(folder), []
    for ranking in rankings.values():
        ranked = stage(ranking)
        by_place = dict(zip(ranked.indices, ranked.scores, strict=True))
        found += [by_place[place] for place in range(len(ranking))]
    return found


def scores_with_avx2(folder: Path) -> list[float]:
    command = [sys.executable, AS_AVX2, sys.executable, __file__, "--scores", folder]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"skipped: {done.stderr.strip()[-400:]}")
    found: list[float] = json.loads(done.stdout)
    return found


def prices(models: dict[str, Path]) -> dict[str, float | None]:
    """Time in parts as a multiple of the time as one operator, by length of the texts."""
    parts, whole = map(scorer, models.values())
    found = {}
    for name, words in WORDS.items():
        texts = [f"{i} " + "goethe wrote the play " * (words // 4) for i in range(24)]
        ranking = Ranking.of("who wrote faust?", texts)
        calls = {"parts": partial(parts, ranking), "whole": partial(whole, ranking)}
        rates = rates_in_turn(calls, len(texts), ROUNDS)
        found[name] = ratio_of_rounds(rates["whole"], rates["parts"])
    return found


def main() -> None:
    commands = parser(__doc__)
    commands.add_argument("--scores", type=Path, help="print those of a model's folder, no more")
    given = commands.parse_args()
    if given.scores:
        print(json.dumps(scores(given.scores)))
        return
    data.needed(data.EVAL / COLLECTION)
    with tempfile.TemporaryDirectory() as scratch:
        models = folders(Path(scratch))
        rows: dict[str, dict[str, Any]] = {}
        for name, folder in models.items():
            differences = np.abs(np.subtract(scores(folder), scores_with_avx2(folder)))
            rows[name] = {
                "largest": float(differences.max()),
                "mean": float(differences.mean()),
                "same to 1e-4": f"{np.mean(differences < 1e-4):.0%}",
            }
        price = prices(models)
    report = {
        "command": "python benchmarks/processors.py", **machine_load(), "collection": COLLECTION,
        "pairs": QUERIES * DEPTH, "differences": rows, "time in parts / whole": price,
    }  # fmt: skip
    costs = ", ".join(f"{ratio:.2f} with {name}" for name, ratio in price.items() if ratio)
    page = [
        f"`python benchmarks/processors.py`: scores of {QUERIES * DEPTH} pairs of {COLLECTION} by "
        "the late interaction, here and with AVX2 alone, differences in logits. "
        f"{report['processor']}.",
        "",
        *markdown_table(
            ["softmax", "largest difference", "mean", "same to 1e-4"],
            [
                [name, f"{row['largest']:.2g}", f"{row['mean']:.2g}", row["same to 1e-4"]]
                for name, row in rows.items()
            ],
        ),
        "",
        f"The time that it takes in parts, as a multiple of one operator's: {costs}.",
    ]
    write_results("processors", report, page, given.results)


if __name__ == "__main__":
    main()
