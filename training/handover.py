"""To a GPU machine and back: the lists in one small file, the trained weights in pieces.

    python training/handover.py pack lists.xz --megabytes 36
    python training/handover.py unpack lists.xz training/runs/lists        # there
    python training/handover.py split training/runs/v1/last pieces         # there
    python training/handover.py join pieces training/runs/v1/last          # back here

Where the starting weights cannot travel too, train.py starts from the built-in model, which is
part of the repository (no --start). `pack` leaves out lists, evenly at random, until what is
left fits. Weights travel as float16 in files of at most 16 MB with a digest of the whole.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import lzma
import random
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load, save

from secondpass.models.late_interaction import LateInteractionBert

PIECE = 16_000_000


def pack(lists: Path, to: Path, megabytes: float) -> None:
    """Write one file of at most so many megabytes; passages that no kept list needs stay out."""
    rows = (lists / "lists.jsonl").read_text(encoding="utf-8").splitlines()
    texts = (lists / "passages.jsonl").read_text(encoding="utf-8").splitlines()
    random.Random(0).shuffle(rows)
    share = 1.0
    while share > 0.01:
        kept = [json.loads(row) for row in rows[: int(share * len(rows))]]
        used = sorted({i for row in kept for i in places(row)})
        place = {old: new for new, old in enumerate(used)}
        for row in kept:
            row["others"] = [place[i] for i in row["others"]]
            if "positive" in row:
                row["positive"] = place[row["positive"]]
        plain = "\n".join([*(json.dumps(r) for r in kept), "", *(texts[i] for i in used)])
        packed = lzma.compress(plain.encode(), preset=6)
        print(f"{len(kept)} lists, {len(used)} passages: {len(packed) / 1e6:.1f} MB", flush=True)
        if len(packed) <= megabytes * 1e6:
            to.write_bytes(packed)
            return
        share *= min(0.95, megabytes * 1e6 / len(packed))
    raise SystemExit(f"{megabytes} MB are too few for any lists")


def places(row: dict[str, Any]) -> list[int]:
    """The passages of a list; an unlabelled one has no positive."""
    return [*row["others"], *([row["positive"]] if "positive" in row else [])]


def unpack(packed: Path, to: Path) -> None:
    """What mine.py would have written."""
    try:
        rows, _, texts = lzma.decompress(packed.read_bytes()).decode().partition("\n\n")
    except (OSError, lzma.LZMAError) as error:
        raise SystemExit(f"cannot read {packed}: {error}; pack it again") from error
    to.mkdir(parents=True, exist_ok=True)
    (to / "lists.jsonl").write_text(rows + "\n", encoding="utf-8")
    (to / "passages.jsonl").write_text(texts + "\n", encoding="utf-8")


def split(run: Path, to: Path) -> None:
    """A checkpoint's weights as float16, in pieces, with its tokenizer and configuration."""
    to.mkdir(parents=True, exist_ok=True)
    network = LateInteractionBert.from_pretrained(run)
    half = {k: v.to(torch.float16).contiguous() for k, v in network.state_dict().items()}
    data = save(half)
    pieces = [data[i : i + PIECE] for i in range(0, len(data), PIECE)]
    for number, piece in enumerate(pieces):
        (to / f"weights.{number:02d}").write_bytes(piece)
    whole = {"pieces": len(pieces), "sha256": hashlib.sha256(data).hexdigest()}
    (to / "pieces.json").write_text(json.dumps(whole) + "\n")
    for file in run.glob("*.json"):
        shutil.copy(file, to / file.name)


def join(pieces: Path, to: Path) -> None:
    """The checkpoint again, as a folder that train.py's output looks like."""
    try:
        whole = json.loads((pieces / "pieces.json").read_text())
        data = b"".join((pieces / f"weights.{i:02d}").read_bytes() for i in range(whole["pieces"]))
    except (OSError, ValueError) as error:
        raise SystemExit(f"pieces are missing in {pieces}: {error}") from error
    if hashlib.sha256(data).hexdigest() != whole["sha256"]:
        raise SystemExit(f"the pieces in {pieces} are not those that were split; copy them again")
    config = LateInteractionBert.config_class.from_pretrained(pieces)
    network = LateInteractionBert(config)
    network.load_state_dict({k: v.float() for k, v in load(data).items()})
    network.save_pretrained(to)
    for file in pieces.glob("tokenizer*.json"):
        shutil.copy(file, to / file.name)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=("pack", "unpack", "split", "join"))
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--lists", type=Path, default=Path("training/runs/lists"))
    parser.add_argument("--megabytes", type=float, default=36.0)
    given = parser.parse_args(arguments)
    if given.verb == "pack":
        pack(given.lists, given.paths[0], given.megabytes)
    else:
        {"unpack": unpack, "split": split, "join": join}[given.verb](*given.paths)


if __name__ == "__main__":
    main()
