"""Whatever comes back, the result is a permutation: 32,000 mutated answers."""

from __future__ import annotations

import json
import random
import re

import pytest

from secondpass.judge.parsing.order import read_order
from secondpass.judge.parsing.short_answers import (
    read_best,
    read_comparison,
    read_number,
    read_yes_no,
)

ODD = ["\u00b2", "\uff11", "\u2460", "\x00", "\ud800", "\u202e", "\U0001f4c4", "\u0661", "½", "İ"]
WORDS = ["<think>", "</think>", "Sure! ", "Doc: 0, ", "Relevance: 9\n", "[99]", "-1", "1e999",
         "null", '{"order":', "]}", "```json\n", "I cannot ", "[[", "NaN", "9" * 30, "\n1. ", " = ",
         "[] > ", "&gt;", ">", ",", "|", "#", "**"]  # fmt: skip


def _answer(ids: list[str], rng: random.Random) -> str:
    order = rng.sample(ids, len(ids))
    form = rng.randrange(7)
    if form == 0:
        return " > ".join(f"[{name}]" for name in order)
    if form == 1:
        return json.dumps({"order": order})
    if form == 2:
        return "\n".join(f"{i}. [{name}]" for i, name in enumerate(order, 1))
    if form == 3:
        return ", ".join(order)
    if form == 4:
        return f"<think>{rng.choice(ids)} or 2</think>" + " > ".join(order)
    if form == 5:
        return "\n".join(f"<id>{name}</id>" for name in order)
    return "\n".join(f"Doc: {name}, Relevance: {rng.randrange(11)}" for name in order)


def _mutated(text: str, ids: list[str], rng: random.Random) -> str:
    for _ in range(rng.randrange(1, 5)):
        at = rng.randrange(len(text) + 1)
        to = min(len(text), at + rng.randrange(12))
        way = rng.randrange(7)
        if way == 0:
            text = text[:at]
        elif way == 1:
            text = text[:at] + text[to:]
        elif way == 2:
            text = text[:to] + text[at:]
        elif way == 3:
            text = text[:at] + rng.choice(WORDS) + text[at:]
        elif way == 4:
            text = text[:at] + rng.choice(ODD) + text[to:]
        elif way == 5:
            text = text.replace(rng.choice(ids), rng.choice([*ids, "0", "", "77", "-5"]))
        else:
            text = text[:at] + chr(rng.randrange(32, 127)) + text[to:]
    return text


@pytest.mark.parametrize("chunk", range(4))
def test_no_mutated_answer_names_a_passage_twice(chunk: int) -> None:
    rng = random.Random(chunk)
    sets = [["1", "2", "3", "4"], ["k4", "b2", "t9"], [str(i) for i in range(1, 13)], ["q7"], []]
    read = 0
    for i in range(8_000):
        ids = sets[i % len(sets)]
        text = _mutated(_answer(ids or ["1"], rng), ids or ["1"], rng)
        parsed = read_order(text, ids)
        assert len(set(parsed.order)) == len(parsed.order), text
        assert set(parsed.order) <= set(range(len(ids))), text
        assert 0 <= parsed.coverage <= 1
        read += bool(parsed.order)
        if i % 10 == 0 and ids:
            best = read_best(text, ids)
            assert best is None or 0 <= best < len(ids)
            assert read_yes_no(text) in (None, True, False)
            number = read_number(text, 0, 10)
            assert number is None or 0 <= number <= 10
            if len(ids) > 1:
                assert read_comparison(text, ids[:2]) in (None, 0.0, 0.5, 1.0)
    assert read > 2_700  # most still say something; those of no or one passage need not


DISTURBED = {
    "a comma at the end": lambda t: t.replace("]}", ",\n]}"),
    "NUL behind each": lambda t: re.sub(r"([a-z]\d)", "\\1\x00", t),
    "NUL inside each": lambda t: re.sub(r"([a-z])(\d)", "\\1\x00\\2", t),
    "zero width behind each": lambda t: re.sub(r"([a-z]\d)", "\\1\u200b", t),
    "a superscript behind each": lambda t: re.sub(r"([a-z]\d)(\]?)", "\\1\\2\u00b2", t),
}


@pytest.mark.parametrize("way", DISTURBED)
def test_small_slips_cost_nothing_of_an_order(way: str) -> None:
    rng = random.Random(way)
    ids = ["k4", "b2", "t9", "z3", "m7", "q5"]
    for _ in range(500):
        order = rng.sample(ids, len(ids))
        for whole in (
            " > ".join(f"[{name}]" for name in order),
            json.dumps({"order": order}),
            "\n".join(f"{i}. [{name}]" for i, name in enumerate(order, 1)),
            ", ".join(order),
            "".join(f"<id>{name}</id>" for name in order),
        ):
            parsed = read_order(DISTURBED[way](whole), ids)
            assert [ids[i] for i in parsed.order] == order, (whole, parsed)
            assert parsed.problem == ""
