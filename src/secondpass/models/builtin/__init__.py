"""The weights that ship inside the package, and the model of them. README.md is its card."""

from pathlib import Path

FOLDER = Path(__file__).parent
