from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from secondpass import InvalidInputError, Order, OrderError, Ranking, SlidingWindow
from secondpass.testing import FakeJudge, check_judge


@given(st.integers(0, 70), st.integers(2, 25), st.data())
def test_every_candidate_is_seen_and_the_best_reaches_the_top(
    n: int, window: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, window - 1))
    judge = FakeJudge(lambda q, t: float(t))
    ranking = Order(judge, SlidingWindow(window, stride))(
        Ranking.of("q", [str(i) for i in range(n)])
    )
    assert sorted(c.text for c in ranking) == sorted(str(i) for i in range(n))
    if n > 1:
        assert {t for texts in judge.calls for t in texts} == {str(i) for i in range(n)}
        assert ranking[0].text == str(n - 1)


@pytest.mark.parametrize("n", [2, 19, 20, 21, 25, 35])
def test_lists_near_the_window_show_the_judge_all_and_not_only_the_tail(n: int) -> None:
    judge = FakeJudge()
    Order(judge)(Ranking.of("q", [str(i) for i in range(n)]))
    assert judge.calls
    assert all(judge.calls)
    assert len({t for texts in judge.calls for t in texts}) == n


@pytest.mark.parametrize("said", [[0, 0], [0], [0, 2], [-1, 0], []])
def test_an_answer_that_is_no_permutation_is_refused(said: list[int]) -> None:
    judge = FakeJudge()
    judge.order = lambda query, texts: said  # type: ignore[method-assign]
    with pytest.raises(OrderError, match="not a permutation of 2"):
        Order(judge)(Ranking.of("q", ["a", "b"]))


def test_bad_arguments() -> None:
    with pytest.raises(InvalidInputError, match="is not a judge"):
        Order(object())  # type: ignore[arg-type]
    for window, stride in ((1, 1), (4, 0), (4, 5)):
        with pytest.raises(InvalidInputError, match=f"window={window}"):
            SlidingWindow(window, stride)


def test_the_fake_judge_keeps_the_laws() -> None:
    check_judge(FakeJudge())
