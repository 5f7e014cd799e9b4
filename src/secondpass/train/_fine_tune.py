"""Fine-tune a cross-encoder on judged queries, and say honestly what it did."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any, Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.core.recipe import Recipe
from secondpass.core.stage import Stage
from secondpass.stages.score import Pair, Score
from secondpass.train.base_model import add_calibrator, stage_before, torch_folder
from secondpass.train.config import Loss, TrainingConfig
from secondpass.train.dataset import PairTruncator, training_rows
from secondpass.train.mining import without_false_negatives
from secondpass.train.report import (
    Phase,
    RankingQuality,
    TrainingProgress,
    TrainingReport,
    gain_interval,
)
from secondpass.train.run_directory import RunDirectory, write_json
from secondpass.train.split import has_contrast, split_queries

INT8_SAMPLES = 128
"""Training pairs that an int8 export is fitted to; no labels."""
OnProgress = Callable[[TrainingProgress], None] | None


def fine_tune(
    judged: Iterable[JudgedQuery],
    *,
    out: str | os.PathLike[str],
    model: str = "builtin",
    loss: Literal["auto"] | Loss = "auto",
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
    on_progress: OnProgress = None,
) -> TrainingReport:
    """Train `model` on judged queries and write the result to `out`, ready to load.

    Dropout is off, which costs more time than it gives in a short run. The queries are split
    first: `held_out` to compare before and after, a tenth to choose the checkpoint, a tenth to
    fit the calibrator, the rest to train. An interrupted run resumes from its last checkpoint
    when called again with the same arguments.

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
        batch: The number of lists in a step.
        list_size: Maximum number of candidates of a list that are trained on.
        max_length: Tokens of a pair that training reads; queries are never cut. A text whose
            relevant part lies beyond teaches the wrong thing, so the report says how many were cut.
        held_out: Share of the queries, up to 0.5.
        seed: Of the split and the order.
        false_negative_margin: For mined negatives: leave out of the training part what the
            starting model scores above the query's best positive less this; None keeps all.
        int8: Quantise the export, fitted to training pairs (`secondpass.models.export.gptq`).
        onnx: Export; False where a model cannot be exported, then the recipe loads torch/.
        bf16: bfloat16 autocast; None: on GPUs and processors that multiply in it
            (AMX, AVX-512 BF16).
        hours: Stop training after this many; the best checkpoint so far counts.
        verify: Refuse a result that fails the canary questions that every model is asked.
        on_progress: Called as the run proceeds.

    Raises:
        InvalidInputError: Unusable data or numbers, or `out` holds something else.
        ModelError: The model cannot be trained or exported, or the loss became NaN.
        MissingExtraError: An extra is not installed ("train").
        KeyboardInterrupt, OSError: With the last checkpoint left in place.
    """
    config = TrainingConfig(
        model=model, loss="listwise" if loss == "auto" else loss, epochs=epochs, lr=lr,
        batch=batch, list_size=list_size, max_length=max_length, held_out=held_out, seed=seed,
        false_negative_margin=false_negative_margin, int8=int8, onnx=onnx, bf16=bf16, hours=hours,
        verify=verify,
    )  # fmt: skip
    with _quiet_transformers():
        return _run(list(judged), out, config, on_progress)


def _run(
    judged: list[JudgedQuery],
    out: str | os.PathLike[str],
    config: TrainingConfig,
    on_progress: OnProgress,
) -> TrainingReport:
    split = split_queries(judged, held_out=config.held_out, seed=config.seed)
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder
    from secondpass.train.network import supports_bfloat16
    from secondpass.train.trainer import mean_ndcg10, package_versions, train_network

    directory = RunDirectory(out, config, judged)
    start = torch_folder(config.model, directory.start)
    scorer = TorchCrossEncoder(start, verify=False)
    if (labels := scorer.encoder.num_labels) != 1:
        raise ModelError(f"{config.model!r} has {labels} labels; training needs one")
    device = scorer.encoder.device.type
    if config.bf16 is None:
        config = replace(config, bf16=supports_bfloat16(device))

    _report_phase(on_progress, "measuring before")
    before_stage = stage_before(config.model, start, split.calibration, verify=False)
    before = _measure(before_stage, split.held_out)
    truncate = PairTruncator(scorer, config.max_length)
    train: Sequence[JudgedQuery] = split.train
    if config.false_negative_margin is not None:
        train = without_false_negatives(train, scorer, config.false_negative_margin)
    validation = [truncate.truncate_judged(j) for j in split.validation if has_contrast(j)]
    rows = training_rows(
        train, loss=config.loss, list_size=config.list_size, seed=config.seed, truncate=truncate
    )
    ndcg10_before = mean_ndcg10(scorer, validation)

    result = train_network(
        scorer, rows, validation, directory, config=config, on_progress=on_progress
    )
    best_step = result.step if result.ndcg10 > ndcg10_before else 0
    best = TorchCrossEncoder(result.checkpoint if best_step else start, verify=False)
    best.encoder.model_card_data.local_files_only = True
    best.encoder.save_pretrained(str(directory.torch))

    _report_phase(on_progress, "exporting")
    samples = truncate.sample_pairs(train, INT8_SAMPLES) if config.int8 else []
    raw = _export(directory, config, samples)
    _report_phase(on_progress, "measuring after")
    after_stage, uncalibrated = add_calibrator(raw, split.calibration)
    after = _measure(after_stage, split.held_out)
    gain, interval = gain_interval(before.ndcg10, after.ndcg10, config.seed)
    report = TrainingReport(
        out=directory.path, config=config, before=before, after=after, gain=gain,
        interval=interval, best_step=best_step, sizes=split.sizes(), uncalibrated=uncalibrated,
        stopped=result.stopped, cut_short=truncate.note,
    )  # fmt: skip
    Recipe.of(before_stage).save(report.recipe_before)
    Recipe.of(after_stage).save(report.recipe)
    run = asdict(result) | {
        "checkpoint": result.checkpoint.name, "validation_ndcg10_before": ndcg10_before
    }  # fmt: skip
    record: dict[str, Any] = {
        "summary": report.summary(), "report": report.to_dict(), "run": run,
        "settings": config.to_dict() | {"data": directory.data},
        "queries": split.queries(), "trained_rows": len(rows),
        "device": device, "versions": package_versions(),
    }  # fmt: skip
    write_json(directory.record, record)
    return report


def _measure(stage: Stage, judged: Sequence[JudgedQuery]) -> RankingQuality:
    usable = [j for j in judged if has_contrast(j)]
    return RankingQuality.of(stage.run([j.ranking for j in usable]), usable)


def _export(directory: RunDirectory, config: TrainingConfig, samples: Sequence[Pair]) -> Stage:
    """The chosen weights as they will be used; absolute, so that the recipe loads anywhere."""
    if not config.onnx:
        from secondpass.models.torch.cross_encoder import TorchCrossEncoder

        return Score(TorchCrossEncoder(directory.torch.resolve(), verify=config.verify))
    from secondpass.models.export.export import export
    from secondpass.models.model_files import json_file
    from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder
    from secondpass.models.onnx.late_interaction import LateInteraction

    try:
        export(str(directory.torch.resolve()), directory.onnx, int8=config.int8, samples=samples)
    except ModelError as error:
        raise ModelError(
            f"training is done and its weights are in {directory.torch}, but: {error}. Call again "
            "with onnx=False to go on without ONNX; nothing is trained twice"
        ) from error
    model_config = json_file(directory.onnx / "config.json")
    kind = LateInteraction if "scales" in model_config else OnnxCrossEncoder
    return Score(kind(directory.onnx.resolve(), verify=config.verify))


def _report_phase(on_progress: OnProgress, phase: Phase) -> None:
    if on_progress is not None:
        on_progress(TrainingProgress(phase, 0, 0))


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """No bars and no log of transformers: progress goes to the callback, problems are exceptions.

    Restored afterwards.
    """
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("training a cross-encoder", "train") from error

    log: Any = logging
    bars, level = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
