"""An ONNX file in ONNX Runtime, on one processor; `batches.side_by_side` uses the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from secondpass.core.errors import ModelError
from secondpass.models.onnx.runtime import onnxruntime
from secondpass.models.onnx.saturation import warn_of_saturation


class InferenceSession(Protocol):
    """What a scorer needs of a file that is ready to run; safe to call from many threads."""

    inputs: set[str]
    outputs: dict[str, list[Any]]

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]: ...


class Session:
    """An ONNX file, ready to run on one processor; safe to call from many threads at once.

    Raises:
        ModelError: ONNX Runtime cannot read the file.

    Warns:
        Int8SaturationWarning: Its int8 products are not exact on this processor.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        warn_of_saturation(path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_mem_pattern = False  # every batch has its own shape; patterns would pile up
        options.log_severity_level = 4  # its errors come as exceptions, which say it once
        try:
            self._session = onnxruntime.InferenceSession(
                str(path), sess_options=options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # onnxruntime's own classes are not importable by name
            raise ModelError(f"ONNX Runtime cannot read {path}: {error}") from error
        self.inputs = {given.name for given in self._session.get_inputs()}
        self.outputs = {made.name: made.shape for made in self._session.get_outputs()}
        self._wanted_only = onnxruntime.RunOptions()
        self._wanted_only.only_execute_path_to_fetches = True

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]:
        """The named outputs; inputs that the graph does not have are left out.

        Raises:
            ModelError: The graph cannot take them.
        """
        given = {name: value for name, value in feed.items() if name in self.inputs}
        try:
            return list(self._session.run(list(outputs), given, self._wanted_only))
        except Exception as error:
            shapes = {name: value.shape for name, value in given.items()}
            raise ModelError(
                f"{self.path} failed on a batch of shapes {shapes}: {error}"
            ) from error
