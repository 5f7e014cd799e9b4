"""Make the files of the built-in model: int8 model.onnx, tokenizer.json and config.json.

    python training/build_builtin.py [MODEL_FOLDER] [--data ../shared/data/train]

`secondpass.models.export.export` quantises and checks, closest on pairs that training read; this
refuses more than 25 MB in all. benchmarks/builtin_quality.py says what the result is worth.
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
from pathlib import Path

import pairs

from secondpass.models.export.export import export

HERE = Path(__file__).parent
TARGET = pairs.ROOT / "src/secondpass/models/builtin"
SHIPPED = ("model.onnx", "tokenizer.json", "config.json")
LARGEST = 25_000_000
"""Bytes that the package may add to an installation."""
SAMPLES = 512


def main() -> None:
    """Build into TARGET, leaving its other files (card, calibrator) alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=HERE / "runs/v1/chosen")
    parser.add_argument("--data", type=Path, default=pairs.DATA / "train")
    given = parser.parse_args()
    if not given.model.is_dir():
        raise SystemExit(f"there is no model folder {given.model}; give one as the argument")
    with tempfile.TemporaryDirectory() as scratch:
        report = export(str(given.model), scratch, int8=True, samples=samples(given.data))
        size = sum((Path(scratch) / name).stat().st_size for name in SHIPPED)
        if size > LARGEST:
            raise SystemExit(f"{size / 1e6:.1f} MB is more than {LARGEST / 1e6:.0f} MB")
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(Path(scratch) / name, TARGET / name)
    for pair in report.pairs:
        print(f"{pair.name:14} {pair.original:9.4f} {pair.exported:9.4f} {pair.difference:.4f}")
    print(f"{size / 1e6:.1f} MB, largest difference {report.max_difference:.4f}")


def samples(data: Path) -> list[tuple[str, str]]:
    """Queries of every source that trains, with their passage and with another of that source."""
    by_source: dict[str, list[pairs.Row]] = {}
    for row in pairs.rows(data):
        if row.part not in (pairs.FIT, pairs.MEASURE, pairs.DEVELOP):
            by_source.setdefault(row.source, []).append(row)
    chance = random.Random(0)
    drawn: list[tuple[str, str]] = []
    while len(drawn) < SAMPLES:
        for rows in by_source.values():
            row, other = chance.sample(rows, 2)
            drawn += [(row.query, row.positive), (row.query, other.positive)]
    return drawn[:SAMPLES]


if __name__ == "__main__":
    main()
