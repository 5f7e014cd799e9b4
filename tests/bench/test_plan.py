"""The arithmetic of `secondpass plan`, against sums made by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass import InvalidInputError
from secondpass.bench.plan import XEON, Demand, UnitCosts, plan_scale, unit_costs
from secondpass.cli import app

COSTS = UnitCosts("a core", ((100.0, 100.0), (200.0, 50.0)), stored=1000.0, bytes_a_word=500.0)
DEMAND = Demand(
    requests_per_second=12, candidates=100, words=100, latency=1.25, corpus=10**9,
    usd_per_core_hour=0.05, usd_per_gb_month=0.1,
)  # fmt: skip


def test_the_sums_by_hand() -> None:
    read, stored = plan_scale(DEMAND, COSTS)
    # a core-second a request, 12 a second, 60 % busy: 20 cores; half a second of 2 cores at least
    assert (read.machines, read.cores, read.milliseconds) == (6, 4, 250.0)
    assert read.usd_per_month == pytest.approx(6 * 4 * 0.05 * 730)
    assert read.disk_gb == 0
    assert (stored.machines, stored.cores) == (2, 2)  # 2 cores, and a machine to spare
    assert stored.disk_gb == pytest.approx(10**9 * 100 * 500 * 2 / 1e9)
    assert stored.encode_core_hours == pytest.approx(10**9 / 100 / 3600)
    assert stored.usd_once == pytest.approx(stored.encode_core_hours * 0.05)


def test_more_of_anything_costs_no_less() -> None:
    before = plan_scale(DEMAND, COSTS)[0].usd_per_month
    for more in (
        replace(DEMAND, requests_per_second=1200),
        replace(DEMAND, candidates=150),
        replace(DEMAND, words=150),
        replace(DEMAND, latency=0.7),
    ):
        assert plan_scale(more, COSTS)[0].usd_per_month >= before
    many = plan_scale(replace(DEMAND, requests_per_second=12_000), COSTS)[0]
    assert many.machines * many.cores == pytest.approx(20_000, rel=0.01)


def test_what_no_machine_does_in_time_is_said() -> None:
    (plan,) = plan_scale(replace(DEMAND, latency=0.01, corpus=0), COSTS)
    assert plan.machines == 0
    assert "64 cores rerank 25 candidates in that time" in plan.limit


def test_rates_follow_the_measured_points() -> None:
    for words, rate in XEON.read:
        assert XEON.pairs_per_second(words) == pytest.approx(rate)
    assert COSTS.pairs_per_second(400) == pytest.approx(25)
    assert UnitCosts("", ((50.0, 10.0),), None, 0).pairs_per_second(100) == 5


def test_the_rates_of_bench(tmp_path: Path) -> None:
    file = tmp_path / "bench.json"
    workload = {"mean_words": 60.0, "pairs_per_second": 400.0}
    report = {"model": "m", "machine": "4 processors, Linux", "workloads": [workload]}
    file.write_text(json.dumps(report))
    assert unit_costs(file).read == ((60.0, 100.0),)
    for wrong in ("{}", "no json", "[]", json.dumps({**report, "workloads": []})):
        file.write_text(wrong)
        with pytest.raises(InvalidInputError, match="is not what `secondpass bench --json` prints"):
            unit_costs(file)
    with pytest.raises(InvalidInputError, match=r"cannot read .*: No such file"):
        unit_costs(tmp_path / "none.json")


def test_the_command() -> None:
    words = ["plan", "--requests-per-second", "10000", "--corpus", "1000000000"]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0
    assert "vectors stored" in done.output
    assert "Xeon" in done.output
    plans = json.loads(CliRunner().invoke(app, [*words, "--json"]).output)["plans"]
    ways = ["each text read", "vectors stored", "vectors stored small"]
    assert [plan["way"] for plan in plans] == ways
    assert plans[2]["disk_gb"] < plans[1]["disk_gb"] / 3
