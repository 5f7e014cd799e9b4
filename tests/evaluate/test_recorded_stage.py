from __future__ import annotations

import pytest

from secondpass import InvalidInputError, Ranking, Score, Top
from secondpass.evaluate import Collection, RecordedStage
from secondpass.testing import FakeScorer


def test_it_gives_what_the_stage_gave_without_running_it(plants: Collection) -> None:
    scorer = FakeScorer()
    stage = Score(scorer)
    recorded = RecordedStage.of(stage, plants.rankings)
    calls = len(scorer.calls)
    assert recorded.run(plants.rankings[::-1]) == recorded.run(plants.rankings)[::-1]
    assert len(scorer.calls) == calls
    assert recorded.run(plants.rankings) == stage.run(plants.rankings)
    assert (recorded.name, recorded.origin) == (stage.name, stage.origin)
    assert RecordedStage.of(Top(3), plants.rankings).origin is None


def test_queries_of_the_same_text_are_told_apart_by_their_candidates() -> None:
    short, long = Ranking.of("q", ["a"]), Ranking.of("q", ["a", "b"])
    recorded = RecordedStage("stage", [short, long], [long, short], origin="stage")
    assert recorded.run([short, long, short]) == [long, short, long]


def test_what_was_not_recorded_is_an_error(plants: Collection) -> None:
    recorded = RecordedStage.of(Score(FakeScorer()), plants.rankings)
    with pytest.raises(InvalidInputError, match="recorded for the query 'plant0' with these 7"):
        recorded(plants[0].ranking.head(7))
