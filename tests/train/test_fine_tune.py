from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("datasets")
pytest.importorskip("accelerate")
pytest.importorskip("ir_measures")

from secondpass import Candidate, InvalidInputError, JudgedQuery, ModelError, Recipe
from secondpass.train import TrainingProgress, fine_tune

Task = Callable[[int], list[JudgedQuery]]
FAST: dict[str, Any] = {"verify": False, "onnx": False, "lr": 3e-3, "epochs": 1}


@pytest.mark.slow
def test_what_can_be_learned_is_learned(task: Task, tiny_late: Path, tmp_path: Path) -> None:
    seen: list[TrainingProgress] = []
    judged, out = task(100), tmp_path / "out"
    report = fine_tune(
        judged, out=out, model=str(tiny_late), epochs=6, lr=3e-3, verify=False,
        on_progress=seen.append,
    )  # fmt: skip
    assert report.after.mean > report.before.mean + 0.03
    assert report.interval[0] <= report.gain <= report.interval[1]
    assert report.best_step > 0
    assert "held-out queries" in report.summary()
    last = [p for p in seen if p.phase == "training"][-1]
    assert last.done == last.total
    assert last.seconds_left == pytest.approx(0)
    assert last.pairs_per_second
    assert last.loss
    after, before = (Recipe.read(p).stage() for p in (report.recipe, report.recipe_before))
    ranking = judged[0].ranking
    assert after(ranking).scale == before(ranking).scale == "probability"
    record = json.loads((out / "training.json").read_text())
    parts = [set(queries) for queries in record["queries"].values()]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 100
    assert record["report"]["verdict"] == report.verdict
    assert record["versions"]["sentence_transformers"]
    with pytest.raises(InvalidInputError, match="finished training run"):
        fine_tune(judged, out=out, model=str(tiny_late), **FAST)


def test_an_interrupted_run_goes_on_from_its_checkpoint(
    task: Task, tiny_late: Path, tmp_path: Path
) -> None:
    judged, out = task(60), tmp_path / "out"
    steps: list[int] = []

    def stop(now: TrainingProgress) -> None:
        if now.phase == "training" and now.done == 4:
            raise KeyboardInterrupt

    def count(now: TrainingProgress) -> None:
        if now.phase == "training":
            steps.append(now.done)

    with pytest.raises(KeyboardInterrupt) as caught:
        fine_tune(judged, out=out, model=str(tiny_late), on_progress=stop, **FAST)
    assert "checkpoint-2" in caught.value.__notes__[0]
    # a checkpoint cut short by a full disk is newer, and passed over
    (out / "checkpoints/checkpoint-3").mkdir()
    with pytest.raises(InvalidInputError, match="another training run: seed differ"):
        fine_tune(judged, out=out, model=str(tiny_late), seed=1, **FAST)
    with pytest.raises(InvalidInputError, match="data differ"):
        fine_tune(task(61), out=out, model=str(tiny_late), **FAST)
    report = fine_tune(judged, out=out, model=str(tiny_late), on_progress=count, **FAST)
    assert steps[0] == 3
    whole = fine_tune(judged, out=tmp_path / "whole", model=str(tiny_late), **FAST)
    assert report.after.ndcg10 == whole.after.ndcg10


def test_nan_stops_the_run_and_the_checkpoint_stays(
    task: Task, tiny_late: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with pytest.raises(ModelError, match=r"(the loss became|finite scores).*checkpoint") as caught:
        fine_tune(
            task(60), out=out, model=str(tiny_late), verify=False, onnx=False, lr=1e30, epochs=3
        )
    assert "lower lr" in str(caught.value)


def test_what_cannot_be_written_is_not_swallowed(
    task: Task, tiny_late: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from secondpass.train import trainer

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(trainer._Trainer, "_save_checkpoint", full)
    with pytest.raises(OSError, match="No space left"):
        fine_tune(task(45), out=tmp_path / "out", model=str(tiny_late), **FAST)


def test_hours_end_the_training_and_the_best_counts(
    task: Task, tiny_late: Path, tmp_path: Path
) -> None:
    report = fine_tune(
        task(45), out=tmp_path / "out", model=str(tiny_late), hours=1e-9, loss="pointwise",
        batch=1, **FAST,
    )  # fmt: skip
    assert "hours are over" in report.summary()


def test_texts_read_in_part_are_counted(task: Task, tiny_late: Path, tmp_path: Path) -> None:
    judged = task(45)
    first = judged[0].ranking
    long = [Candidate(c.id, c.text + " and so on" * 20) for c in first]
    longer = [JudgedQuery.of(first.query, long, judged[0].relevant), *judged[1:]]
    options = FAST | {"max_length": 16}
    whole = fine_tune(judged, out=tmp_path / "whole", model=str(tiny_late), **options)
    assert whole.cut_short is None
    report = fine_tune(longer, out=tmp_path / "cut", model=str(tiny_late), **options)
    record = json.loads((tmp_path / "cut/training.json").read_text())
    assert record["report"]["cut_short"] == report.cut_short
    data = {"data": record["settings"]["data"]}
    assert record["settings"] == report.config.to_dict() | data
    assert json.loads((tmp_path / "cut/run.json").read_text()) == report.config.identity() | data
    assert "% of the texts were cut to 16 tokens" in report.summary()


def _one_class(label: bool) -> list[JudgedQuery]:
    return [JudgedQuery.of(f"q{i}", ["a", "b"], ["0", "1"] if label else []) for i in range(50)]


@pytest.mark.parametrize(
    ("queries", "options", "message"),
    [
        (0, {}, "no judged queries"),
        (39, {}, "at least 40"),
        (True, {}, "all are relevant"),
        (False, {}, "all are not relevant"),
        (40, {"held_out": 0.9}, "held_out=0.9"),
        (40, {"epochs": 0}, "epochs=0 must be above 0"),
        (40, {"lr": float("nan")}, "lr=nan"),
        (40, {"loss": "hinge"}, "loss='hinge'"),
        (40, {"list_size": 1}, "list_size=1"),
        (40, {"max_length": 3}, "max_length=3"),
        (40, {"max_length": None}, "max_length=None.*16 or more"),
        (40, {"max_length": float("nan")}, "max_length=nan"),
        (40, {"model": "bm25"}, "no weights to train"),
    ],
)
def test_bad_input_is_named(
    task: Task, queries: int | bool, options: dict[str, Any], message: str, tmp_path: Path
) -> None:
    judged = _one_class(queries) if isinstance(queries, bool) else task(queries)
    with pytest.raises(InvalidInputError, match=message):
        fine_tune(judged, out=tmp_path / "out", **options)


def test_another_folder_is_not_overwritten(task: Task, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(InvalidInputError, match="not empty and holds no training run"):
        fine_tune(task(40), out=tmp_path)
