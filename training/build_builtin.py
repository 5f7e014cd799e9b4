"""Make the files of the built-in model: int8 model.onnx, tokenizer.json and config.json.

    python training/build_builtin.py [MODEL_FOLDER]

The folder defaults to ../shared/models/builtin-v0 (BertForSequenceClassification, 6 layers of
384). `secondpass.models.export` quantises and checks; this refuses more than 25 MB in all.
benchmarks/builtin_quality.py says what the result is worth.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from secondpass.models.export import export

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "src" / "secondpass" / "models" / "builtin"
SHIPPED = ("model.onnx", "tokenizer.json", "config.json")
LARGEST = 25_000_000
"""Bytes that the package may add to an installation."""


def main() -> None:
    """Build into TARGET, leaving its other files (card, calibrator) alone."""
    default = ROOT.parent / "shared" / "models" / "builtin-v0"
    source = Path(sys.argv[1]) if len(sys.argv) > 1 else default
    if not source.is_dir():
        raise SystemExit(f"there is no model folder {source}; give one as the argument")
    with tempfile.TemporaryDirectory() as scratch:
        report = export(str(source), scratch, int8=True)
        size = sum((Path(scratch) / name).stat().st_size for name in SHIPPED)
        if size > LARGEST:
            raise SystemExit(f"{size / 1e6:.1f} MB is more than {LARGEST / 1e6:.0f} MB")
        TARGET.mkdir(parents=True, exist_ok=True)
        for name in SHIPPED:
            shutil.copyfile(Path(scratch) / name, TARGET / name)
    for pair in report.pairs:
        print(f"{pair.name:14} {pair.original:9.4f} {pair.exported:9.4f} {pair.difference:.4f}")
    print(f"{size / 1e6:.1f} MB, largest difference {report.max_difference:.4f}")


if __name__ == "__main__":
    main()
