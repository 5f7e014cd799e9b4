"""The same jobs on a real Ray, on this machine: equal results, and an actor that is killed."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from secondpass import Ranking, load
from secondpass.serve.batch import rerank_parquet
from secondpass.serve.batch.ray_pool import pool_size

ROWS = 96
needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None or not Path("/proc/self/stat").exists(),
    reason="needs ray, and finds its processes as Linux lists them",
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("in") / "pairs.parquet"
    words = "honey Faust rust sleep bridges tides glass bread silk salt".split()  # noqa: SIM905
    table = pa.table(
        {
            "query": [f"what is said of {words[i % 10]}?" for i in range(ROWS)],
            "text": [
                f"Chapter {i} is about {words[i * 7 % 10]}." * (1 + i % 20) for i in range(ROWS)
            ],
            "row": list(range(ROWS)),
        }
    )
    pq.write_table(table, path, row_group_size=40)
    return path


@pytest.fixture(scope="module")
def alone(source: Path) -> pa.Table:
    """The result of one process."""
    rerank_parquet(source, source.with_name("alone.parquet"), threads=1, rows_per_part=8)
    return pq.read_table(source.with_name("alone.parquet"))


@pytest.fixture(scope="module")
def on_ray(source: Path, run_on_ray: Callable[..., dict[str, Any]]) -> dict[str, Any]:
    """What `on_ray.py` says."""
    return run_on_ray(Path(__file__).with_name("on_ray.py"), source)


def check_equal(path: Path, alone: pa.Table) -> None:
    table = pq.read_table(path)
    numbers = ["score", "probability"]
    assert table.drop_columns(numbers).equals(alone.drop_columns(numbers))
    for column in numbers:
        assert table[column].to_pylist() == pytest.approx(alone[column].to_pylist(), abs=1e-6)


@needs_ray
@pytest.mark.slow
def test_ray_gives_what_one_process_gives(
    source: Path, alone: pa.Table, on_ray: dict[str, Any]
) -> None:
    assert on_ray["actors"] == 1  # by its rate: this is seconds of work
    assert on_ray["progress"][0] == [0, ROWS]
    assert on_ray["progress"][-1] == [ROWS, ROWS]
    check_equal(source.with_name("ray.parquet"), alone)


@needs_ray
@pytest.mark.slow
def test_an_actor_that_is_killed_loses_nothing(
    source: Path, alone: pa.Table, on_ray: dict[str, Any]
) -> None:
    assert on_ray["killed"] == 1
    check_equal(source.with_name("killed.parquet"), alone)


@needs_ray
@pytest.mark.slow
def test_map_batches_takes_the_class_itself(alone: pa.Table, on_ray: dict[str, Any]) -> None:
    scores = [on_ray["scores"][str(row)] for row in range(ROWS)]
    assert scores == pytest.approx(alone["score"].to_pylist(), abs=1e-6)


@needs_ray
@pytest.mark.slow
def test_a_corpus_is_encoded_by_several_actors(source: Path, on_ray: dict[str, Any]) -> None:
    assert on_ray["encoded"] == ROWS
    texts = pq.read_table(source)["text"].to_pylist()
    split = load(f"builtin-split:{source.with_name('corpus.vectors')}")
    ranking = split(Ranking.of("honey", texts))
    assert all(candidate.trail[0].note.get("stored") for candidate in ranking)


@needs_ray
@pytest.mark.slow
def test_what_does_not_fit_into_the_cluster_says_so(on_ray: dict[str, Any]) -> None:
    assert "an actor of 64 CPUs and 0 GPUs does not fit: the cluster has 2 CPUs" in on_ray["large"]
    assert "room for 2" in on_ray["many"]


def test_as_many_actors_as_the_work_is_worth() -> None:
    assert pool_size(100, rate=300, room=8, parts=50) == 1
    assert pool_size(30_000, rate=300, room=8, parts=50) == 5
    assert pool_size(10**9, rate=300, room=8, parts=50) == 8
    assert pool_size(10**9, rate=300, room=800, parts=50) == 50
    assert pool_size(0, rate=0, room=8, parts=1) == 1
