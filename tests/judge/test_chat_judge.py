from __future__ import annotations

import asyncio
import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from secondpass.core.errors import InvalidInputError, ModelError
from secondpass.judge.chat.chat_judge import ChatJudge
from secondpass.judge.chat.passage_tags import parse_tags
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import ChatError, Completion, TokenLogprob
from secondpass.judge.protocols import AsyncComparer, AsyncJudge, AsyncPicker, AsyncScorer

TEXTS = ["alpha", "beta two", "gamma three", "delta"]
Reply = str | Completion | Exception | Callable[[str], Any]


class Script:
    """A chat that says what it is told to, then the last thing again; {0} is the first id."""

    name = "script"

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies)
        self.sent: list[dict[str, Any]] = []

    async def complete(
        self, messages: Sequence[Any], *, schema: Any = None, max_tokens: int,
        top_logprobs: int | None = None,
    ) -> Any:  # fmt: skip
        self.sent.append({"messages": messages, "schema": schema, "max_tokens": max_tokens,
                          "top": top_logprobs})  # fmt: skip
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        prompt = next(m["content"] for m in messages if "<passage" in m["content"])
        if callable(reply):
            reply = reply(prompt)
        if isinstance(reply, Exception):
            raise reply
        if isinstance(reply, str):
            ids = list(parse_tags(prompt)[1])
            for i, name in enumerate(ids):
                reply = reply.replace(f"{{{i}}}", name)
            return Completion(reply)
        return reply


def _kinds(answer: Any) -> list[str]:
    return [kind for kind, _ in answer.events]


async def test_it_is_every_kind_of_judge() -> None:
    judge = ChatJudge(Script("x"))
    for kind in (AsyncJudge, AsyncPicker, AsyncComparer, AsyncScorer):
        assert isinstance(judge, kind)
    assert judge.name == "judge:script@prompts-1"
    assert ChatJudge(Script(""), prompts=Prompts(version="mine")).name.endswith("@prompts-mine")
    assert ChatJudge(Script(""), rating="scale").name.endswith("/scale")


async def test_a_good_answer_is_one_call_without_events() -> None:
    chat = Script('{"order": ["{2}", "{0}", "{3}", "{1}"]}')
    answer = await ChatJudge(chat).aorder("q", TEXTS)
    assert answer.value == (2, 0, 3, 1)
    assert (answer.events, answer.notes, answer.usage.calls) == ((), (), 1)
    assert answer.usage.prompt_tokens > 100
    assert chat.sent[0]["schema"]["title"] == "order"


async def test_nothing_is_asked_where_there_is_nothing_to_tell_apart() -> None:
    chat = Script("x")
    judge = ChatJudge(chat)
    assert (await judge.aorder("q", [])).value == ()
    assert (await judge.aorder("q", ["a"])).value == (0,)
    assert (await judge.aorder("q", ["a"] * 5)).value == (0, 1, 2, 3, 4)
    assert (await judge.abest("q", ["a"] * 5)).value == 0
    assert (await judge.acompare("q", "a", "a")).value == 0.5
    assert chat.sent == []
    with pytest.raises(InvalidInputError, match="no texts"):
        await judge.abest("q", [])


async def test_an_answer_that_cannot_be_used_is_asked_for_again() -> None:
    chat = Script("The 2nd of 4 is best.", "[{3}] > [{2}] > [{1}] > [{0}]")
    answer = await ChatJudge(chat, structured=False).aorder("q", TEXTS)
    assert answer.value == (3, 2, 1, 0)
    assert _kinds(answer) == ["repaired"]
    assert answer.usage.calls == 2
    repair = chat.sent[1]["messages"]
    assert [m["role"] for m in repair] == ["system", "user", "assistant", "user"]
    assert "it holds no order" in repair[-1]["content"]


@pytest.mark.parametrize(
    ("reply", "kinds"),
    [
        ("I'm sorry, I cannot rank these.", ["refused", "fallback"]),
        (Completion("", refusal="I can't"), ["refused", "fallback"]),
        (Completion("", finish_reason="content_filter"), ["refused", "fallback"]),
        (ChatError("filtered due to content management policy", 400), ["refused", "fallback"]),
        ("", ["fallback"]),
        (Completion('{"order": ["', finish_reason="length"), ["fallback"]),
        ("Doc: 0, Relevance: 9", ["no-schema", "fallback"]),
        ("<think>[a] > [b]", ["fallback"]),
    ],
)
async def test_what_stays_unusable_leaves_the_incoming_order(
    reply: Reply, kinds: list[str]
) -> None:
    chat = Script(reply)
    answer = await ChatJudge(chat).aorder("q", TEXTS)
    assert answer.value == (0, 1, 2, 3)
    assert [k for k in _kinds(answer) if k != "no-schema"] == [k for k in kinds if k != "no-schema"]
    assert len(chat.sent) == 2


