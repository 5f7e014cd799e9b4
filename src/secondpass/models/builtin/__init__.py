"""The weights that ship inside the package, and the models of them. README.md is their card."""

from pathlib import Path

FOLDER = Path(__file__).parent
TINY = FOLDER / "tiny"
