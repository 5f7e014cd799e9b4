"""The folder of a training run: whose it is, what is in it, and where it can go on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError


def fingerprint(judged: Sequence[JudgedQuery]) -> str:
    """First 16 hex digits of a SHA-256 over queries, texts and labels, in their order."""
    total = hashlib.sha256()
    for j in judged:
        row = [j.ranking.query, [(c.text, c.id in j.relevant) for c in j.ranking]]
        total.update(json.dumps(row, ensure_ascii=False).encode())
    return total.hexdigest()[:16]


class RunFolder:
    """Paths of a run; made, or found again if it is the same run that was interrupted.

    Args:
        path: The folder. Must be absent, empty, or hold an unfinished run of the same settings.
        settings: What makes two runs the same: data, model, options. JSON values.

    Raises:
        InvalidInputError: It holds a finished run, another run, or something else.
    """

    def __init__(self, path: str | os.PathLike[str], settings: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self.start, self.torch = self.path / "start", self.path / "torch"
        self.onnx, self.checkpoints = self.path / "onnx", self.path / "checkpoints"
        self.record, self._run = self.path / "training.json", self.path / "run.json"
        if self.path.is_file():
            raise InvalidInputError(f"{self.path} is a file; give a folder")
        if self.record.exists():
            raise InvalidInputError(
                f"{self.path} holds a finished training run; give another folder, or delete it"
            )
        given = dict(json.loads(json.dumps(settings)))
        if self._run.exists():
            before = json.loads(self._run.read_text(encoding="utf-8"))
            changed = sorted(k for k in given | before if given.get(k) != before.get(k))
            if changed:
                raise InvalidInputError(
                    f"{self.path} holds another training run: {', '.join(changed)} differ. Give "
                    "another folder, or the same arguments and data to resume that one"
                )
        elif self.path.exists() and any(self.path.iterdir()):
            raise InvalidInputError(f"{self.path} is not empty and holds no training run")
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self._run, given)

    def last_checkpoint(self) -> Path | None:
        """The newest that is whole; one that a full disk or a crash cut short is passed over."""
        found = [c for c in self.checkpoints.glob("checkpoint-*") if _whole(c)]
        return max(found, key=lambda c: int(c.name.rsplit("-", 1)[1]), default=None)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented JSON, whole or not at all."""
    fresh = path.with_suffix(".part")
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)


def _whole(checkpoint: Path) -> bool:
    """trainer_state.json is written last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
