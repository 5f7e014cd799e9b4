from __future__ import annotations

from secondpass import Candidate, Ranking, Score
from secondpass.evaluate import Collection, RankChange, Topic, evaluate
from secondpass.evaluate.regressions import worst_regressions
from secondpass.testing import FakeScorer


def test_the_worst_first_and_what_moved() -> None:
    docs = [Candidate(d, f"text {d}") for d in "abc"]
    topics = tuple(
        Topic(str(i), Ranking.of(f"q{i}", docs), {"a": 1, "c": 0}) for i in range(3)
    )  # relevant first
    c = Collection("c", topics)
    orders = {"q0": "abc", "q1": "bca", "q2": "bac"}
    worse = Score(FakeScorer(lambda q, text: -orders[q].index(text[-1])))
    regressions = worst_regressions(evaluate(None, c), evaluate(worse, c), "RR@10")
    assert [(r.id, r.before, r.after) for r in regressions] == [("1", 1, 1 / 3), ("2", 1, 1 / 2)]
    assert regressions[0].fell == (RankChange(id="a", text="text a", grade=1, before=1, after=3),)
    assert regressions[0].rose == (
        RankChange(id="b", text="text b", grade=None, before=2, after=1),
        RankChange(id="c", text="text c", grade=0, before=3, after=2),
    )
    shown = str(regressions[0])
    assert "'q1' (1): RR@10 1.000 to 0.333" in shown
    assert "fell  rank 1 to rank 3, grade 1, a: text a" in shown
    assert "rose  rank 2 to rank 1, not judged, b: text b" in shown


def test_what_was_cut_fell_to_nowhere() -> None:
    ranking = Ranking.of("q", [Candidate("a", "x " * 100), Candidate("b", "y")])
    c = Collection("c", (Topic("1", ranking, {"a": 1}),))
    from secondpass.evaluate import evaluate_rankings

    gone = evaluate_rankings("gone", c, [Ranking.of("q", [Candidate("new", "z")])])
    (regression,) = worst_regressions(evaluate(None, c), gone, "RR@10")
    assert regression.fell[0].after is None
    assert regression.rose[0].before is None
    assert "rank 1 to nowhere" in str(regression.fell[0])
    assert str(regression.fell[0]).endswith("…")
