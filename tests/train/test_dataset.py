from __future__ import annotations

import pytest

from secondpass import InvalidInputError, JudgedQuery
from secondpass.train.dataset import count_pairs, training_rows

LONG = JudgedQuery.of("q", [f"t{i}" for i in range(20)], [str(i) for i in range(8)])
ALL = JudgedQuery.of("r", ["a"], ["0"])


def _rows(
    *judged: JudgedQuery, loss: str = "listwise", list_size: int = 6
) -> list[dict[str, object]]:
    return training_rows(
        judged, loss=loss, list_size=list_size, seed=0, truncate=lambda q, t: t + "!"
    )  # type: ignore[arg-type]


def test_long_lists_are_sampled_and_keep_both_classes() -> None:
    (row,) = _rows(LONG, ALL)
    assert list(row) == ["query", "docs", "labels"]
    assert row["labels"] == [1, 1, 1, 0, 0, 0]
    assert count_pairs(row) == len(set(row["docs"])) == 6  # type: ignore[call-overload]
    assert _rows(LONG) == _rows(LONG)
    (few,) = _rows(JudgedQuery.of("q", [f"t{i}" for i in range(9)], [str(i) for i in range(8)]))
    assert few["labels"] == [1, 1, 1, 1, 1, 0]


def test_pairs_for_the_pointwise_loss_need_no_contrast() -> None:
    rows = _rows(LONG, ALL, loss="pointwise", list_size=50)
    assert len(rows) == 21
    assert rows[-1] == {"query": "r", "text": "a!", "label": 1.0}


def test_nothing_to_learn_from_is_an_error() -> None:
    with pytest.raises(InvalidInputError, match="no training list"):
        _rows(ALL)