async def test_the_better_of_two_partial_answers_counts() -> None:
    chat = Script("[{3}] > [{2}]", "[{1}]")
    answer = await ChatJudge(chat, structured=False).aorder("q", TEXTS)
    assert answer.value == (3, 2, 0, 1)
    assert answer.events[-1] == (
        "fallback", "the answer orders 2 of 4 passages; the rest keep their order"
    )  # fmt: skip


async def test_above_the_floor_nobody_is_asked_again() -> None:
    chat = Script("[{3}] > [{2}] > [{1}]")
    answer = await ChatJudge(chat, structured=False, floor=0.7).aorder("q", TEXTS)
    assert answer.value == (3, 2, 1, 0)
    assert (_kinds(answer), len(chat.sent)) == (["fallback"], 1)


async def test_an_answer_cut_off_gets_more_room() -> None:
    chat = Script(Completion('{"order": ["', finish_reason="length"), "[{1}] > [{0}]")
    judge = ChatJudge(chat, thinking_tokens=1000)
    assert (await judge.aorder("q", TEXTS[:2])).value == (1, 0)
    assert chat.sent[1]["max_tokens"] == 2 * chat.sent[0]["max_tokens"] > 2000


async def test_a_server_without_schemas_is_asked_once_with_one() -> None:
    refuses = ChatError("response_format is not supported", 400)
    chat = Script(refuses, "[{1}] > [{0}]")
    judge = ChatJudge(chat)
    assert _kinds(await judge.aorder("q", TEXTS[:2])) == ["no-schema"]
    assert _kinds(await judge.aorder("q", TEXTS[:2])) == []
    assert [bool(sent["schema"]) for sent in chat.sent] == [True, False, False]
    assert "JSON" not in chat.sent[2]["messages"][1]["content"]


async def test_a_server_that_breaks_on_everything_is_not_asked_for_ever() -> None:
    chat = Script(ChatError("broken", 500))
    with pytest.raises(ModelError, match="broken"):
        await ChatJudge(chat).aorder("q", TEXTS)
    assert len(chat.sent) == 2
    chat = Script(ChatError("schema logprob system role", 400))
    with pytest.raises(ModelError):
        await ChatJudge(chat).arate("q", "t")
    assert len(chat.sent) <= 5


async def test_errors_of_the_network_are_not_hidden() -> None:
    with pytest.raises(ChatError, match=r"script.*ConnectionError"):
        await ChatJudge(Script(ConnectionError("gone"))).aorder("q", TEXTS)
    with pytest.raises(InvalidInputError, match="Completion"):
        await ChatJudge(Script(lambda _: 7)).aorder("q", TEXTS)


def _fits(chars: int) -> Callable[[str], Any]:
    """Orders by the number in each text, highest first, where the prompt is short enough."""

    def reply(prompt: str) -> Any:
        if len(prompt) > chars:
            return ChatError("maximum context length exceeded", 400)
        passages = parse_tags(prompt)[1]
        names = sorted(passages, key=lambda name: -int(passages[name].split()[0]))
        return Completion(json.dumps({"order": names}))

    return reply


async def test_what_does_not_fit_is_asked_in_parts() -> None:
    texts = [f"{i} " + "word " * 40 for i in range(20)]
    chat = Script(_fits(3200))
    judge = ChatJudge(chat)
    answer = await judge.aorder("q", texts)
    assert sorted(answer.value) == list(range(20))
    assert list(answer.value[:5]) == [19, 18, 17, 16, 15]
    assert "shrunk" in _kinds(answer)
    before = len(chat.sent)
    assert before < 16
    await judge.aorder("q", texts)
    refused = sum(len(str(s["messages"][1]["content"])) > 3200 for s in chat.sent[before:])
    assert refused == 0  # what was too long once is not sent again


async def test_two_long_passages_are_cut_shorter() -> None:
    texts = ["1 " + "word " * 300, "2 " + "word " * 300]
    chat = Script(_fits(1800))
    answer = await ChatJudge(chat).aorder("q", texts)
    assert answer.value == (1, 0)
    assert "shrunk" in _kinds(answer)
    assert all(note["cut_tokens"] > 200 for note in answer.notes)


async def test_a_context_too_small_for_anything_ends() -> None:
    chat = Script(_fits(10))
    judge = ChatJudge(chat)
    answer = await judge.aorder("q", [f"{i} " + "word " * 300 for i in range(20)])
    assert list(answer.value) == list(range(20))
    assert _kinds(answer)[-2:] == ["fallback", "truncated"] or "fallback" in _kinds(answer)
    assert len(chat.sent) < 12
    assert (await judge.acompare("q", "a b", "c d")).value == 0.5
    assert (await judge.arate("q", "a b")).value is None
    assert (await judge.abest("q", ["a b", "c d", "e"])).value == 0


