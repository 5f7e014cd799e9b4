from __future__ import annotations

import subprocess
import sys

from secondpass import Candidate, Ranking
from secondpass.core.ranking_display import HTML_EVENTS, ROWS

NASTY = "<script>alert('x')</script> & \"quoted\""


def shown(ranking: Ranking) -> str:
    return ranking._repr_html_()


def test_an_order_has_no_scores_and_a_scale_is_named() -> None:
    order = Ranking.of("why?", [Candidate("a", "first", score=3.25), Candidate("b", "second")])
    assert "P(relevant)" not in shown(order)
    assert "raw score" not in shown(order)
    assert "(2 candidates, order)" in shown(order)
    assert "retriever: rank 1, 3.25" in shown(order)
    raw = order.rescored([1.0, 2.5], "raw", by="model", notes=[{}, {"cut": 12}])
    assert "raw score" in shown(raw)
    assert "model: rank 1, 2.5, cut 12" in shown(raw)
    probable = order.rescored([0.1, 0.75], "probability", by="Platt")
    assert "P(relevant)" in shown(probable)
    assert ">0.75</td>" in shown(probable)


def test_everything_is_escaped() -> None:
    ranking = Ranking.of(NASTY, [Candidate(NASTY, NASTY)]).rescored(
        [1.0], "raw", by=NASTY, notes=[{NASTY: NASTY}]
    )
    html = shown(ranking.with_event(NASTY, "kind", NASTY))
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert html.count("&quot;quoted&quot;") == 8


def test_its_size_is_bounded() -> None:
    texts = [Candidate(str(i) * 500, "word " * 10_000) for i in range(100)]
    ranking = Ranking.of("q " * 9000, texts)
    for _ in range(50):
        ranking = ranking.rescored(
            [1.0] * 100, "raw", by="s" * 900, notes=[{str(k): "v" * 900 for k in range(50)}] * 100
        ).with_event("s", "kind", "m" * 9000)
    html = shown(ranking)
    assert html.count("<tr>") == ROWS + 1
    assert f"and {100 - ROWS} more candidates" in html
    assert f"and {50 - HTML_EVENTS} more events" in html
    assert len(html) < 300_000


def test_nothing_left_is_said() -> None:
    html = shown(Ranking("q", (), "probability").with_event("p>=0.5", "dropped", "3 of 3 dropped"))
    assert "(0 candidates, probability)" in html
    assert "p&gt;=0.5: 3 of 3 dropped" in html


def test_it_is_loaded_when_something_is_shown() -> None:
    code = (
        "import sys, secondpass.core.ranking;"
        "assert 'secondpass.core.ranking_display' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
