from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import CalibrationError, InvalidInputError
from secondpass.calibrate.cross_validation import folds_by_query

QUERIES = st.lists(st.tuples(st.sampled_from("abcdefghij"), st.booleans()), max_size=30)


@given(QUERIES, st.integers(2, 8), st.integers(0, 5))
def test_each_query_is_in_one_fold_and_equal_ones_in_the_same(
    pairs: list[tuple[str, bool]], folds: int, seed: int
) -> None:
    queries, answerable = [q for q, _ in pairs], [y for _, y in pairs]
    different = len(set(queries))
    if different < 2:
        with pytest.raises(CalibrationError, match="two different queries"):
            folds_by_query(queries, answerable, folds, seed)
        return
    parts = folds_by_query(queries, answerable, folds, seed)
    assert sorted(i for part in parts for i in part) == list(range(len(queries)))
    assert len(parts) == min(folds, different)
    texts = [{queries[i] for i in part} for part in parts]
    assert sum(len(t) for t in texts) == different
    assert max(map(len, texts)) - min(map(len, texts)) <= 1
    assert parts == folds_by_query(queries, answerable, folds, seed)


def test_answerable_queries_are_dealt_evenly() -> None:
    answerable = [i < 10 for i in range(100)]
    parts = folds_by_query([str(i) for i in range(100)], answerable, 5)
    assert [sum(answerable[i] for i in part) for part in parts] == [2] * 5


@pytest.mark.parametrize("bad", [1, 0, -3, 2.0, True, None])
def test_bad_numbers_of_folds(bad: object) -> None:
    with pytest.raises(InvalidInputError, match="2 or more"):
        folds_by_query(["a", "b"], [True, False], bad)  # type: ignore[arg-type]
