"""Lists that calibrators are fitted on: what is relevant in each kind, and that parts are apart."""

from __future__ import annotations

from collections import defaultdict
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("bm25s")

TRAINING = Path(__file__).parents[2] / "training"
SUBJECTS = ("tides", "bees", "glass", "bread", "wind", "chess")


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TRAINING))
    return import_module


@pytest.fixture
def rows(modules: Any) -> Any:
    """Articles about a subject, each of eight numbered passages with a question to each."""
    pairs = modules("pairs")
    made = []
    for article in range(80):
        subject = SUBJECTS[article % len(SUBJECTS)]
        for n in range(8):
            text = f"Of {subject} one thing is known, fact {n} of article {article}, at length."
            query = f"what is fact {n} of article {article} on {subject}"
            made.append(pairs.Row(query, text, "squad-sent", f"wiki:{article}"))
    return made


def test_each_kind_of_list_has_its_own_idea_of_what_is_relevant(modules: Any, rows: Any) -> None:
    pairs, lists = modules("pairs"), modules("calibration_lists")
    groups = {row.positive: row.group for row in rows}
    own = defaultdict(set)
    for row in rows:
        own[row.query].add(row.positive)
    made = lists.make_lists(rows, [], pairs.FIT, 5)
    assert {one.kind for one in made} == {"answer", "pool", "topic"}
    for one in made:
        ranking, relevant = one.judged.ranking, one.judged.relevant
        assert 1 < len(ranking) <= lists.DEPTH
        texts = {c.text: c.id in relevant for c in ranking}
        if one.kind == "topic":
            group = {groups[text] for text, label in texts.items() if label}
            assert len(group) <= 1
            assert all(label == (groups[text] in group) for text, label in texts.items())
            assert ranking.query not in texts
        else:
            assert {text for text, label in texts.items() if label} <= own[ranking.query]
        if one.kind == "pool":
            assert len({groups[text] for text in texts}) == 1


def test_parts_share_no_query_and_fewer_are_the_first_of_more(modules: Any, rows: Any) -> None:
    pairs, lists = modules("pairs"), modules("calibration_lists")
    fit = lists.make_lists(rows, [], pairs.FIT, 4)
    queries = {one.judged.ranking.query for one in fit}
    measured = lists.make_lists(rows, [], pairs.MEASURE, 4)
    assert not queries & {one.judged.ranking.query for one in measured}
    fewer = {one.judged.ranking.query for one in lists.make_lists(rows, [], pairs.FIT, 2)}
    assert fewer < queries
    assert fit == lists.make_lists(rows, [], pairs.FIT, 4)
