"""Requests share batches; none is held up by another, and none loses anything."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from secondpass import Fuse, Ranking, Recipe, Refine, Score, Top, load
from secondpass.core.deadline import ends_within
from secondpass.core.tokens import estimated
from secondpass.serve.batching import PAIR_TOKENS, BatchedScore, Batcher, BatchLog
from secondpass.serve.inside import stages_in, with_scores
from secondpass.serve.served import Recipes
from secondpass.serve.settings import Settings
from secondpass.stages.score import Pair


class Lengths:
    """Scores by length, and keeps what it was given."""

    name, cache_key = "lengths", ""

    def __init__(self, seconds: float = 0.0) -> None:
        self.calls: list[list[Pair]] = []

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.calls.append(list(pairs))
        if any("bad" in text for _, text in pairs):
            raise ValueError("a bad text")
        return [float(len(text)) for _, text in pairs]


def batcher(scorer: Lengths, tokens: int = 64, **options: object) -> Batcher:
    return Batcher(scorer, ThreadPoolExecutor(1), tokens, **options)  # type: ignore[arg-type]


def texts(count: int, letters: int = 32) -> list[str]:
    """Of 8 tokens each, 16 with what a pair costs."""
    return [f"{i:0{letters}d}" for i in range(count)]


async def test_a_short_request_does_not_wait_for_a_long_one_nor_the_long_one_for_it() -> None:
    """In tokens read between a request's arrival and its end, not in seconds."""
    model, tokens = Lengths(), 8 * (8 + PAIR_TOKENS)
    queue, read = batcher(model, tokens), 0
    ends: dict[str, int] = {}

    def count(batch: int, *_: object) -> None:
        nonlocal read
        read += batch

    queue.log = BatchLog(on_batch=count)
    started = asyncio.Event()

    async def request(name: str, number: int) -> None:
        began = read
        await queue.score([(name, text) for text in texts(number)], None)
        ends[name] = read - began

    async def later() -> None:
        while read < 10 * tokens:
            await asyncio.sleep(0)
        started.set()
        await request("short", 10)

    await asyncio.gather(request("long", 1000), later())
    pair = 8 + PAIR_TOKENS
    in_flight = 2 * tokens  # the batch under way, and the rest of the one that it ends in
    assert ends["short"] <= 1.2 * 10 * pair + in_flight
    assert ends["long"] <= 1.02 * 1000 * pair
    assert started.is_set()


async def test_a_long_request_goes_on_while_short_ones_keep_coming() -> None:
    model = Lengths()
    queue = batcher(model, 8 * 16)
    long = asyncio.create_task(queue.score([("long", text) for text in texts(100)], None))
    short = 0
    while not long.done():
        await queue.score([("short", text) for text in texts(7)], None)
        short += 1
        assert short <= 100 + 1  # one pair of each batch is its own
    assert None not in long.result()[0]


async def test_batches_are_shared_and_bounded() -> None:
    model = Lengths()
    queue = batcher(model, 160)
    asked = [[(f"q{r}", text) for text in texts(3)] for r in range(20)]
    answers = await asyncio.gather(*(queue.score(pairs, None) for pairs in asked))
    assert all(scores == [32.0] * 3 for scores, _ in answers)
    assert sum(map(len, model.calls)) == 60
    assert max(len(call) for call in model.calls) == 10
    assert len(model.calls) <= 7
    huge = await queue.score([("q", "x" * 10_000)], None)
    assert huge[0] == [10_000.0]
    assert await queue.score([], None) == ([], [])


async def test_a_batch_waits_for_requests_on_their_way_and_not_otherwise() -> None:
    model, coming = Lengths(), 2
    queue = batcher(model, 1000, wait=30.0, on_the_way=lambda: coming)

    async def second() -> None:
        nonlocal coming
        await asyncio.sleep(0)
        coming = 0
        await queue.score([("b", "text")], None)

    await asyncio.gather(queue.score([("a", "text")], None), second())
    assert len(model.calls) == 1


async def test_one_that_fails_fails_alone() -> None:
    queue = batcher(Lengths(), 1000)
    good, bad = await asyncio.gather(
        queue.score([("q", "good")], None), queue.score([("q", "bad")], None),
        return_exceptions=True,
    )  # fmt: skip
    assert good == ([4.0], [{}])
    assert isinstance(bad, ValueError)
    assert queue.queued == 0


async def test_who_goes_away_is_not_read() -> None:
    model = Lengths()
    queue = batcher(model, 64)
    leaving = asyncio.create_task(queue.score([("gone", text) for text in texts(400)], None))
    await asyncio.sleep(0)
    leaving.cancel()
    await queue.score([("q", "text")], None)
    assert sum(query == "gone" for call in model.calls for query, _ in call) < 20


async def test_what_was_not_scored_in_time_says_so() -> None:
    queue = batcher(Lengths(), 1000)
    queue.rate = 0.16  # as if measured: ten pairs in a thousand seconds
    queue.log = BatchLog(on_batch=lambda *_: setattr(queue, "rate", 0.001))
    stage = BatchedScore(queue.scorer, queue)
    with ends_within(1000.0):
        ranking = await stage.acall(Ranking.of("q", texts(50)))
    assert ranking.status == "partial"
    late = [bool(c.trail[-1].note.get("unscored")) for c in ranking]
    assert sum(late) >= 40
    assert late == sorted(late)
    assert "deadline" in {event.kind for event in ranking.events}


def test_work_is_estimated_of_what_is_read(tmp_path: Path) -> None:
    cut, some = tmp_path / "cut.json", tmp_path / "some.json"
    for path, chunks in ((cut, 1), (some, 3)):
        Recipe.of(load("builtin:raw", options={"chunks": chunks})).save(path)
    settings = Settings(recipes={"whole": "builtin:raw", "cut": str(cut), "some": str(some)})
    recipes = Recipes(settings)
    text = "word " * 8_000
    costs = {name: recipes[name].batchers[0].costs([text])[0] for name in recipes}
    recipes.close()
    assert costs["cut"] == 512 + PAIR_TOKENS
    assert costs["some"] == 3 * 512 + PAIR_TOKENS
    assert costs["whole"] == estimated(text) + PAIR_TOKENS
    assert {served.max_length for served in recipes.values()} == {512}


async def test_every_score_of_a_recipe_is_batched_and_gives_the_librarys_numbers() -> None:
    documents = [f"{word} wrote Faust" for word in ("Goethe", "Marlowe", "Nobody", "A cat")]
    one, fused = load("builtin"), Fuse(load("builtin:raw"), Score(Lengths()))
    for stage in (one, fused, one >> Refine(fused, 2), one >> Top(2)):
        queues: list[Batcher] = []

        def batched(score: Score, queues: list[Batcher] = queues) -> BatchedScore:
            queues.append(Batcher(score.scorer, ThreadPoolExecutor(1), 100))  # type: ignore[arg-type]
            return BatchedScore(queues[-1].scorer, queues[-1])

        twin = with_scores(stage, batched)
        assert len(queues) == sum(type(part) is Score for part in stages_in(stage))
        assert not any(type(part) is Score for part in stages_in(twin))
        assert any(type(part) is Score for part in stages_in(stage))  # the original stays
        asked = Ranking.of("who wrote Faust?", documents)
        expected, got = stage(asked), await twin.acall(asked)
        assert (got.ids, got.scale) == (expected.ids, expected.scale)
        for ours, theirs in zip(got, expected, strict=True):
            assert ours.score == pytest.approx(theirs.score, abs=1e-6)
