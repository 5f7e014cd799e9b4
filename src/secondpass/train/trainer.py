"""One run of sentence-transformers' trainer: quiet, resumable, watched for NaN and time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.stages.score import Score
from secondpass.train.bf16 import without_dropout
from secondpass.train.dataset import Loss, pairs_in
from secondpass.train.measure import quality
from secondpass.train.progress import TrainingProgress
from secondpass.train.run_directory import RunFolder

try:
    import accelerate
    import sentence_transformers
    import torch
    import transformers
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from sentence_transformers.base.evaluation import BaseEvaluator
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, losses
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments
    from transformers import PrinterCallback

    from secondpass.train.callback import Watch
    from secondpass.train.length_bucketing import LikeLengths
except ImportError as error:
    raise MissingExtraError("training a cross-encoder", "train") from error

CHECKS_PER_EPOCH = 2
"""How often the choice queries are read and a checkpoint is kept."""
WHOLE_STEP = -1
"""To the losses over lists: not in parts, `LikeLengths` makes them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What `fine_tune` was told, see there."""

    loss: Loss
    epochs: float
    lr: float
    batch: int
    list_size: int
    seed: int
    bf16: bool
    hours: float | None


@dataclass(frozen=True, slots=True)
class Trained:
    """Which checkpoint was best on the choice queries."""

    checkpoint: Path
    step: int
    ndcg10: float
    steps: int
    loss: float | None
    seconds: float
    pairs_per_second: float | None
    stopped: str | None


def trained(  # noqa: PLR0917 - one caller, and each is a different thing
    scorer: TorchCrossEncoder,
    rows: list[dict[str, Any]],
    choice: Sequence[JudgedQuery],
    folder: RunFolder,
    settings: Settings,
    on_progress: Callable[[TrainingProgress], None] | None = None,
) -> Trained:
    """Train the scorer's network on `rows`, from the folder's last checkpoint if it has one.

    Args:
        scorer: Holds the network; its weights are those of the last step afterwards.
        rows: See `secondpass.train.dataset.rows`.
        choice: Judged lists; the checkpoint with the best nDCG@10 on them is named.
        folder: Where checkpoints go.
        settings: Of the run.
        on_progress: Called after each step.

    Raises:
        ModelError: NaN or infinite loss or scores; names the checkpoint that is left.
        KeyboardInterrupt: With a note that names it.
        OSError: What could not be written, such as for a full disk.
    """
    pointwise = settings.loss == "pointwise"
    batch = settings.batch * (settings.list_size if pointwise else 1)
    per_epoch = math.ceil(len(rows) / batch)
    watch = Watch(settings.hours, on_progress, sum(map(pairs_in, rows)) / per_epoch)
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(folder.checkpoints),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=batch,
        learning_rate=settings.lr,
        warmup_steps=0.1,
        seed=settings.seed,
        data_seed=settings.seed,
        bf16=settings.bf16,
        use_cpu=scorer.encoder.device.type == "cpu",
        dataloader_pin_memory=False,
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=max(1, per_epoch // CHECKS_PER_EPOCH),
        save_steps=max(1, per_epoch // CHECKS_PER_EPOCH),
        save_total_limit=2,
        load_best_model_at_end=True,  # so that the best is never deleted
        metric_for_best_model="eval_ndcg10",
        greater_is_better=True,
        logging_strategy="no",
        disable_tqdm=True,
        report_to="none",
    )
    trainer = _Trainer(
        model=scorer.encoder,
        args=arguments,
        train_dataset=_dataset(rows),
        loss=_loss(settings.loss, scorer),
        evaluator=_Choice(scorer, choice),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    without_dropout(scorer.encoder)
    trainer.watch = watch
    scorer.encoder.model_card_data.local_files_only = True  # no look-up of names on the hub
    last = folder.last_checkpoint()
    began = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except KeyboardInterrupt as error:
        error.add_note(f"training was interrupted; {_left(folder)}")
        raise
    except ModelError as error:
        raise ModelError(f"{error}; {_left(folder)}. Try a lower lr, or bf16=False") from error
    state = trainer.state
    best = state.best_model_checkpoint
    if best is None:
        raise ModelError(f"training ended without a checkpoint after {state.global_step} steps")
    return Trained(
        Path(best),
        int(best.rsplit("-", 1)[1]),
        float(state.best_metric or 0.0),
        state.global_step,
        watch.loss,
        time.monotonic() - began,
        watch.speed,
        watch.stopped,
    )


def ndcg10(scorer: TorchCrossEncoder, judged: Sequence[JudgedQuery]) -> float:
    """Mean nDCG@10 of the scorer's order."""
    return quality(Score(scorer).run([j.ranking for j in judged]), judged).mean


def _left(folder: RunFolder) -> str:
    last = folder.last_checkpoint()
    if last is None:
        return "no checkpoint had been written yet"
    return f"the last checkpoint is {last}, and the same call goes on from there"


def _loss(loss: Loss, scorer: TorchCrossEncoder) -> Any:
    if loss == "pointwise":
        made: Any = losses.BinaryCrossEntropyLoss(scorer.encoder)
    else:
        kind = losses.ListNetLoss if loss == "listnet" else losses.LambdaLoss
        made = kind(scorer.encoder, mini_batch_size=WHOLE_STEP)
    made.model = LikeLengths(scorer)
    return made


def _dataset(rows: list[dict[str, Any]]) -> Any:
    """The rows in memory.

    Named here, not by `Dataset.from_list`: the hash it takes fails on pyarrow 26 (datasets 5.2).
    """
    return Dataset(InMemoryTable.from_pylist(rows), fingerprint="secondpass")


class _Choice(BaseEvaluator):
    """nDCG@10 on the choice queries."""

    def __init__(self, scorer: TorchCrossEncoder, judged: Sequence[JudgedQuery]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scorer, self.judged = scorer, judged
        self.primary_metric = "ndcg10"

    def __call__(self, *_: Any, **__: Any) -> dict[str, float]:
        try:
            return {"ndcg10": ndcg10(self.scorer, self.judged)}
        except ValueError as error:  # ScoreError: NaN weights
            raise ModelError(f"the model no longer gives finite scores: {error}") from error


class _Trainer(CrossEncoderTrainer):
    """Stops at a loss that is no number, before it reaches the weights."""

    watch: Watch

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().compute_loss(*args, **kwargs)
        value = float((loss[0] if isinstance(loss, tuple) else loss).detach())
        if not math.isfinite(value):
            raise ModelError(f"the loss became {value} at step {self.state.global_step + 1}")
        self.watch.recent.append(value)
        return loss


def versions() -> dict[str, str]:
    """Of the packages that decide the figures."""
    packages = (torch, transformers, sentence_transformers, accelerate)
    return {p.__name__: str(p.__version__) for p in packages}
