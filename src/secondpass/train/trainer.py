"""One run of sentence-transformers' trainer: quiet, resumable, watched for NaN and time."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.calibrate import JudgedQuery
from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.stages.score import Score
from secondpass.train.config import TrainingConfig
from secondpass.train.dataset import count_pairs
from secondpass.train.network import create_loss, disable_dropout
from secondpass.train.report import RankingQuality, TrainingProgress
from secondpass.train.run_directory import RunDirectory

try:
    import accelerate
    import sentence_transformers
    import torch
    import transformers
    from datasets import Dataset
    from datasets.table import InMemoryTable
    from sentence_transformers.base.evaluation import BaseEvaluator
    from sentence_transformers.cross_encoder import CrossEncoderTrainer
    from sentence_transformers.cross_encoder.training_args import CrossEncoderTrainingArguments
    from transformers import PrinterCallback, TrainerCallback
except ImportError as error:
    raise MissingExtraError("training a cross-encoder", "train") from error

CHECKS_PER_EPOCH = 2
"""How often the validation queries are read and a checkpoint is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingResult:
    """Which checkpoint was best on the validation queries."""

    checkpoint: Path
    step: int
    ndcg10: float
    steps: int
    loss: float | None
    seconds: float
    pairs_per_second: float | None
    stopped: str | None


def train_network(
    scorer: TorchCrossEncoder,
    rows: list[dict[str, Any]],
    validation: Sequence[JudgedQuery],
    directory: RunDirectory,
    *,
    config: TrainingConfig,
    on_progress: Callable[[TrainingProgress], None] | None,
) -> TrainingResult:
    """Train the scorer's network on `rows`, from the run's last checkpoint if it has one.

    Args:
        scorer: Holds the network; its weights are those of the last step afterwards.
        rows: See `secondpass.train.dataset.training_rows`.
        validation: Judged lists; the checkpoint with the best nDCG@10 on them is named.
        directory: Where checkpoints go.
        config: Of the run.
        on_progress: Called after each step.

    Raises:
        ModelError: NaN or infinite loss or scores; names the checkpoint that is left.
        KeyboardInterrupt: With a note that names it.
        OSError: What could not be written, such as for a full disk.
    """
    batch = config.batch * (config.list_size if config.loss == "pointwise" else 1)
    steps_per_epoch = math.ceil(len(rows) / batch)
    watch = _Watch(config.hours, on_progress, sum(map(count_pairs, rows)) / steps_per_epoch)
    check_steps = max(1, steps_per_epoch // CHECKS_PER_EPOCH)
    arguments = CrossEncoderTrainingArguments(
        output_dir=str(directory.checkpoints),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=batch,
        learning_rate=config.lr,
        warmup_steps=0.1,
        seed=config.seed,
        data_seed=config.seed,
        bf16=bool(config.bf16),
        use_cpu=scorer.encoder.device.type == "cpu",
        dataloader_pin_memory=False,
        eval_strategy="steps",
        save_strategy="steps",
        eval_steps=check_steps,
        save_steps=check_steps,
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
        loss=create_loss(config.loss, scorer),
        evaluator=_Validation(scorer, validation),
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    disable_dropout(scorer.encoder)
    trainer.watch = watch
    scorer.encoder.model_card_data.local_files_only = True  # no look-up of names on the hub
    last = directory.last_checkpoint()
    start = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(last) if last else None)
    except KeyboardInterrupt as error:
        error.add_note(f"training was interrupted; {_how_to_resume(directory)}")
        raise
    except ModelError as error:
        raise ModelError(
            f"{error}; {_how_to_resume(directory)}. Try a lower lr, or bf16=False"
        ) from error
    state = trainer.state
    best = state.best_model_checkpoint
    if best is None:
        raise ModelError(f"training ended without a checkpoint after {state.global_step} steps")
    return TrainingResult(
        checkpoint=Path(best),
        step=int(best.rsplit("-", 1)[1]),
        ndcg10=float(state.best_metric or 0.0),
        steps=state.global_step,
        loss=watch.loss,
        seconds=time.monotonic() - start,
        pairs_per_second=watch.speed,
        stopped=watch.stopped,
    )


def mean_ndcg10(scorer: TorchCrossEncoder, judged: Sequence[JudgedQuery]) -> float:
    """Mean nDCG@10 of the scorer's order."""
    return RankingQuality.of(Score(scorer).run([j.ranking for j in judged]), judged).mean


def package_versions() -> dict[str, str]:
    """Of the packages that decide the figures."""
    packages = (torch, transformers, sentence_transformers, accelerate)
    return {p.__name__: str(p.__version__) for p in packages}


def _how_to_resume(directory: RunDirectory) -> str:
    last = directory.last_checkpoint()
    if last is None:
        return "no checkpoint had been written yet"
    return f"the last checkpoint is {last}, and the same call resumes from there"


def _dataset(rows: list[dict[str, Any]]) -> Any:
    """The rows in memory.

    The fingerprint is set here, not by `Dataset.from_list`, whose hash fails on pyarrow 26
    (datasets 5.2).
    """
    return Dataset(InMemoryTable.from_pylist(rows), fingerprint="secondpass")


class _Watch(TrainerCallback):
    """Speed, loss and time of a run, and its end when the time is up."""

    def __init__(
        self,
        hours: float | None,
        on_progress: Callable[[TrainingProgress], None] | None,
        pairs_per_step: float,
    ) -> None:
        self.seconds = None if hours is None else hours * 3600
        self.on_progress, self.pairs_per_step = on_progress, pairs_per_step
        self.recent_losses: deque[float] = deque(maxlen=20)
        self.start, self.first_step = time.monotonic(), 0
        self.speed: float | None = None
        self.stopped: str | None = None

    @property
    def loss(self) -> float | None:
        """Mean of the last steps."""
        return sum(self.recent_losses) / len(self.recent_losses) if self.recent_losses else None

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.start, self.first_step = time.monotonic(), state.global_step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        spent = time.monotonic() - self.start
        done = state.global_step - self.first_step
        self.speed = done * self.pairs_per_step / spent if spent else None
        left = spent / done * (state.max_steps - state.global_step)
        if self.seconds is not None and spent > self.seconds and left:
            self.stopped = f"the {self.seconds / 3600:g} hours are over"
            control.should_training_stop = control.should_evaluate = control.should_save = True
        if self.on_progress is not None:
            self.on_progress(
                TrainingProgress(
                    phase="training",
                    done=state.global_step,
                    total=state.max_steps,
                    loss=self.loss,
                    pairs_per_second=self.speed,
                    seconds_left=left,
                )
            )


class _Validation(BaseEvaluator):
    """nDCG@10 on the validation queries."""

    def __init__(self, scorer: TorchCrossEncoder, judged: Sequence[JudgedQuery]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.scorer, self.judged = scorer, judged
        self.primary_metric = "ndcg10"

    def __call__(self, *_: Any, **__: Any) -> dict[str, float]:
        try:
            return {"ndcg10": mean_ndcg10(self.scorer, self.judged)}
        except ValueError as error:  # ScoreError: NaN weights
            raise ModelError(f"the model no longer gives finite scores: {error}") from error


class _Trainer(CrossEncoderTrainer):
    """Stops at a loss that is not finite, before it reaches the weights."""

    watch: _Watch

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        loss = super().compute_loss(*args, **kwargs)
        value = float((loss[0] if isinstance(loss, tuple) else loss).detach())
        if not math.isfinite(value):
            raise ModelError(f"the loss became {value} at step {self.state.global_step + 1}")
        self.watch.recent_losses.append(value)
        return loss
