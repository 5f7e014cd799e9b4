from __future__ import annotations

import math

import pytest

from secondpass.judge.chat.protocol import TokenLogprob
from secondpass.judge.parsing.label_probabilities import expected_grade, first_of_two, label_masses


def _token(**likely: float) -> TokenLogprob:
    return _tokens([*likely.items()])[0]


def _tokens(*places: list[tuple[str, float]]) -> list[TokenLogprob]:
    """One token per place: the first of its (text, probability) pairs was written."""
    return [
        TokenLogprob(place[0][0], math.log(place[0][1]), tuple((t, math.log(p)) for t, p in place))
        for place in places
    ]


def test_the_probabilities_of_two_words() -> None:
    assert first_of_two([_token(Yes=0.6, No=0.2)], ("yes", "no")) == pytest.approx(0.75)
    spaced = _tokens([(" Yes", 0.3), ("yes", 0.3), ("\u2581No", 0.2), ("", 0.1)])
    assert first_of_two(spaced, ("yes", "no")) == pytest.approx(0.75)


def test_a_label_in_pieces() -> None:
    pieces = _tokens([("n", 0.6), ("y", 0.2)], [("o", 0.99)])
    assert first_of_two(pieces, ("yes", "no")) == pytest.approx(0.25)
    other = _tokens([("n", 0.6), ("y", 0.2)], [("ever", 0.99)])  # never: not a no
    assert first_of_two(other, ("yes", "no")) == pytest.approx(0.2 / (0.2 + 0.2))


def test_a_label_that_is_not_listed_is_at_most_as_likely_as_the_least() -> None:
    value = first_of_two([_token(Yes=0.9, Maybe=0.06, Well=0.03)], ("yes", "no"))
    assert value == pytest.approx(0.9 / (0.9 + 0.01))


def test_empty_tokens_brackets_and_thinking_come_before_the_answer() -> None:
    tokens = _tokens([("", 1.0)], [("<think>", 1.0)], [("no", 0.9), ("yes", 0.1)],
                     [("</think>", 1.0)], [("\n\n", 1.0)], [("[", 1.0)],
                     [("Yes", 0.8), ("No", 0.2)], [("]", 1.0)])  # fmt: skip
    assert first_of_two(tokens, ("yes", "no")) == pytest.approx(0.8)


def test_a_sentence_that_ends_in_the_label() -> None:
    tokens = _tokens([("The", 0.99)], [(" answer", 1.0)], [(":", 1.0)], [(" B", 0.7), (" C", 0.3)])
    assert first_of_two(tokens, ("B", "C")) == pytest.approx(0.7)


@pytest.mark.parametrize("tokens", [None, [], _tokens([("maybe", 1.0)]), _tokens([("", 1.0)])])
def test_no_label_is_none(tokens: list[TokenLogprob] | None) -> None:
    assert first_of_two(tokens, ("yes", "no")) is None
    assert expected_grade(tokens, range(11)) is None


def test_the_expected_grade() -> None:
    assert expected_grade(_tokens([("7", 0.5), ("8", 0.5)]), range(11)) == pytest.approx(7.5)
    assert expected_grade(_tokens([("10", 0.5), ("1", 0.5)]), range(11)) == pytest.approx(5.5)


def test_ten_in_two_tokens_is_not_one() -> None:
    tokens = _tokens([("1", 0.8), ("9", 0.2)], [("0", 0.75), (".", 0.25)])
    expected = (0.8 * 0.75 * 10 + 0.8 * 0.25 * 1 + 0.2 * 9) / 1.0
    assert expected_grade(tokens, range(11)) == pytest.approx(expected)


def test_eighty_five_is_no_eight() -> None:
    assert expected_grade(_tokens([("8", 1.0)], [("5", 1.0)]), range(11)) is None


def test_servers_without_alternatives_still_tell_one_probability() -> None:
    found = label_masses([TokenLogprob("Yes", math.log(0.7))], ("yes", "no"))
    assert found is not None
    assert found[0]["yes"] == pytest.approx(0.7)
    assert first_of_two([TokenLogprob("Yes", math.log(0.7))], ("yes", "no")) == pytest.approx(0.7)
