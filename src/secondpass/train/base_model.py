"""The model that training begins with: as it is used today, and as a torch folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from secondpass.calibrate import Beta, Calibrator, JudgedQuery, Platt, calibrated
from secondpass.core.errors import CalibrationError, InvalidInputError, MissingExtraError
from secondpass.core.stage import Stage
from secondpass.models.load import load
from secondpass.stages.score import Score

BETA_MINIMUM = 100
"""Relevant pairs from which beta calibration's third parameter is worth it."""


def torch_folder(model: str, start: Path) -> str:
    """What `TorchCrossEncoder` loads; the built-in's weights are written to `start` once.

    Raises:
        InvalidInputError: A model string of another backend.
    """
    if model == "builtin":
        if not (start / "tokenizer.json").exists():
            from secondpass.models.builtin.to_torch import write_torch

            write_torch(start)
        return str(start)
    backend, _, name = model.partition(":")
    if backend == "cross-encoder" and name:
        return name
    if backend in ("onnx", "bm25", "judge", "builtin"):
        raise InvalidInputError(
            f"model={model!r} has no weights to train; give 'builtin', or the folder or hub id "
            "of a cross-encoder in torch"
        )
    return model


def stage_before(
    model: str, folder: str, calibration: Sequence[JudgedQuery], verify: bool
) -> Stage:
    """What the user has today: the built-in with its calibrator, or the model calibrated here."""
    if model == "builtin":
        return load("builtin")
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder

    return add_calibrator(Score(TorchCrossEncoder(folder, verify=verify)), calibration)[0]


def add_calibrator(stage: Stage, judged: Sequence[JudgedQuery]) -> tuple[Stage, str | None]:
    """The stage with a calibrator fitted on `judged`, or as it is and the reason why."""
    relevant = sum(len(j.relevant) for j in judged)
    method: type[Calibrator] = Beta if relevant >= BETA_MINIMUM else Platt
    try:
        return calibrated(stage, judged, method).pipeline, None
    except MissingExtraError:
        raise
    except CalibrationError as error:
        return stage, str(error)
