"""Writes the imports for type checkers in `secondpass/__init__.py` from `PUBLIC_NAMES`.

`make names` runs it; `--check` only says whether they are right.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from secondpass.core import public_names

START = "if TYPE_CHECKING:  # written by `make names` from PUBLIC_NAMES\n"
INIT = Path(public_names.__file__).parents[1] / "__init__.py"


def imports() -> str:
    """One import for each package and each public name, in the order of ruff's isort."""
    packages = "".join(_line("secondpass", name) for name in sorted(public_names.PACKAGES))
    rows = sorted(
        (module, not name.isupper(), not name[0].isupper(), name)
        for name, (module, _) in public_names.PUBLIC_NAMES.items()
    )
    return packages + "".join(_line(f"secondpass.{module}", name) for module, *_, name in rows)


def _line(module: str, name: str) -> str:
    line = f"    from {module} import {name} as {name}\n"
    if len(line) <= 101:
        return line
    return f"    from {module} import (\n        {name} as {name},\n    )\n"


def rewritten(text: str) -> str:
    """The source of `__init__` with these imports."""
    before, after = text.split(START)
    return before + START + imports() + after[after.index("\n__version__") :]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    text = INIT.read_text(encoding="utf-8")
    if not parser.parse_args().check:
        INIT.write_text(rewritten(text), encoding="utf-8")
    elif rewritten(text) != text:
        sys.exit(f"{INIT} does not import what PUBLIC_NAMES lists: run make names")


if __name__ == "__main__":
    main()
