"""The speed benchmark: arithmetic, tables, and runs of contenders without a model."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ir_measures")
pytest.importorskip("matplotlib")

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Imports from benchmarks/."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return import_module


@pytest.fixture
def arena(modules: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """An arena of contenders that count words, each with the way in which it fails ("" for
    not), over made-up texts."""
    made: list[Any] = []

    def of(fails: dict[str, str], **limits: Any) -> Any:
        contender = modules("speed.contender").Contender
        source = modules("speed.source").random_source(
            ["ant", "bee", "cat", "dog", "elk"], 12, queries=4
        )
        workloads = modules("speed.workloads").build(source, modules("speed.sizes").QUICK, Words())
        texts = tmp_path / "texts.json"
        texts.write_text(json.dumps(workloads))
        needs = {"missing": ("no_such_module",)}
        arena = modules("speed.arena").Arena(
            contenders=[
                contender(name, "hashing", "own", {"fails": how}, needs.get(how, ()), "Get it.")
                for name, how in fails.items()
            ],
            folders={}, texts=texts, workloads=workloads, source=source, scratch=tmp_path,
            threads=1, pythons={}, extra={}, **{"seconds": 60, "most_mb": 4000} | limits,
            tell=lambda line: None,
        )  # fmt: skip
        made.append(arena)
        return arena

    yield of
    for one in made:
        one.close()


class Words:
    """Counts words where the benchmark counts tokens."""

    def lengths(self, query: str, texts: Any) -> list[int]:
        return [len(query.split()) + len(text.split()) for text in texts]


def test_a_ratio_is_the_median_of_ratios_within_rounds(modules: Any) -> None:
    ratio = modules("rounds").ratio_of_rounds
    # the second round was slow for both: the ratio of medians would be 3, that of rounds is 2
    assert ratio([20, 6, 30], [10, 3, 10]) == 2
    assert ratio([], [1.0]) is None
    assert ratio([1.0], [0.0]) is None


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.95, 95), (1.0, 100), (0.0, 1)])
def test_percentiles_are_nearest_ranks(modules: Any, share: float, expected: int) -> None:
    assert modules("rounds").percentile(list(range(100, 0, -1)), share) == expected


def test_the_spread_is_of_the_highest(modules: Any) -> None:
    assert modules("rounds").spread([90, 100, 85]) == pytest.approx(0.15)


def test_operations_of_a_token_are_those_of_minilm(modules: Any) -> None:
    each = modules("speed.reach").operations_per_token(6, 384, 1536, 0)
    assert each == 6 * 2 * (4 * 384**2 + 2 * 384 * 1536) == 21_233_664
    with_attention = modules("speed.reach").operations_per_token(6, 384, 1536, 100)
    assert with_attention - each == 6 * 4 * 100 * 384


def test_overlapping_work_counts_once(modules: Any) -> None:
    union = modules("speed.overhead").union
    assert union([(5, 6), (0, 2), (1, 3), (1, 2)]) == 4
    assert union([]) == 0


def test_long_documents_have_the_lengths_promised(modules: Any, arena: Any) -> None:
    lists = arena({"one": ""}).workloads["long"]
    words = sorted(len(text.split()) for text in lists[0]["texts"])
    assert (words[0], words[-1]) == (10, 2000)
    assert lists[0]["texts"] != lists[1]["texts"]


def test_a_round_of_two_contenders(modules: Any, arena: Any) -> None:
    both = arena({"one": "", "two": ""})
    sizes = modules("speed.sizes").QUICK
    parts = modules("speed.parts.all").PARTS
    done = {name: parts[name](both, sizes) for name in ("short", "ten", "thousand", "eight")}
    for part in done.values():
        assert list(part["rows"]) == ["one", "two"]
    assert len(done["short"]["rows"]["one"]["rounds"]) == 3
    assert done["short"]["rows"]["one"]["ndcg"] is None
    assert done["ten"]["rows"]["two"]["p50_ms"] <= done["ten"]["rows"]["two"]["p95_ms"]
    memory = done["thousand"]["rows"]["one"]
    assert 1 < memory["loaded_mb"] <= memory["tenth_mb"] <= memory["all_mb"]
    assert done["eight"]["rows"]["one"]["way"] in ("in turn", "threads")


def test_cold_starts_are_new_processes(modules: Any, arena: Any) -> None:
    both = arena({"one": "", "two": ""})
    done = modules("speed.parts.fresh").cold(both, modules("speed.sizes").QUICK)
    assert done["rows"]["one"]["first_s"] > done["rows"]["one"]["import_s"]
    assert not both.workers


@pytest.mark.parametrize(
    ("how", "reason"),
    [("raises", "ValueError: no such shape"), ("dies", "ended with code 7")],
)
def test_a_failure_is_a_row_and_the_others_go_on(
    modules: Any, arena: Any, how: str, reason: str
) -> None:
    both = arena({"one": "", "two": how})
    done = modules("speed.cli").run("long", both, modules("speed.sizes").QUICK)
    assert list(done["rows"]) == ["one"]
    assert reason in done["failed"]["two"]


def test_what_hangs_is_killed(arena: Any) -> None:
    both = arena({"two": "hangs"}, seconds=0.5)
    who = both.contenders[0]
    assert both.ask(who, {"do": "rank", "workload": "ten", "lists": [0]}) is None
    assert "killed after" in both.failed["two"]
    assert both.present() == []


def test_what_takes_too_much_memory_is_killed(arena: Any) -> None:
    both = arena({"two": "hangs"}, most_mb=1)
    assert both.ask(both.contenders[0], {"do": "rank", "workload": "ten", "lists": [0]}) is None
    assert "MB of memory" in both.failed["two"]


@pytest.mark.parametrize("part", ["ten", "thousand"])
def test_what_is_not_installed_is_skipped_with_the_remedy(
    modules: Any, arena: Any, part: str
) -> None:
    both = arena({"one": "", "two": "missing"})
    done = modules("speed.parts.all").PARTS[part](both, modules("speed.sizes").QUICK)
    assert list(done["rows"]) == ["one"]
    assert both.absent == {"two": "not installed: no_such_module. Get it."}


def test_a_part_that_breaks_does_not_end_the_run(modules: Any, arena: Any) -> None:
    both = arena({"one": ""})
    both.workloads.pop("eight")
    done = modules("speed.cli").run("eight", both, modules("speed.sizes").QUICK)
    assert done["rows"] == {}
    assert "KeyError" in done["broken"]


ST, OURS, OWN = "sentence-transformers float32", "secondpass onnx int8", "secondpass builtin"


def results(**machine: Any) -> dict[str, Any]:
    about = {
        "kind": "vnni", "model": "tiny", "threads": 2, "processor": "a processor",
        "instructions": ["avx2"],
        "amx_switched_off": False, "system": "Linux", "load_average_at_start": 0.1, "quick": False,
    }  # fmt: skip

    def rate(rounds: list[float], ndcg: float) -> dict[str, Any]:
        return {"rounds": rounds, "pairs_per_second": rounds[0], "tokens_per_second": 1000,
                "ndcg": ndcg}  # fmt: skip

    short = {ST: rate([10, 10], 0.6), OURS: rate([40, 44], 0.597), OWN: rate([900, 900], 0.7)}
    whole = {"failed": {}, "seconds": 1.0}
    return {
        "command": "python benchmarks/speed", "machine": about | machine, "ours": [OURS, OWN],
        "own_weights": [OWN], "order": [ST, "FlashRank int8", OURS, OWN],
        "absent": {"FlashRank int8": "not installed: flashrank"}, "versions": {ST: {"torch": "2"}},
        "parts": {
            "short": {"rows": short, "candidates": "made-up", "queries": 2, "pairs": 20,
                      "ndcg_before": None, "tokens_per_pair": 50.0, "attended": 60.0, **whole},
            "limit": {"rows": {"torch float32": 1e11, "torch int8": 3e11, "onnxruntime int8": 4e11},
                      "notes": {}, "layers": 6, "width": 384, "inner": 1536, **whole},
            "adapters": {"rows": {"LangChain": {"ms": 2.5, "least_ms": 2.0}}, **whole},
        },
    }  # fmt: skip


def verdicts(modules: Any, of: dict[str, Any]) -> dict[str, bool | None]:
    return {t.what: t.met for t in modules("speed.targets").targets(of)}


def test_targets_are_judged_by_ours_with_the_same_weights(modules: Any) -> None:
    verdicts_by_target = verdicts(modules, results())
    assert (
        verdicts_by_target[f"at least 3x {ST}, short passages, equal nDCG@10, without AMX"] is True
    )
    assert (
        verdicts_by_target[f"at least 5x {ST}, short passages, equal nDCG@10"] is False
    )  # 4.2, not OWN's 90
    assert verdicts_by_target[f"at least 5x {ST}, long mixed documents, equal nDCG@10"] is None
    assert verdicts_by_target["LangChain adapter at most 2 ms for 100 nodes"] is False


def test_worse_quality_is_not_counted_as_speed(modules: Any) -> None:
    of = results()
    of["parts"]["short"]["rows"][OURS]["ndcg"] = 0.594
    verdicts_by_target = verdicts(modules, of)
    assert (
        verdicts_by_target[f"at least 3x {ST}, short passages, equal nDCG@10, without AMX"] is None
    )


def test_the_target_without_amx_needs_amx_off(modules: Any) -> None:
    what = f"at least 3x {ST}, short passages, equal nDCG@10, without AMX"
    assert verdicts(modules, results(instructions=["amx_bf16"]))[what] is None
    off = results(instructions=["amx_bf16"], amx_switched_off=True)
    assert verdicts(modules, off)[what] is True


def test_the_fraction_of_the_limit_is_of_the_rows_precision(modules: Any) -> None:
    by = {one.name: one for one in modules("speed.reach").shares_of_limit(results())}
    assert set(by) == {ST, OURS}
    assert by[OURS].limit_name == "onnxruntime int8"
    assert by[ST].share == pytest.approx(1000 * (21_233_664 + 6 * 4 * 60 * 384) / 1e11)


def test_the_page_and_the_plot(modules: Any, tmp_path: Path) -> None:
    of = results()
    page = modules("speed.page").render_page(of)
    assert f"| {OURS} | 40.0 | 4.20 |" in page
    assert "NOT met" in page
    assert "- FlashRank int8: skipped, not installed: flashrank" in page
    assert all(line.count("|") > 2 for line in page.splitlines() if line.startswith("|"))
    modules("speed.plot").draw_plot(of, tmp_path / "speed.png")
    assert (tmp_path / "speed.png").stat().st_size > 5000


@pytest.mark.parametrize(
    ("instructions", "kind"),
    [
        (["avx2", "avx512f", "avx512_vnni", "amx_bf16", "amx_int8"], "amx"),
        (["avx2", "avx_vnni"], "vnni"),
        (["avx2", "avx512f", "avx512_vnni", "avx512_bf16"], "bf16"),
        (["avx2", "avx512f"], "avx512"),
        (["avx2"], "avx2"),
        ([], "other"),
    ],
)
def test_the_kind_of_a_processor(modules: Any, instructions: list[str], kind: str) -> None:
    machine = modules("speed.machine")
    assert machine.kind_of(instructions) == kind
    assert machine.kind_of(instructions, without_amx=True) == ("vnni" if kind == "amx" else kind)


def test_kinds_of_processors_stand_side_by_side(modules: Any, arena: Any, tmp_path: Path) -> None:
    cli, kinds, one = modules("speed.cli"), modules("speed.kinds"), arena({"one": ""})
    for kind in ("avx2", "vnni"):
        of = results(kind=kind)
        cli.store(tmp_path, of["machine"], one, of["parts"])
    measured = [
        r | {"order": [ST, OURS, OWN], "own_weights": [OWN]} for r in kinds.stored_results(tmp_path)
    ]
    assert [r["machine"]["kind"] for r in measured] == ["vnni", "avx2"]
    page = kinds.render_kinds(measured)
    assert f"| {OURS} | 40 | 4.2 | 40 | 4.2 |" in page
    assert (
        "Not measured yet: with AMX; with VNNI and AVX-512 BF16; with AVX-512, without VNNI."
        in page
    )
    part = kinds.render_kind(measured[1], (tmp_path / "speed-avx2.md").read_text())
    assert part.startswith("## Processors with AVX2, without AVX-512 and VNNI")
    assert "\n### Targets" in part


def test_parts_merge_only_with_their_like(modules: Any, arena: Any, tmp_path: Path) -> None:
    cli, out = modules("speed.cli"), tmp_path / "out"
    about, one = results()["machine"], arena({"one": ""})
    part = {"rows": {}, "failed": {}, "seconds": 1.0}
    cli.store(out, about, one, {"cold": part})
    cli.store(out, about | {"load_average_at_start": 3.0}, one, {"adapters": part})
    assert set(json.loads((out / "speed-vnni.json").read_text())["parts"]) == {"cold", "adapters"}
    cli.store(out, about | {"threads": 4}, one, {"adapters": part})
    assert set(json.loads((out / "speed-vnni.json").read_text())["parts"]) == {"adapters"}


def test_every_contender_has_a_file_and_a_name_of_its_own(modules: Any) -> None:
    rows = modules("speed.roster").roster()
    assert len({row.name for row in rows}) == len(rows)
    for row in rows:
        assert (BENCHMARKS / f"speed/contenders/{row.kind}.py").is_file()
    filled = rows[-2].job({"int8": Path("weights")}, 2)
    assert filled["options"]["model"] == "openvino:weights"
