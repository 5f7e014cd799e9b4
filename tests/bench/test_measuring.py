from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import InvalidInputError, ModelError, Recipe, Score, load
from secondpass.bench import (
    ColdStart,
    Latency,
    Setting,
    SettingsTried,
    builtin_workloads,
    measure,
    measure_cold_start,
    read_texts,
)
from secondpass.bench._measure import candidates_within
from secondpass.bench.autotune import settings_to_try
from secondpass.cli import app
from secondpass.core.recipe.parts import omitted_arguments
from secondpass.stages import Pair
from secondpass.testing import FakeScorer


class Clocked:
    """A scorer that takes 5 ms a call and 1 ms a pair, on a clock of its own."""

    name = "clocked"

    def __init__(self) -> None:
        self.now = 0.0
        self.seen: list[Pair] = []

    def clock(self) -> float:
        return self.now

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        self.now += 0.005 + 0.001 * len(pairs)
        self.seen += pairs
        return [0.0] * len(pairs)


def test_latency_rate_and_what_fits_on_a_fake_clock() -> None:
    scorer = Clocked()
    steps: list[tuple[int, int]] = []
    speed = measure(
        Score(scorer), depths=(10, 1, 100), budget=0.0505, seconds=0.5, launch=None, settings=(),
        clock=scorer.clock, on_progress=lambda done, total: steps.append((done, total)),
    )  # fmt: skip
    short, long = speed.workloads
    assert (short.name, long.name) == ("short", "long")
    assert [p.depth for p in short.latencies] == [1, 10, 100]
    assert [p.p50 for p in short.latencies] == pytest.approx([0.006, 0.015, 0.105])
    assert {p.runs for p in short.latencies} == {4}  # half a second is over in the fourth round
    assert short.pairs_per_second == pytest.approx(100 / 0.105)
    assert (short.fits, short.or_more) == (45, False)
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    assert speed.settings is None
    assert speed.cold_start is None
    assert json.loads(json.dumps(speed.to_dict()))["workloads"][0]["fits"] == 45
    assert "45 candidates fit into 50 ms" in str(speed)


def test_no_pair_comes_twice_so_caches_are_not_what_is_timed() -> None:
    scorer = Clocked()
    measure(Score(scorer), depths=(1, 10), seconds=0, launch=None, settings=(), clock=scorer.clock)
    assert len(scorer.seen) == len(set(scorer.seen))


@pytest.mark.parametrize(
    ("budget", "expected"),
    [(0.005, (5, False)), (0.01, (10, False)), (0.02, (15, False)), (0.03, (20, True)),
     (9.0, (20, True))],
)  # fmt: skip
def test_what_fits_lies_on_lines_between_depths(budget: float, expected: tuple[int, bool]) -> None:
    points = [Latency(10, 0.0, 0.01, 3), Latency(20, 0.0, 0.03, 3)]
    assert candidates_within(points, budget) == expected


def test_a_dip_between_depths_does_not_count_as_room() -> None:
    points = [Latency(10, 0.1, 0.3, 3), Latency(20, 0.1, 0.1, 3)]
    assert candidates_within(points, 0.2) == (6, False)


def test_settings_are_tried_by_building_the_stage_anew() -> None:
    ticks = iter(range(10_000))
    speed = measure(
        load("builtin"), {"texts": ["a few words here"] * 4}, depths=(2,), seconds=0, launch=None,
        settings=[{"token_budget": 64, "threads": 1}, {"token_budget": 128, "threads": 1}],
        clock=lambda: float(next(ticks)),
    )  # fmt: skip
    assert speed.settings is not None
    assert speed.settings.current.options == {"token_budget": 512, "threads": None}
    assert [s.options["token_budget"] for s in speed.settings.tried] == [64, 128]
    assert speed.settings.best is speed.settings.current  # all took one tick
    assert "as fast as any" in str(speed)


def test_the_best_setting_must_be_faster_by_more_than_noise() -> None:
    now = Setting({"token_budget": 1024}, 100.0)
    slightly, clearly = Setting({"token_budget": 1}, 104.0), Setting({"token_budget": 2}, 120.0)
    assert SettingsTried(now, (slightly,)).best is now
    assert SettingsTried(now, (slightly, clearly)).best is clearly
    assert settings_to_try(1)[0]["threads"] == 1
    assert {s["threads"] for s in settings_to_try(8)} == {8, 4, 1}


