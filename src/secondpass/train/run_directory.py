"""The folder of a training run: what is in it, which run it belongs to, and where that resumes."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError
from secondpass.train.config import TrainingConfig


class RunDirectory:
    """The paths of a run; created, or reopened if it holds the same run, interrupted.

    Args:
        path: The folder. Must be absent, empty, or hold an unfinished run of the same config and
            data.
        config: Its `identity` and the data decide whether two runs are the same.
        judged: The data, all of it.

    Raises:
        InvalidInputError: It holds a finished run, another run, or something else.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        config: TrainingConfig,
        judged: Sequence[JudgedQuery],
    ) -> None:
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
        self.data = _data_digest(judged)
        identity = dict(json.loads(json.dumps(config.identity() | {"data": self.data})))
        if self._run.exists():
            before = json.loads(self._run.read_text(encoding="utf-8"))
            keys = identity | before
            changed = sorted(key for key in keys if identity.get(key) != before.get(key))
            if changed:
                raise InvalidInputError(
                    f"{self.path} holds another training run: {', '.join(changed)} differ. Give "
                    "another folder, or the same arguments and data to resume that one"
                )
        elif self.path.exists() and any(self.path.iterdir()):
            raise InvalidInputError(f"{self.path} is not empty and holds no training run")
        else:
            self.path.mkdir(parents=True, exist_ok=True)
            write_json(self._run, identity)

    def last_checkpoint(self) -> Path | None:
        """The newest that is whole; one that a full disk or a crash cut short is passed over."""
        whole = [c for c in self.checkpoints.glob("checkpoint-*") if _is_whole(c)]
        return max(whole, key=lambda c: int(c.name.rsplit("-", 1)[1]), default=None)


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented JSON, whole or not at all."""
    partial = path.with_suffix(".part")
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(path)


def _data_digest(judged: Sequence[JudgedQuery]) -> str:
    """First 16 hex digits of a SHA-256 over queries, texts and labels, in their order."""
    digest = hashlib.sha256()
    for j in judged:
        row = [j.ranking.query, [(c.text, c.id in j.relevant) for c in j.ranking]]
        digest.update(json.dumps(row, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]


def _is_whole(checkpoint: Path) -> bool:
    """trainer_state.json is written last."""
    try:
        json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return True
