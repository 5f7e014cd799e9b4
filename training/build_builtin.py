"""Make the files of the built-in model: int8 model.onnx, tokenizer.json and config.json.

    python training/build_builtin.py [MODEL_FOLDER] [--lists training/runs/lists]

`secondpass.models.export` quantises and checks, closest on pairs that training read; this refuses
more than 25 MB in all. benchmarks/builtin_quality.py says what the result is worth.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

import pairs
from batches import Lists, batches

from secondpass.models.export import export

HERE = Path(__file__).parent
TARGET = pairs.ROOT / "src/secondpass/models/builtin"
SHIPPED = ("model.onnx", "tokenizer.json", "config.json")
LARGEST = 25_000_000
"""Bytes that the package may add to an installation."""
SAMPLES = 128


def main() -> None:
    """Build into TARGET, leaving its other files (card, calibrator) alone."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", type=Path, default=HERE / "runs/v1/chosen")
    parser.add_argument("--lists", type=Path, default=HERE / "runs/lists")
    given = parser.parse_args()
    if not given.model.is_dir():
        raise SystemExit(f"there is no model folder {given.model}; give one as the argument")
    with tempfile.TemporaryDirectory() as scratch:
        report = export(str(given.model), scratch, int8=True, samples=samples(given.lists))
        size = sum((Path(scratch) / name).stat().st_size for name in SHIPPED)
        if size > LARGEST:
            raise SystemExit(f"{size / 1e6:.1f} MB is more than {LARGEST / 1e6:.0f} MB")
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(Path(scratch) / name, TARGET / name)
    for pair in report.pairs:
        print(f"{pair.name:14} {pair.original:9.4f} {pair.exported:9.4f} {pair.difference:.4f}")
    print(f"{size / 1e6:.1f} MB, largest difference {report.max_difference:.4f}")


def samples(lists: Path) -> list[tuple[str, str]]:
    """Queries with passages that a retriever brought them, right and wrong, from every source."""
    half = SAMPLES // 2
    read = batches(Lists.read(lists), labelled=half, unlabelled=half, each=1, seed=0)
    batch = next(read)
    return list(zip(batch.queries, batch.passages, strict=True))


if __name__ == "__main__":
    main()
