from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from secondpass import JudgedQuery
from secondpass.core.judged import normalise_query
from secondpass.train.split import split_queries


@given(st.integers(40, 120), st.floats(0.01, 0.5), st.integers(0, 5))
def test_no_query_is_in_two_parts(count: int, held_out: float, seed: int) -> None:
    judged = [
        JudgedQuery.of(
            f"{' ' * (i % 2)}Query {i // 2}" if i % 3 else f"query {i // 2}", ["a", "b"], ["0"]
        )
        for i in range(2 * count)
    ]
    split = split_queries(judged, held_out=held_out, seed=seed)
    parts = [split.train, split.choice, split.calibration, split.held_out]
    queries = [{" ".join(j.ranking.query.casefold().split()) for j in part} for part in parts]
    assert all(queries)
    assert sum(map(len, queries)) == len(set.union(*queries)) == count
    assert sum(split.sizes().values()) == 2 * count


@given(st.integers(0, 20))
def test_forms_of_one_query_stay_in_one_part(seed: int) -> None:
    """A query with a ligature, wide letters or a combining accent is the one without."""
    spellings = ("caf\u00e9 {}", "cafe\u0301 {}", "Cafe\u0301\u00a0{}", "\uff43af\u00e9  {}")
    judged = [
        JudgedQuery.of(spelling.format(i), ["a", "b"], ["0"])
        for i in range(40)
        for spelling in spellings
    ]
    split = split_queries(judged, held_out=0.3, seed=seed)
    for part in (split.train, split.choice, split.calibration, split.held_out):
        queries = [normalise_query(j.ranking.query) for j in part]
        assert all(queries.count(query) == len(spellings) for query in queries)


def test_what_has_one_class_is_only_trained_on(task: Callable[[int], list[JudgedQuery]]) -> None:
    lone = JudgedQuery.of("lone", ["a"], ["0"])
    split = split_queries([*task(40), lone], held_out=0.2, seed=0)
    assert lone in split.train
