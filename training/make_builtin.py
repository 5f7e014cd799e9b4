"""One command from the data to the files that ship: lists, training, choice, int8, calibrator.

    pip install -e ".[all]" -e training && python training/make_builtin.py [--hours 1.5]

About two hours on two processor cores, minutes on a GPU. Interrupt and repeat it as you like: what
is done is not done again. The weights that ship lie between the untrained ones and the trained
ones, where development queries gain most and trec-dl21 loses next to nothing (training/README.md).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

import develop
import pairs
from start import bi_encoder
from transformers import AutoTokenizer

from secondpass.models.late_interaction import LateInteractionBert

HERE = Path(__file__).parent
SHARES = (0.0, 0.3, 0.6, 1.0)
"""How far from the untrained to the trained weights."""
LOSS = 0.005
"""nDCG@10 on trec-dl21 that may be given for what is gained on the development queries."""


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
    run("calibrate_builtin.py", "--data", given.data / "train")


def choose(start: Path, trained: Path, lists: Path, to: Path) -> None:
    """The blend that does best on development queries and loses next to nothing on trec-dl21."""
    untrained = LateInteractionBert.from_bi_encoder(str(start)).eval()
    network = LateInteractionBert.from_pretrained(trained).eval()
    tokenizer = AutoTokenizer.from_pretrained(trained)
    blends = {s: develop.blended(untrained, network, s) for s in SHARES}
    which = [develop.development(lists), develop.collection("trec-dl21")]
    figures = {}
    for share, weights in blends.items():
        network.load_state_dict(weights)
        figures[share] = {x[0]: round(develop.ndcg(network, tokenizer, x), 4) for x in which}
        print(share, figures[share], flush=True)
    web = max(f["trec-dl21"] for f in figures.values()) - LOSS
    kept = [s for s in SHARES if figures[s]["trec-dl21"] >= web]
    best = max(kept, key=lambda s: figures[s]["development"])
    network.load_state_dict(blends[best])
    network.save_pretrained(to)
    tokenizer.save_pretrained(to)
    (to / "chosen.json").write_text(json.dumps({"share": best, "ndcg10": figures}, indent=2) + "\n")


def run(script: str, *arguments: object) -> None:
    print(f"--- {script}", flush=True)
    subprocess.run([sys.executable, HERE / script, *map(str, arguments)], check=True)


if __name__ == "__main__":
    main()
