"""The deployment for Ray Serve on a real one, on this machine: the same dialects and numbers."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secondpass import Ranking, load

QUERY = "who wrote Faust?"
DOCUMENTS = ["Cats sleep all day.", "Goethe wrote the play Faust.", "Rust never sleeps."]


def has_ray_serve() -> bool:
    try:
        return importlib.util.find_spec("ray.serve") is not None
    except ModuleNotFoundError:
        return False


pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not has_ray_serve() or not Path("/proc/self/stat").exists(),
        reason='needs pip install "ray[serve]", and finds its processes as Linux lists them',
    ),
]


@pytest.fixture(scope="module")
def said(run_on_ray: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What `on_ray_serve.py` was answered."""
    recipes = {"builtin": "builtin", "rerank-v3.5": "builtin"}
    return run_on_ray(
        Path(__file__).with_name("on_ray_serve.py"),
        SECONDPASS_SERVE_RECIPES=json.dumps(recipes),
        REPLICA_CPUS="1",
        MAX_REPLICAS="1",
    )


def test_each_dialect_gives_the_librarys_numbers(said: dict[str, Any]) -> None:
    ranking = load("builtin")(Ranking.of(QUERY, DOCUMENTS))
    expected = dict(zip(ranking.indices, ranking.scores, strict=True))
    assert said["ready"] == 200
    status, headers, own = said["own"]
    assert (status, own["scale"], headers["secondpass-scale"]) == (
        200,
        "probability",
        "probability",
    )
    found = {
        "own": {c["position"]: c["probability"] for c in own["candidates"]},
        "cohere": {r["index"]: r["relevance_score"] for r in said["cohere"][2]["results"]},
        "jina": {r["index"]: r["relevance_score"] for r in said["jina"][2]["results"]},
        "tei": {r["index"]: r["score"] for r in said["tei"][2]},
        "score": {r["index"]: r["score"] for r in said["score"][2]["data"]},
    }
    assert len(found["cohere"]) == 2
    for name, scores in found.items():
        assert scores == pytest.approx({i: expected[i] for i in scores}, abs=1e-6), name
        assert name == "cohere" or scores.keys() == expected.keys(), name


def test_mistakes_deadlines_and_metrics_are_those_of_the_service(said: dict[str, Any]) -> None:
    assert (said["unknown"][0], "no model 'no such'" in said["unknown"][2]["message"]) == (
        404,
        True,
    )
    assert (said["malformed"][0], "query" in said["malformed"][2]["message"]) == (422, True)
    status, headers, hurried = said["hurried"]
    assert (status, hurried["status"], headers["secondpass-status"]) == (200, "partial", "partial")
    assert len(hurried["candidates"]) == 200
    assert 'secondpass_requests_total{path="/v2/rerank",status="200"} 1.0' in said["metrics"]


def test_a_replica_that_is_killed_is_replaced_and_no_answer_is_wrong(said: dict[str, Any]) -> None:
    assert said["replicas"] == {"RUNNING": 1}
    assert said["killed"] > 0
    expected = load("builtin")(Ranking.of(QUERY, DOCUMENTS)).ids
    right = [ids for status, ids in said["around"] if status == 200]
    assert all(ids == expected for ids in right)
    assert len(right) >= 10
    # while there is no replica Ray says so, or breaks the connection; nothing else is answered
    assert {status for status, _ in said["around"]} <= {200, 0, 500, 503}
