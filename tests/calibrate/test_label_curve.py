from __future__ import annotations

from pathlib import Path

import pytest

from secondpass import CalibrationError, InvalidInputError, Isotonic, Order, Stage
from secondpass.calibrate import label_learning_curve
from secondpass.testing import FakeJudge


def test_more_labels_are_better_until_enough(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    curve = label_learning_curve(
        number, world(150), sizes=(2, 10, 40, 100, 200), method=Isotonic, repeats=10
    )
    assert [p.queries for p in curve.points] == [2, 10, 40, 100]
    assert curve.left_out == (200,)
    losses = [p.log_loss for p in curve.points]
    assert losses[0] > losses[1] > losses[2]
    assert curve.enough in (10, 40, 100)
    assert losses[0] > min(losses) + 3 * curve.points[0].standard_error
    text = str(curve)
    assert f"{curve.enough} labelled queries are enough" in text
    assert "too few queries for 200" in text


def test_two_parameters_need_few(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    curve = label_learning_curve(number, world(80), sizes=(10, 25, 60), repeats=5)
    assert curve.method == "Platt"
    assert curve.points[-1].log_loss - curve.points[0].log_loss < 0.03
    assert curve == label_learning_curve(number, world(80), sizes=(60, 25, 10, 10), repeats=5)


def test_repeats_alone_do_not_make_small_differences_significant(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    """Three times as many would take it to 0.58 if they were the sample."""
    few = label_learning_curve(number, world(40), sizes=(10, 30), repeats=15)
    many = label_learning_curve(number, world(40), sizes=(10, 30), repeats=45)
    assert many.points[0].standard_error > 0.8 * few.points[0].standard_error
    assert many.enough == few.enough == 10


def test_fits_that_fail_are_counted(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    curve = label_learning_curve(number, world(40, rate=0.03), sizes=(1, 30), repeats=10)
    assert curve.points[0].failed > 0
    assert curve.enough == 30


def test_orders_and_the_figure(world, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    judge = Order(FakeJudge(lambda q, t: float(t)))
    curve = label_learning_curve(judge, world(40), sizes=(5, 20), repeats=3)
    assert curve.method == "ByRank"
    curve.figure().savefig(tmp_path / "c.png")
    assert (tmp_path / "c.png").stat().st_size > 5000


def test_bad_input(number: Stage, world) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CalibrationError, match="3 queries, of which 1 are kept"):
        label_learning_curve(number, world(3))
    for sizes, repeats in (((), 5), ((0,), 5), ((5,), 0)):
        with pytest.raises(InvalidInputError, match="above 0"):
            label_learning_curve(number, world(10), sizes=sizes, repeats=repeats)
