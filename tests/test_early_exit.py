from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from secondpass import (
    Cached,
    Calibrate,
    CalibrationError,
    Candidate,
    InvalidInputError,
    NoScoresError,
    NotCalibratedError,
    Order,
    Platt,
    Ranking,
    Recipe,
    Score,
    Stage,
    Threshold,
    Top,
    load,
)
from secondpass.stages import EarlyExit, ExitMargin, Pair
from secondpass.stages.first_reading import beginning
from secondpass.testing import FakeJudge, FakeScorer, check_stage
from secondpass.testing.checks import TEXTS


class Good:
    """Counts the word good, as a model that reads everything it is given."""

    name = "good@1"

    def __init__(self) -> None:
        self.calls: list[list[Pair]] = []

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.calls.append(list(pairs))
        return [float(text.split().count("good")) for _, text in pairs]


def _text(head: int, tail: int) -> str:
    """Some good words at the beginning, within 60 characters, and some far behind."""
    return " ".join(["good"] * head + ["dull"] * (12 - head) + ["dull"] * 10 + ["good"] * tail)


PREFIX = 60


def _ranking(seed: int, size: int = 50) -> Ranking:
    g = random.Random(seed)
    texts = [_text(g.randint(0, 11), g.randint(0, 2)) for _ in range(size)]
    return Ranking.of("q", [Candidate(f"d{i}", t, payload=object()) for i, t in enumerate(texts)])


def _margin(value: float, k: int = 5) -> ExitMargin:
    return ExitMargin(value, k, PREFIX, "good@1")


def _read(ranking: Ranking) -> set[str]:
    return {c.id for c in ranking if c.trail[-1].note["read_in_full"]}


def test_the_top_k_is_that_of_a_full_reading_and_less_is_read() -> None:
    scorer = Good()
    ranking = _ranking(0)
    after = EarlyExit(Score(scorer), _margin(2.0), batch=4)(ranking)  # no tail adds more than 2
    assert after.ids[:5] == Score(Good())(ranking).ids[:5]
    full = [text for call in scorer.calls[1:] for _, text in call]
    assert 5 <= len(full) < 30
    assert {c.id for c in ranking if c.text in set(full)} >= _read(after)
    assert len(_read(after)) == len(full)


def test_it_says_who_was_read_in_full() -> None:
    ranking = _ranking(1)
    after = EarlyExit(Score(Good()), _margin(1.0))(ranking)
    read = _read(after)
    assert after.scale == "order"
    assert [c.id in read for c in after] == [True] * len(read) + [False] * (50 - len(read))
    for c in after:
        stages = [m.stage for m in c.trail]
        first = f"good@1, first {PREFIX} characters"
        assert stages[:-1] == ([first, "good@1"] if c.id in read else [first])
    (event,) = after.events
    assert event.kind == "early-exit"
    assert event.message.startswith(f"{len(read)} of 50 texts were read in full")
    firsts = [c.trail[0].score for c in after if c.id not in read]
    assert firsts == sorted(firsts, reverse=True)  # type: ignore[type-var]
    full = [c for c in after if c.id in read]
    assert [c.trail[1].rank for c in full] == list(range(len(full)))
    assert [c.trail[1].score for c in full] == sorted(
        (float(c.text.split().count("good")) for c in full), reverse=True
    )


def test_dropping_the_rest_keeps_scores_and_their_meaning() -> None:
    early = EarlyExit(Score(Good()), _margin(2.0), rest="drop")
    assert early.origin == "good@1"
    calibrate = Calibrate(Platt(1.0, -5.0), fitted_on="good@1")
    ranking = _ranking(2)
    expected = (Score(Good()) >> Top(5) >> calibrate)(ranking)
    after = (early >> calibrate)(ranking)
    assert (after.ids, after.scores, after.scale) == (expected.ids, expected.scores, "probability")
    inside = EarlyExit(
        Score(Good()) >> calibrate,
        ExitMargin(0.9, 5, PREFIX, "good@1 >> Platt"),
        rest="drop",
    )(ranking)
    assert (inside.ids, inside.scores) == (expected.ids, expected.scores)
    with pytest.raises(CalibrationError):
        early >> Calibrate(Platt(1.0, 0.0), fitted_on="another")
    with pytest.raises(NoScoresError):
        (EarlyExit(Score(Good()), _margin(2.0)) >> Threshold(0.5))(ranking)
    with pytest.raises(NotCalibratedError):
        (early >> Threshold(0.5))(ranking)


def test_a_text_that_fits_into_the_first_reading_is_read_once() -> None:
    scorer = Good()
    ranking = Ranking.of("q", ["good " * n for n in range(9)])
    early = EarlyExit(Score(scorer), ExitMargin(100.0, 2, 60, "good@1"))
    after = early(ranking)
    assert sum(map(len, scorer.calls)) == 9
    assert after.events[0].message == "all 9 texts were read in full"
    assert [c.trail[0].stage for c in after] == ["good@1"] * 9


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3)), max_size=25),
    st.integers(1, 6),
    st.integers(1, 7),
)
def test_a_margin_that_no_text_exceeds_loses_nothing(
    counts: list[tuple[int, int]], k: int, batch: int
) -> None:
    ranking = Ranking.of("q", [_text(a, b) for a, b in counts])
    expected = (Score(Good()) >> Top(k))(ranking)
    early = EarlyExit(Score(Good()), _margin(3.0, k), rest="drop", batch=batch)
    after = early(ranking)
    assert after.scores == expected.scores
    assert after.ids == expected.ids or len(set(expected.scores)) < len(expected)


