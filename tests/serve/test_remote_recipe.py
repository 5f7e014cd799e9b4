"""Our own service as a model of the library: nothing is lost on the way."""

from __future__ import annotations

from typing import Any

import pytest

from secondpass import Candidate, InvalidInputError, Ranking, Threshold, load
from secondpass.models.remote import RemoteError

pytestmark = pytest.mark.enable_socket
DOCUMENTS = ["Cats sleep all day.", "Goethe wrote the play Faust.", "Rust never sleeps."]


def test_it_gives_what_the_recipe_gives_here(service: Any) -> None:
    asked = Ranking.of(
        "who wrote Faust?", [Candidate(f"id{i}", t) for i, t in enumerate(DOCUMENTS)]
    )
    remote, here = load(f"secondpass:{service.url}")(asked), load("builtin")(asked)
    assert (remote.ids, remote.scale, remote.status) == (here.ids, "probability", "complete")
    assert remote.scores == pytest.approx(here.scores, abs=1e-6)
    assert remote.indices == here.indices
    assert [m.stage for m in remote[0].trail] == [m.stage for m in here[0].trail]
    assert (load(f"secondpass:{service.url}") >> Threshold(0.5))(asked).ids == ["id1"]


def test_a_recipe_by_name_and_its_events(service: Any) -> None:
    asked = Ranking.of("who wrote Faust?", DOCUMENTS)
    cut = load(f"secondpass:{service.url}#cut")(asked)
    assert cut.ids == ["1"]
    assert "dropped" in {event.kind for event in cut.events}
    with pytest.raises(RemoteError, match="there is no model 'nope'"):
        load(f"secondpass:{service.url}#nope")(asked)
    assert len(load(f"secondpass:{service.url}")(Ranking.of("q", []))) == 0


def test_a_deadline_goes_along(service: Any) -> None:
    stage = load(f"secondpass:{service.url}").within(0.02)
    ranking = stage(Ranking.of("q", ["word " * 400 + str(i) for i in range(100)]))
    assert ranking.status == "partial"
    assert len(ranking) == 100


def test_wrong_calls(service: Any) -> None:
    asked = Ranking.of("q", ["x"] * 101)
    with pytest.raises(RemoteError, match="at most 100"):
        load(f"secondpass:{service.url}")(asked)
    with pytest.raises(InvalidInputError, match="url"):
        load("secondpass:nowhere")
    with pytest.raises(Exception, match="HOST:PORT"):
        load("secondpass")
