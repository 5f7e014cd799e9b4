"""One command from the data to the files that ship: lists, training, choice, int8, calibrators.

    pip install -e ".[all]" -e training && python training/make_builtin.py [--hours 1.5]

About two hours on two processor cores, minutes on a GPU. Interrupt and repeat it as you like: what
is done is not done again. The weights that ship lie between the untrained ones and the trained
ones, where development queries gain most and trec-dl21 loses next to nothing; then the way to match
is the one that gains most on trec-dl21 while they lose next to nothing (training/README.md).
"""

from __future__ import annotations

import argparse
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import develop
import pairs
import torch
from start import bi_encoder
from transformers import AutoTokenizer

from secondpass.models.late_interaction import LateInteractionBert

HERE = Path(__file__).parent
WEB = "trec-dl21"
SHARES = (0.0, 0.3, 0.6, 1.0)
"""How far from the untrained to the trained weights."""
SHARPNESSES, MEANS = (0.0, 30.0, 50.0), (1, 3, 8)
"""Of the soft maximum; and how often the trained weight of the means' cosine counts."""
LOSS = 0.005
"""nDCG@10 that may be given on the one for what is gained on the other."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=pairs.DATA)
    parser.add_argument("--run", type=Path, default=HERE / "runs/v1")
    parser.add_argument("--hours", type=str, help="of training; train.py's default if not given")
    given = parser.parse_args()
    start, lists, chosen = bi_encoder(), HERE / "runs/lists", given.run / "chosen"
    if not (lists / "lists.jsonl").exists():
        run("mine.py", "--data", given.data, "--out", lists)
    if not (given.run / "last").exists():
        hours = ["--hours", given.hours] if given.hours else []
        run("train.py", "--start", start, "--lists", lists, "--out", given.run, *hours)
    if not chosen.exists():
        choose(start, given.run / "last", lists, chosen)
    run("build_builtin.py", chosen)
    run("build_tiny.py")
    for model in ("builtin", "builtin-tiny"):
        run("calibrate_builtin.py", "--data", given.data / "train", "--model", model)


def choose(start: Path, trained: Path, lists: Path, to: Path) -> None:
    """The blend, and then the way to match, by development queries and trec-dl21."""
    untrained = LateInteractionBert.from_bi_encoder(str(start)).eval()
    network = LateInteractionBert.from_pretrained(trained).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained)
    blends = {s: develop.blended(untrained, network, s) for s in SHARES}
    which = [develop.development(lists), develop.collection(WEB)]
    by_share = {}
    for share, weights in blends.items():
        network.load_state_dict(weights)
        by_share[share] = {x[0]: round(develop.ndcg(network, tokenizer, x), 4) for x in which}
        print(share, by_share[share], flush=True)
    share = best(by_share, "development", WEB)
    network.load_state_dict(blends[share])

    vectors = [develop.vectors(network, tokenizer, x) for x in which]
    by_match = {}
    for way in itertools.product(SHARPNESSES, MEANS):
        match(network, blends[share]["scales"], *way)
        by_match[way] = {
            x[0]: round(develop.matched(network, x, *v), 4)
            for x, v in zip(which, vectors, strict=True)
        }
        print(way, by_match[way], flush=True)
    way = best(by_match, WEB, "development")
    match(network, blends[share]["scales"], *way)
    network.save_pretrained(to)
    tokenizer.save_pretrained(to)
    report = {
        "share": share,
        "by_share": by_share,
        "sharpness": way[0],
        "means": way[1],
        "by_match": {f"{s:g}, {m}": figures for (s, m), figures in by_match.items()},
    }
    (HERE / "results").mkdir(exist_ok=True)
    (HERE / "results/chosen.json").write_text(json.dumps(report, indent=2) + "\n")


def match(network: LateInteractionBert, scales: torch.Tensor, sharpness: float, means: int) -> None:
    """Have `network` match so, from the scales that training made."""
    network.config.sharpness = sharpness
    with torch.no_grad():
        network.scales.copy_(scales * torch.tensor([1, means]))


def best(figures: dict[Any, dict[str, float]], on: str, other: str) -> Any:
    """Which does best on the one, of those that are within LOSS of the best on the other."""
    least = max(f[other] for f in figures.values()) - LOSS
    kept = [which for which, f in figures.items() if f[other] >= least]
    return max(kept, key=lambda which: figures[which][on])


def run(script: str, *arguments: object) -> None:
    print(f"--- {script}", flush=True)
    subprocess.run([sys.executable, HERE / script, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
