from __future__ import annotations

import time
from collections.abc import Sequence

import pytest

from secondpass.judge.parsing.answer_text import extract_answer
from secondpass.judge.parsing.order import read_order

IDS = ("1", "2", "3", "4")
NAMES = ("k4", "b2", "t9", "z3")


def _named(text: str, ids: tuple[str, ...] = IDS) -> list[str]:
    return [ids[i] for i in read_order(text, ids).order]


def assert_indices_once(order: Sequence[int], n: int) -> None:
    """Whatever was read, no passage is named twice, and none that was not shown."""
    assert len(set(order)) == len(order)
    assert set(order) <= set(range(n))


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("[3] > [1] > [2] > [4]", "3124"),
        ("[3] > [1]\n> [2] >\n[4]", "3124"),
        ("**[3]** > **[1]** > **[2]** > **[4]**", "3124"),
        ("[Passage 3] > [Passage 1] > [2]", "312"),
        ("(3) > (1) > (2) > (4)", "3124"),
        ("[3] >> [1] = [2] > ... > [4]", "3124"),
        ("[3] &gt; [1] &gt; [2]", "312"),
        ("\uff3b\uff13\uff3d \uff1e \uff3b\uff11\uff3d \uff1e \uff3b\uff12\uff3d", "312"),
        ("[³] > [①] > [₂]", "312"),
        ("[3] \u227b [1] \u2192 [2]", "312"),
        ("3 > 1 > 2 > 4", "3124"),
        ("Ranking: 3, 1, 2, 4.", "3124"),
        ("[3], [1], [2], [4]", "3124"),
        ("[3][1][2][4]", "3124"),
        ("3\n1\n2\n4", "3124"),
        ("1. [3]\n2. [1]\n3. [2]\n4. [4]", "3124"),
        ("1. 3\n2. 1\n3. 2\n4. 4", "3124"),
        ("1) **[3]**: because of 4 facts\n\n2) **[1]** - it is 2 pages\n", "31"),
        ("Rank 1: [3]\nRank 2: [1]", "31"),
        ("- [3]\n- [1]\n- [2]", "312"),
        ("| rank | id |\n|---|---|\n| 1 | [3] |\n| 2 | [1] |", "31"),
        ("I mean 2 of them.\n[3, 1, 2, 4]", "3124"),
        ('{"order": ["3", "1", "2", "4"]}', "3124"),
        ('{"order": [3, 1, 2, 4]}', "3124"),
        ('\t\n {"order":\t\n["3", "1"]}\n\n', "31"),
        ('Sure!\n```json\n{"ranking": [{"id": 3, "why": "1"}, {"passage": "[1]"}]}\n```', "31"),
        ('```json\n["3", "1"]\n```', "31"),
        ('{"order": ["3", "1", "2", "4",],\n}', "3124"),
        ('["3", "1",\n]', "31"),
        ("<order>\n<id>3</id>\n<id>1</id>\n</order>", "31"),
        ("<id>3</id><id>1</id><id>2</id>", "312"),
        ("1. <id>3</id>\n2. <id>1</id>", "31"),
        ('<passage id="3"/> > <passage id="1"/>', "31"),
        ("<id>3</id>", "3"),
        ("[2]\u00b2 > [3]\u00b9 > [1]", "231"),
        ("[2]2 > [3]", "23"),
        ("2\u00b2 > 3 > 1", "231"),
        ("[3\x00] > [1]\x00 > [\x002]", "312"),
        ("3\x00, 1\x00, 2", "312"),
        ('{"order": ["3\x00", "1\\u0000"]}', "31"),
        ("[3\u200b] > [1\ufeff]", "31"),
        ('{"order": ["3", "1", "2', "31"),
        ('{"order": ["3", "1"', "31"),
    ],
)
def test_orders_are_read_in_every_form(text: str, order: str) -> None:
    assert "".join(_named(text)) == order


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Passage 2 of the 3 is best: [1] > [3]", "13"),  # prose won in RankGPT
        ("<think>10 docs, [4] > [3]</think>[2] > [1]", "21"),
        ("[4] > [3] of 9 thoughts</think>\n[2] > [1]", "21"),
        (
            "<|channel|>analysis<|message|>[4] > [3]<|end|><|channel|>final<|message|>[2] > [1]",
            "21",
        ),
        ("First [1] > [2] > [3] > [4]. No: [2] > [1] > [3]", "213"),  # the last one counts
        ("[2] > [1] > [3] > [4], and [3] > [4] was close", "2134"),  # unless it is a remark
        ("First <id>1</id> <id>2</id>. No: <id>2</id> <id>1</id>", "21"),
        ("Passages <id>2</id> and <id>3</id> are irrelevant, <id>1</id> is not.", ""),
        ("<id>3</id> is irrelevant", ""),
        ("[3] > [3] > [9]", "3"),
        ("[11] > [1]", "1"),  # FlashRank reads 11 as 1
        ("[1-3]", ""),
        ("\u00b2", "2"),  # crashed RankGPT
        ("<think>[1] > [2] and so on", ""),
        ("I'm sorry, but I cannot rank 4 passages.", ""),
        ("Passages [2] and [3] are irrelevant, [1] is not.", ""),
        ("[3] is irrelevant\n[1] is good", ""),
        ("There are 3 good ones and 1 bad one.", ""),
        ("", ""),
        # answers that broke LLMRerank: other documents, shifted scores, empty results
        ("Doc: 0, Relevance: 9", ""),
        ("Doc: -5, Relevance: 3", ""),
        ("Doc: 1, because good\nDoc: 2, Relevance: 9\nDoc: 3, Relevance: 1", "123"),
        ("**Doc: 2**, **Relevance: 8**\n**Doc: 3**, **Relevance: 7**", "23"),
        ("Document 2, Relevance: 9\nDocument 1, Relevance: 3", "21"),
        ("Doc: #2, Relevance: 9\nDoc: #1, Relevance: 0.85", "21"),
        ("Doc: 2, Relevance: 9, see above,\nDoc: 1, Relevance: bad", "21"),
        # and LLMListwiseRerank: -1 gave the last document, 0 twice a duplicate, 9 an IndexError
        ('{"ranked": [-1, 1]}', "1"),
        ("[1, 1, 2]", "12"),
        ('{"order": [9]}', ""),
    ],
)
def test_answers_that_broke_others(text: str, order: str) -> None:
    parsed = read_order(text, IDS)
    assert "".join(IDS[i] for i in parsed.order) == order
    assert_indices_once(parsed.order, len(IDS))