@settings(max_examples=25)
@given(st.lists(st.integers(0, 1000), max_size=4), st.floats(-3, 3), st.booleans())
def test_it_keeps_the_laws(seeds: list[int], margin: float, drop: bool) -> None:
    stage = EarlyExit(Score(Good()), _margin(margin), rest="drop" if drop else "below")
    check_stage(stage, [_ranking(seed, seed % 13) for seed in seeds], cuts=drop)


def test_the_laws_with_a_model_inside() -> None:
    builtin = load("builtin:raw")
    margin = ExitMargin(1.0, 2, 40, builtin.name)
    rankings = [Ranking.of("museum hours", TEXTS[:6]), Ranking.of("none", [])]
    check_stage(EarlyExit(builtin, margin), rankings)
    check_stage(EarlyExit(builtin, margin, rest="drop"), rankings, cuts=True)


def test_async_gives_the_same() -> None:
    early = EarlyExit(Score(Cached(Good())), _margin(1.0))
    rankings = [_ranking(seed) for seed in range(3)]
    assert [r.ids for r in asyncio.run(early.arun(rankings))] == [
        r.ids for r in early.run(rankings)
    ]


def test_the_margin_is_learned_without_labels_and_finds_what_it_says() -> None:
    fit = [_ranking(seed) for seed in range(60)]
    early = EarlyExit.fit(Score(Good()), fit, 5, prefix=PREFIX, coverage=0.9)
    assert early.margin.members == 300
    assert (early.margin.k, early.margin.fitted_on) == (5, "good@1")
    wider = EarlyExit.fit(Score(Good()), fit, 5, prefix=PREFIX, coverage=0.99)
    assert wider.margin.value >= early.margin.value
    new = [_ranking(seed) for seed in range(1000, 1040)]
    full = (Score(Good()) >> Top(5)).run(new)
    found = [len(set(a.ids) & _read(b)) / 5 for a, b in zip(full, early.run(new), strict=True)]
    assert sum(found) / len(found) >= 0.9


def test_a_cheap_stage_may_read_first() -> None:
    cheap = Score(FakeScorer(lambda q, t: 10.0 * t.split()[:12].count("good"), name="cheap"))
    fit = [_ranking(seed) for seed in range(20)]
    early = EarlyExit.fit(Score(Good()), fit, 5, cheap=cheap, coverage=0.95)
    assert early.margin.fitted_on == "cheap then good@1"
    assert early.margin.prefix is None
    check_stage(early, fit[:3])
    with pytest.raises(CalibrationError, match="fit it again"):
        EarlyExit(Score(Good()), early.margin, cheap=Score(FakeScorer()))


def test_a_recipe_keeps_the_fitted_numbers() -> None:
    ranking = Ranking.of("q", [_text(n % 12, n % 3) for n in range(20)])
    builtin = load("builtin:raw")
    for stage in (
        EarlyExit(builtin, ExitMargin(0.5, 3, PREFIX, builtin.name, 0.95, 120), rest="drop"),
        EarlyExit(
            builtin,
            ExitMargin(0.5, 3, None, f"{load('bm25').name} then {builtin.name}"),
            cheap=load("bm25"),
            batch=3,
        ),
    ):
        again = Recipe.of_dict(Recipe.of(stage).to_dict()).stage()
        assert isinstance(again, EarlyExit)
        assert again.margin == stage.margin
        assert again(ranking) == stage(ranking)


@pytest.mark.parametrize(
    ("text", "prefix", "expected"),
    [
        ("abc def", 7, "abc def"),
        ("abc def", 6, "abc"),
        ("abc def", 3, "abc"),
        ("abc def", 2, "ab"),
        ("abc\ndef", 5, "abc"),
        ("", 5, ""),
        ("日本語の長い文", 3, "日本語"),
        ("abc def", None, "abc def"),
    ],
)
def test_the_beginning_ends_with_a_word(text: str, prefix: int | None, expected: str) -> None:
    assert beginning(text, prefix) == expected


def test_bad_arguments() -> None:
    score = Score(Good())
    with pytest.raises(CalibrationError, match="was fitted on 'other'"):
        EarlyExit(score, ExitMargin(1.0, 5, 60, "other"))
    with pytest.raises(InvalidInputError, match="some candidates at a time"):
        EarlyExit(Order(FakeJudge()), _margin(1.0))
    with pytest.raises(InvalidInputError, match="prefix or cheap"):
        EarlyExit(score, _margin(1.0), cheap=score)
    with pytest.raises(InvalidInputError, match="rest='gone'"):
        EarlyExit(score, _margin(1.0), rest="gone")  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="batch=0"):
        EarlyExit(score, _margin(1.0), batch=0)
    for value, k, prefix in ((float("nan"), 5, 60), (1.0, 0, 60), (1.0, 5, 0)):
        with pytest.raises(InvalidInputError):
            ExitMargin(value, k, prefix, "good@1")
    with pytest.raises(InvalidInputError, match="coverage=1"):
        EarlyExit.fit(score, [_ranking(0)], 5, prefix=PREFIX, coverage=1.0)
    with pytest.raises(CalibrationError, match="needs at least 99"):
        EarlyExit.fit(score, [_ranking(0)], 5, prefix=PREFIX, coverage=0.99)
    with pytest.raises(CalibrationError, match="nothing to save"):
        EarlyExit.fit(score, [_ranking(s) for s in range(9)], 5)
    judged = EarlyExit(
        score, ExitMargin(1.0, 5, None, f"{_judge().name} then good@1"), cheap=_judge()
    )
    with pytest.raises(NoScoresError, match="gave an order"):
        judged(_ranking(0))


def _judge() -> Stage:
    return Order(FakeJudge())