def test_what_cannot_be_tried_is_noted() -> None:
    scorer = Clocked()
    speed = measure(
        Score(FakeScorer()), {"texts": ["a", "b"]}, depths=(3,), seconds=0, clock=scorer.clock
    )
    assert speed.settings is None
    assert speed.cold_start is None
    said = "\n".join(speed.notes)
    assert "no other setting was tried" in said
    assert "no new process was started" in said
    assert "texts has 2 texts" in said
    plain = measure("bm25", {"texts": ["a"]}, depths=(1,), seconds=0, launch=None)
    assert plain.notes == ("no other setting was tried: the model has no token_budget",)


def test_settings_are_tried_with_what_no_recipe_holds(tmp_path: Path) -> None:
    stage = load("builtin:raw", options={"vectors": tmp_path / "v.db", "threads": 1})
    speed = measure(
        stage,
        {"texts": ["dogs bark", "cats purr"]},
        depths=(2,),
        seconds=0,
        settings=[{"token_budget": 256, "threads": 1}],
        launch=lambda *_: pytest.fail("the new process would have no vectors"),
    )
    assert speed.settings is not None
    assert len(speed.settings.tried) == 1
    assert speed.notes[-1].endswith("no recipe may hold pipeline.scorer.vectors")
    assert omitted_arguments(stage) == {"pipeline.scorer.vectors": str(tmp_path / "v.db")}


def test_a_new_process_really_starts() -> None:
    recipe = Recipe.of(load("bm25")).to_dict()
    cold = measure_cold_start(recipe, "dogs", ["dogs bark", "cats purr"])
    assert 0 < cold.import_seconds < cold.first_result_seconds
    assert cold.peak_mb is None or cold.peak_mb > 5
    recipe["pipeline"]["type"] = "Nothing"
    with pytest.raises(ModelError, match=r"new process: .*Nothing"):
        measure_cold_start(recipe, "dogs", ["dogs bark"])


def test_the_launcher_gets_the_deepest_list_of_the_longest_texts() -> None:
    got: list[list[str]] = []

    def launch(recipe: object, query: str, texts: Sequence[str]) -> ColdStart:
        got.append(list(texts))
        return ColdStart(0.01, 0.5, 120.0)

    texts = {"short": ["a", "b"], "long": ["c d e f", "g h i j"]}
    speed = measure("bm25", texts, depths=(1, 2), seconds=0, settings=(), launch=launch)
    assert got == [["c d e f", "g h i j"]]
    assert "import 10 ms, first result after 500 ms; at most 120 MB" in str(speed)


def test_builtin_workloads_are_the_same_everywhere_and_of_the_lengths_they_say() -> None:
    some = builtin_workloads(5)
    assert some == builtin_workloads(5)
    assert {len(t.split()) for t in some["short"]} == {60}
    assert {len(t.split()) for t in some["long"]} == {350}
    assert len(set(some["long"])) == 5


def test_texts_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "texts.jsonl"
    path.write_text('plain text\n\n"a string"\n{"id": 3, "text": "an object"}\n', encoding="utf-8")
    assert read_texts(path) == ["plain text", "a string", "an object"]
    for content, message in (
        ("", "has no text"), ("{", "line 1 is not JSON"), ('{"a": 1}', "no field 'text'"),
    ):  # fmt: skip
        path.write_text(content)
        with pytest.raises(InvalidInputError, match=message):
            read_texts(path)
    with pytest.raises(InvalidInputError, match="cannot read"):
        read_texts(tmp_path / "none")


def test_bad_arguments() -> None:
    for bad in ({"depths": ()}, {"depths": (0,)}, {"budget": 0.0}, {"seconds": -1.0}):
        with pytest.raises(InvalidInputError, match="depths are 1 or more"):
            measure("bm25", launch=None, **bad)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="no text"):
        measure("bm25", {"texts": []}, launch=None)
    with pytest.raises(InvalidInputError, match="speed: settings are made of"):
        measure("bm25", {"texts": ["a"]}, settings=[{"speed": 1}], launch=None)


def test_the_command_with_the_builtin_model(tmp_path: Path) -> None:
    path = tmp_path / "texts.txt"
    path.write_text("dogs bark\ncats purr\nbirds sing\n")
    runner = CliRunner()
    common = ["bench", "builtin", "--texts", str(path), "--depths", "1,3", "--seconds", "0"]
    done = runner.invoke(app, [*common, "--no-settings", "--no-cold-start", "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert said["model"].startswith("builtin@")
    assert [p["depth"] for p in said["workloads"][0]["latencies"]] == [1, 3]
    assert said["workloads"][0]["pairs_per_second"] > 0
    plain = runner.invoke(app, [*common[:3], str(path), "--depths", "1", "--seconds", "0",
                                "--no-settings", "--no-cold-start"])  # fmt: skip
    assert "pairs per second" in plain.stdout
    bad = runner.invoke(app, ["bench", "builtin", "--depths", "many"])
    assert isinstance(bad.exception, InvalidInputError)
