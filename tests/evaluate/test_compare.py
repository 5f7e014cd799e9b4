from __future__ import annotations

import json
import math
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from secondpass import InvalidInputError, Score, Scorer, load
from secondpass.evaluate import Collection, Comparison, compare, evaluate
from secondpass.testing import FakeScorer

GOOD = Score(FakeScorer(name="good"))
BAD = Score(FakeScorer(lambda q, t: -float(q in t), name="bad"))
SAME = Score(FakeScorer(lambda q, t: 0.0, name="same"))


class BiEncoder:
    """Query and text each become a vector alone; the score is their cosine."""

    name = "bi-encoder:letters@1"

    def vector(self, text: str) -> dict[str, float]:
        grams = re.findall(r"(?=(\w{3}))", text)
        return {g: grams.count(g) / math.sqrt(len(grams)) for g in grams}

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        known = {text: self.vector(text) for pair in pairs for text in pair}
        return [
            sum(weight * known[text].get(gram, 0.0) for gram, weight in known[query].items())
            for query, text in pairs
        ]


@pytest.fixture
def compared(plants: Collection) -> Comparison:
    return compare(plants, None, [GOOD, BAD, SAME])


def test_helps_hurts_and_not_shown(compared: Comparison) -> None:
    assert [compared.difference(n).answer for n in ("good", "bad", "same")] == [
        "helps", "hurts", "not shown",
    ]  # fmt: skip
    good = compared.difference("good")
    assert (good.wins, good.ties, good.losses) == (20, 0, 0)
    assert good.difference == pytest.approx(good.mean - good.baseline)
    assert 0 < good.low < good.difference < good.high
    assert good.p < good.p_corrected < 0.001
    assert compared.gap_closed("good") == pytest.approx(1)
    assert compared.gap_closed("bad") < 0  # type: ignore[operator]
    assert compared.verdicts["same"].endswith("It changes nothing here.")
    assert compared.verdicts["good"].startswith("good helps: nDCG@10")


def test_the_worst_regressions(compared: Comparison) -> None:
    assert compared.regressions["good"] == compared.regressions["same"] == ()
    worst = compared.regressions["bad"]
    assert len(worst) == 5
    drops = [h.after - h.before for h in worst]
    assert drops == sorted(drops)
    assert worst[0].fell[0].text == f"about {worst[0].query}"
    assert worst[0].fell[0].after == 8


def test_the_correction_counts_every_contender_and_metric(plants: Collection) -> None:
    alone = compare(plants, None, GOOD, "nDCG@10").difference("good")
    many = compare(plants, None, [GOOD, BAD, SAME], ("nDCG@10", "RR@10", "P@5"))
    assert alone.p == alone.p_corrected
    assert many.difference("good").p_corrected == pytest.approx(9 * many.difference("good").p)
    assert len(many.differences) == 9


def test_the_same_seed_gives_the_same_numbers(plants: Collection) -> None:
    noisy = Score(FakeScorer(lambda q, t: float(hash_of(q + t)), name="noisy"))
    one, two = (compare(plants, None, noisy).differences for _ in range(2))
    assert one == two
    assert one != compare(plants, None, noisy, seed=7).differences


def hash_of(text: str) -> int:
    return sum(ord(c) * (i + 7) ** 3 for i, c in enumerate(text)) % 1009


def test_too_few_queries_are_said_to_be_too_few(plants: Collection) -> None:
    few = compare(plants.head(4), None, GOOD, "RR@10").difference("good")
    assert few.answer == "not shown"
    assert "Only 4 queries differ, too few to show anything" in few.sentence
    noisy = Score(FakeScorer(lambda q, t: float(hash_of(q + t)), name="noisy"))
    middling = compare(plants, BAD, {"noisy": noisy, "good": GOOD}).difference("noisy")
    if middling.answer == "not shown":
        assert "would probably not be seen" in middling.sentence


def test_any_baseline_and_ready_evaluations(plants: Collection) -> None:
    ready = evaluate(BAD, plants, "P@5")
    seen: list[tuple[int, int]] = []
    compared = compare(plants, ready, {"g": GOOD}, on_progress=lambda a, b: seen.append((a, b)))
    assert compared.baseline.name == "bad"
    assert set(compared.baseline.values) == {"nDCG@10"}
    assert seen[-1] == (20, 20)
    both: list[tuple[int, int]] = []
    compare(plants, BAD, [GOOD, SAME], on_progress=lambda a, b: both.append((a, b)))
    assert both == [(i, 60) for i in range(1, 61)]
    with pytest.raises(InvalidInputError, match="evaluated on other queries"):
        compare(plants.head(3), ready, GOOD)


def test_a_pipeline_alone_is_one_contender(plants: Collection) -> None:
    pipeline = load("bm25") >> GOOD
    assert list(compare(plants, None, pipeline).contenders) == [pipeline.name]
    assert list(compare(plants, None, "bm25").contenders) == [load("bm25").name]


def test_a_cross_encoder_against_a_bi_encoder(plants: Collection) -> None:
    bi = BiEncoder()
    assert isinstance(bi, Scorer)
    compared = compare(plants, Score(bi), {"cross-encoder": "builtin"}, "nDCG@10")
    given = compared.difference("cross-encoder")
    assert 0.5 < given.baseline <= 1
    assert given.answer in ("helps", "not shown", "hurts")
    assert [r.scale for r in compared.baseline.rankings[:1]] == ["raw"]


def test_wrong_input(plants: Collection) -> None:
    with pytest.raises(InvalidInputError, match="two contenders are called 'good'"):
        compare(plants, None, [GOOD, GOOD])
    for none in ([], {}):
        with pytest.raises(InvalidInputError, match="no contender"):
            compare(plants, None, none)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="confidence=95"):
        compare(plants, None, GOOD, confidence=95)
    with pytest.raises(InvalidInputError, match="'x' was not compared"):
        compare(plants, None, GOOD).difference("x")


def test_shown_and_written(compared: Comparison, tmp_path: Path) -> None:
    text = str(compared)
    for part in ("plants, 20 queries, against first stage", "95% interval", "good helps",
                 "bad, worst regressions:", "The top 8 hold 100%"):  # fmt: skip
        assert part in text
    data = json.loads(json.dumps(compared.to_dict(), allow_nan=False))
    assert data["contenders"]["good"]["answer"] == "helps"
    assert data["headroom"]["recall"] == 1
    assert "about plant" not in json.dumps(data)  # results may be shared, texts may not
    compared.write(tmp_path / "all.jsonl")
    rows = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    assert len(rows) == 80
    assert {row["contender"] for row in rows} == {"first stage", "good", "bad", "same"}
