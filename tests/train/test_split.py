from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from secondpass import JudgedQuery
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
    parts = [split.train, split.validation, split.calibration, split.held_out]
    queries = [{" ".join(j.ranking.query.casefold().split()) for j in part} for part in parts]
    assert all(queries)
    assert sum(map(len, queries)) == len(set.union(*queries)) == count
    assert sum(split.sizes().values()) == 2 * count


def test_spellings_of_one_query_stay_on_one_side(
    task: Callable[[int], list[JudgedQuery]],
) -> None:
    for seed in range(20):
        judged = task(40)
        spellings = ("find \uff12 caf\u00e9s", "\ufb01nd 2 cafe\u0301s", "Find 2  caf\u00e9s")
        variants = [JudgedQuery.of(spelling, ["a", "b"], ["0"]) for spelling in spellings]
        split = split_queries([*judged, *variants], held_out=0.5, seed=seed)
        parts = [split.train, split.validation, split.calibration, split.held_out]
        assert sum(any(j in part for j in variants) for part in parts) == 1


def test_what_has_one_class_is_only_trained_on(task: Callable[[int], list[JudgedQuery]]) -> None:
    lone = JudgedQuery.of("lone", ["a"], ["0"])
    split = split_queries([*task(40), lone], held_out=0.2, seed=0)
    assert lone in split.train