def test_the_quality_of_an_answer_is_measured() -> None:
    parsed = read_order("[3] > [3] > [9] > [1]", IDS)
    assert (parsed.coverage, parsed.duplicates, parsed.unknown) == (0.5, 1, 1)
    assert parsed.order == (2, 0)
    assert parsed.problem == (
        "it names 2 of 4 passages, it names passages again 1 times, it names 1 that do not exist"
    )
    assert read_order("[1] > [2] > [3] > [4]", IDS).problem == ""
    assert read_order("no", IDS).problem == "it holds no order"
    assert read_order("anything", ()).coverage == 1.0


def test_random_identifiers_are_read_in_any_case() -> None:
    assert _named("[K4] > [T9] > [b2] > [z3]", NAMES) == ["k4", "t9", "b2", "z3"]
    assert _named("The order is: k4, t9, b2", NAMES) == ["k4", "t9", "b2"]
    assert _named('{"order":["k4","t9"]}', NAMES) == ["k4", "t9"]


@pytest.mark.parametrize("piece", [
    "[", "{", "*", "a", "[a,", "[a > ", "<think>", "[1", " ", "1. ", "[ ", '{"a":', "[1] > ",
    "(1)", "\n", "[1]\n", "1", '{"order":[', "\u2460", "</think>", "[1] >" + " " * 50, "\ufdfa",
])  # fmt: skip
def test_reading_takes_time_in_proportion_to_length(piece: str) -> None:
    def seconds(length: int) -> float:
        """Of this processor, the least of three, so that other processes hardly count."""
        text, least = piece * (length // len(piece)), float("inf")
        for _ in range(3):
            start = time.process_time()
            parsed = read_order(text, IDS)
            least = min(least, time.process_time() - start)
            assert_indices_once(parsed.order, len(IDS))
        return least

    short = seconds(12_500)
    assert seconds(100_000) < 24 * max(short, 1e-3)  # the square of the length would take 64 times


def test_what_is_no_text_is_an_empty_answer() -> None:
    assert extract_answer(None) == ""  # type: ignore[arg-type]
    assert read_order(7, IDS).order == ()  # type: ignore[arg-type]
    assert extract_answer("[1] > [2] <think>hm</think>") == "[1] > [2]"
