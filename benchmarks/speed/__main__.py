"""python benchmarks/speed [--quick] [--only short,cold] ...; see README.md beside this file."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # so that `data` and `speed` are found

from speed.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
