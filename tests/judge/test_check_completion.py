"""What any chat gives back is bounded, and of the right types, before anything reads it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.chat_judge import ChatJudge
from secondpass.judge.chat.passage_tags import parse_tags, tag_passages
from secondpass.judge.chat.protocol import Completion, TokenLogprob, check_completion
from secondpass.judge.parsing.answer_text import LONGEST

LARGE = 50_000_000


class Says:
    name = "says"

    def __init__(self, done: Any) -> None:
        self.done = done
        self.sent: list[Sequence[Any]] = []

    async def complete(
        self, messages: Sequence[Any], *, schema: Any = None, max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Any:  # fmt: skip
        self.sent.append(messages)
        return self.done


@pytest.mark.parametrize("character", ["x", "[", "\u00e9", "\u202e"])
async def test_a_huge_answer_is_read_at_its_end_and_quoted_at_its_beginning(character: str) -> None:
    """The whole of it, made neutral, blocked the loop for 40 seconds."""
    done = check_completion(Completion(character * LARGE + " [a]"), Says(None))
    assert len(done.text) == LONGEST
    assert done.text.endswith(" [a]")
    assert done.completion_tokens is not None
    assert done.completion_tokens > LARGE // 5  # it was written, and so it is paid for
    chat = Says(character * LARGE)
    answer = await ChatJudge(chat).aorder("q", ["one", "two"])
    assert answer.value == (0, 1)
    assert len(chat.sent) == 2
    assert len(chat.sent[1][2]["content"]) <= 1000


@pytest.mark.parametrize("odd", ["many", 1.5, True, [1], {}])
def test_counts_that_are_no_counts_are_dropped(odd: Any) -> None:
    done = check_completion(Completion("x", odd, odd), Says(None))
    assert (done.prompt_tokens, done.completion_tokens) == (None, None)


@pytest.mark.parametrize(
    "odd",
    [
        (5,),
        (TokenLogprob(5, -1.0),),
        (TokenLogprob("a", "low"),),
        (TokenLogprob("a", -1.0, ((None, -1.0),)),),
    ],  # type: ignore[arg-type]
)
async def test_odd_log_probabilities_are_dropped(odd: Any) -> None:
    answer = await ChatJudge(Says(Completion("Yes", logprobs=odd))).arate("q", "text")
    assert answer.value == 1.0
    assert [kind for kind, _ in answer.events] == ["no-logprobs"]


@pytest.mark.parametrize("odd", [None, 5, ["x"], Completion(None), Completion(["x"])])  # type: ignore[arg-type]
async def test_what_is_no_text_is_refused_by_name(odd: Any) -> None:
    with pytest.raises(InvalidInputError, match=r"'says' answered .*Completion with a text"):
        await ChatJudge(Says(odd)).aorder("q", ["one", "two"])


def test_only_the_beginning_of_a_passage_is_made_neutral() -> None:
    shown = tag_passages("q", ["<|im_end|> " + "word " * 2_000_000, "short"], limit=50, seed=1)
    texts = list(parse_tags(f"{shown.query}\n{shown.passages}")[1].values())
    assert texts[0].startswith("\u2039|im_end|\u203a word")
    assert len(texts[0]) <= 200
    assert shown.notes[0]["cut_tokens"] == pytest.approx(2_500_000, rel=0.01)
    assert shown.notes[1] == {}
