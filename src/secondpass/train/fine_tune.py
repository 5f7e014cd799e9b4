"""Fine-tune a cross-encoder on judged queries, and say honestly what it did."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.core.stage import Stage
from secondpass.recipe import Recipe
from secondpass.stages.score import Pair, Score
from secondpass.train.base_model import stage_before, torch_folder, with_calibrator
from secondpass.train.bf16 import bfloat16
from secondpass.train.dataset import LOSSES, Loss, rows
from secondpass.train.measure import difference, measured
from secondpass.train.mining import without_false_negatives
from secondpass.train.progress import Phase, TrainingProgress
from secondpass.train.quiet import quiet
from secondpass.train.report import TrainingReport
from secondpass.train.run_directory import RunFolder, fingerprint, write_json
from secondpass.train.split import Split, has_both, split_queries

INT8_SAMPLES = 128
"""Training pairs that an int8 export is fitted to; no labels."""
SHORTEST = 16
"""Tokens of a pair in which a query leaves room for some of a text."""


@quiet()
def fine_tune(
    judged: Iterable[JudgedQuery],
    *,
    out: str | os.PathLike[str],
    model: str = "builtin",
    loss: Loss = "auto",
    epochs: float = 2,
    lr: float = 2e-5,
    batch: int = 8,
    list_size: int = 16,
    max_length: int = 512,
    held_out: float = 0.2,
    seed: int = 0,
    false_negative_margin: float | None = None,
    int8: bool = False,
    onnx: bool = True,
    bf16: bool | None = None,
    hours: float | None = None,
    verify: bool = True,
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> TrainingReport:
    """Train `model` on judged queries and write the result to `out`, ready to load.

    Without dropout, which costs more time than it gives in a short run. The queries are split
    first: `held_out` to compare before and after, a tenth to choose the
    checkpoint, a tenth to fit the calibrator, the rest to train. An interrupted run goes on from
    its last checkpoint when called again with the same arguments.

    Writes recipe.json (the result, calibrated), before.json (what you had), training.json (every
    figure), onnx/ and torch/ (the weights), checkpoints/.

    Args:
        judged: Queries with relevant and other candidates (`read_judged`, `mine_negatives`), some
            hundreds of them; 40 at least.
        out: A folder that is absent, empty, or holds this run interrupted.
        model: "builtin", or folder or hub id of a cross-encoder with one label.
        loss: "listwise" is LambdaLoss (Wang et al. 2018), "listnet" Cao et al. 2007, "pointwise"
            binary cross-entropy; "auto" is "listwise".
        epochs: Passes over the training part.
        lr: Peak learning rate; rises over the first tenth, then falls to 0.
        batch: Lists in a step.
        list_size: Candidates of a list that are trained on at most.
        max_length: Tokens of a pair that training reads; queries are never cut. A text whose
            relevant part lies beyond teaches the wrong thing, so the report says how many were cut.
        held_out: Share of the queries, up to 0.5.
        seed: Of the split and the order.
        false_negative_margin: For mined negatives: leave out of the training part what the
            starting model scores above the query's best positive less this; None keeps all.
        int8: Quantise the export, fitted to training pairs; see
            `secondpass.models.export.int8_calibration`.
        onnx: Export; False where a model cannot be, then the recipe loads torch/.
        bf16: bfloat16 autocast; None: on GPUs and processors that multiply in it
            (AMX, AVX-512 BF16).
        hours: Stop training after so many; the best checkpoint till then counts.
        verify: Refuse a result that fails the canary questions every model is asked.
        on_progress: Called as the run goes on.

    Raises:
        InvalidInputError: Unusable data or numbers, or `out` holds something else.
        ModelError: The model cannot be trained or exported, or the loss became NaN.
        MissingExtraError: An extra is not installed ("train").
        KeyboardInterrupt, OSError: With the last checkpoint left in place.
    """
    known = list(judged)
    _check(loss, epochs, lr, batch, max_length, hours)
    split = split_queries(known, held_out=held_out, seed=seed)
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder
    from secondpass.train.trainer import Settings, ndcg10, trained, versions
    from secondpass.train.truncation import PairTruncator

    chosen_loss: Loss = "listwise" if loss == "auto" else loss
    told: dict[str, Any] = {
        "model": model, "loss": chosen_loss, "epochs": epochs, "lr": lr, "batch": batch,
        "list_size": list_size, "max_length": max_length, "held_out": held_out, "seed": seed,
        "false_negative_margin": false_negative_margin, "data": fingerprint(known),
    }  # fmt: skip
    folder = RunFolder(out, told)
    start = torch_folder(model, folder.start)
    scorer = TorchCrossEncoder(start, verify=False)
    if scorer.encoder.num_labels != 1:
        raise ModelError(f"{model!r} has {scorer.encoder.num_labels} labels; training needs one")
    say = _saying(on_progress)
    say("measuring before")
    before_stage = stage_before(model, start, split.calibration, verify=False)
    before = measured(before_stage, split.held_out)
    reading = PairTruncator(scorer, max_length)
    train: Sequence[JudgedQuery] = split.train
    if false_negative_margin is not None:
        train = without_false_negatives(train, scorer, false_negative_margin)
    choice = [reading.judged(j) for j in split.choice if has_both(j)]
    given = rows(train, loss=chosen_loss, list_size=list_size, seed=seed, cut=reading)
    at_start = ndcg10(scorer, choice)
    use_bf16 = bfloat16(scorer.encoder.device.type) if bf16 is None else bf16
    settings = Settings(chosen_loss, epochs, lr, batch, list_size, seed, use_bf16, hours)
    result = trained(scorer, given, choice, folder, settings, on_progress)
    step = result.step if result.ndcg10 > at_start else 0
    chosen = TorchCrossEncoder(result.checkpoint if step else start, verify=False)
    chosen.encoder.model_card_data.local_files_only = True
    chosen.encoder.save_pretrained(str(folder.torch))
    say("exporting")
    samples = reading.pairs(train, INT8_SAMPLES) if int8 else []
    raw = _written(folder, int8=int8, onnx=onnx, verify=verify, samples=samples)
    say("measuring after")
    after_stage, uncalibrated = with_calibrator(raw, split.calibration)
    after = measured(after_stage, split.held_out)
    gain, interval = difference(before.ndcg10, after.ndcg10, seed)
    report = TrainingReport(
        folder.path, before, after, gain, interval, step, split.sizes(), uncalibrated,
        result.stopped, reading.cut_short,
    )  # fmt: skip
    Recipe.of(before_stage).save(report.recipe_before)
    Recipe.of(after_stage).save(report.recipe)
    run = asdict(result) | {"checkpoint": result.checkpoint.name, "choice_ndcg10_before": at_start}
    write_json(
        folder.record,
        {"summary": report.summary(), "report": report.to_dict(), "run": run,
         "settings": told | {"bf16": use_bf16, "int8": int8, "hours": hours},
         "queries": _queries(split), "trained_rows": len(given),
         "device": scorer.encoder.device.type, "versions": versions()},
    )  # fmt: skip
    return report


def _written(
    folder: RunFolder, *, int8: bool, onnx: bool, verify: bool, samples: Sequence[Pair]
) -> Stage:
    """The chosen weights as they will be used; absolute, so that the recipe loads anywhere."""
    if not onnx:
        from secondpass.models.torch.cross_encoder import TorchCrossEncoder

        return Score(TorchCrossEncoder(folder.torch.resolve(), verify=verify))
    from secondpass.models.export.export import export
    from secondpass.models.model_files import json_file
    from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder
    from secondpass.models.onnx.late_interaction import LateInteraction

    try:
        export(str(folder.torch.resolve()), folder.onnx, int8=int8, samples=samples)
    except ModelError as error:
        raise ModelError(
            f"training is done and its weights are in {folder.torch}, but: {error}. Call again "
            "with onnx=False to go on without ONNX; nothing is trained twice"
        ) from error
    config = json_file(folder.onnx / "config.json")
    kind = LateInteraction if "scales" in config else OnnxCrossEncoder
    return Score(kind(folder.onnx.resolve(), verify=verify))


def _check(  # noqa: PLR0917 - numbers of one call
    loss: str, epochs: float, lr: float, batch: int, max_length: int, hours: float | None
) -> None:
    if loss not in LOSSES:
        raise InvalidInputError(f"loss={loss!r}: one of {', '.join(LOSSES)}")
    numbers = {"epochs": epochs, "lr": lr, "batch": batch, "hours": 1 if hours is None else hours}
    for name, number in numbers.items():
        if not (math.isfinite(number) and number > 0):
            raise InvalidInputError(f"{name}={number} must be above 0")
    if not (isinstance(max_length, int) and max_length >= SHORTEST):
        raise InvalidInputError(
            f"max_length={max_length!r} leaves no room for a text; give a whole number of tokens, "
            f"{SHORTEST} or more"
        )


def _saying(
    on_progress: Callable[[TrainingProgress], None] | None,
) -> Callable[[Phase], None]:
    def say(phase: Phase) -> None:
        if on_progress is not None:
            on_progress(TrainingProgress(phase, 0, 0))

    return say


def _queries(split: Split) -> dict[str, list[str]]:
    """Which query went where, so that the same split can be measured again."""
    parts = ("train", "choice", "calibration", "held_out")
    return {part: [j.ranking.query for j in getattr(split, part)] for part in parts}