async def test_cut_passages_are_noted() -> None:
    chat = Script("[{0}] > [{1}]")
    answer = await ChatJudge(chat, passage_tokens=20).aorder("q", ["word " * 100, "short"])
    assert answer.notes[0]["cut_tokens"] == 105
    assert answer.notes[1] == {}
    assert ("truncated", "1 of 2 texts were too long; the rest was cut") in answer.events


async def test_the_best_and_its_fallback() -> None:
    assert (await ChatJudge(Script('{"best": "{2}"}')).abest("q", TEXTS)).value == 2
    answer = await ChatJudge(Script("none of them")).abest("q", TEXTS)
    assert (answer.value, _kinds(answer)[-1]) == (0, "fallback")


def _written(*likely: tuple[str, float]) -> Completion:
    top = tuple((text, math.log(p)) for text, p in likely)
    return Completion(likely[0][0], logprobs=(TokenLogprob(*top[0], top),))


async def test_comparisons_read_log_probabilities_or_text() -> None:
    def first(prompt: str) -> Completion:
        one, other = parse_tags(prompt)[1]
        return _written((one, 0.6), (other, 0.2))

    answer = await ChatJudge(Script(first)).acompare("q", "a", "b")
    assert answer.value == pytest.approx(0.75)
    assert answer.events == ()
    for reply, value in (("{0}", 1.0), ("{1}", 0.0), ("It is a tie", 0.5)):
        answer = await ChatJudge(Script(reply)).acompare("q", "a", "b")
        assert (answer.value, _kinds(answer)) == (value, ["no-logprobs"])
    answer = await ChatJudge(Script("")).acompare("q", "a", "b")
    assert (answer.value, _kinds(answer)) == (0.5, ["fallback"])


async def test_ratings_read_log_probabilities_or_text() -> None:
    yes = _written(("Yes", 0.6), ("No", 0.2))
    assert (await ChatJudge(Script(yes)).arate("q", "t")).value == pytest.approx(0.75)
    grade = _written(("7", 0.5), ("8", 0.5))
    scale = await ChatJudge(Script(grade), rating="scale").arate("q", "t")
    assert scale.value == pytest.approx(7.5)
    text = await ChatJudge(Script("No.")).arate("q", "t")
    assert (text.value, _kinds(text)) == (0.0, ["no-logprobs"])
    number = await ChatJudge(Script("8/10"), rating="scale").arate("q", "t")
    assert (number.value, _kinds(number)) == (8.0, ["no-logprobs"])


async def test_no_rating_is_none_and_never_a_made_up_number() -> None:
    answer = await ChatJudge(Script("perhaps")).arate("q", "t")
    assert (answer.value, _kinds(answer), answer.usage.calls) == (None, ["fallback"], 2)


async def test_a_server_that_gives_fewer_alternatives_is_asked_for_fewer() -> None:
    refuses = ChatError("top_logprobs must be at most 5", 400)
    chat = Script(refuses, _written(("Yes", 0.9), ("No", 0.1)))
    answer = await ChatJudge(chat).arate("q", "t")
    assert answer.value == pytest.approx(0.9)
    assert [sent["top"] for sent in chat.sent] == [20, 5]


async def test_any_answer_at_all_gives_a_permutation() -> None:
    rng = random.Random(0)
    alphabet = '[]{}",> 1234abcdek<>/\n:'
    judge = ChatJudge(
        Script(lambda _: Completion("".join(rng.choices(alphabet, k=rng.randrange(60)))))
    )
    for _ in range(300):
        answer = await judge.aorder("q", TEXTS)
        assert sorted(answer.value) == [0, 1, 2, 3]


@pytest.mark.parametrize(
    "options",
    [{"rating": "stars"}, {"repairs": 3}, {"floor": 2}, {"passage_tokens": 0},
     {"thinking_tokens": -1}],
)  # fmt: skip
def test_bad_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInputError):
        ChatJudge(Script(""), **options)
    with pytest.raises(InvalidInputError, match="complete"):
        ChatJudge(object())  # type: ignore[arg-type]


async def test_cancelling_goes_through() -> None:
    started = asyncio.Event()

    class Slow:
        name = "slow"

        async def complete(self, messages: Any, **options: Any) -> Completion:
            started.set()
            await asyncio.sleep(60)
            return Completion("")

    task = asyncio.create_task(ChatJudge(Slow()).aorder("q", TEXTS))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
