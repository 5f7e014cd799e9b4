"""The kit for adapters: the page's example passes it, and what is broken does not."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar
from unittest import SkipTest

import pytest

from secondpass import Ranking
from secondpass.core.ranking_details import METADATA_KEY
from secondpass.testing.adapter_kit import AdapterContract

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/your-own.md").read_text(encoding="utf-8")


def _example() -> dict[str, Any]:
    section = PAGE.partition("## An adapter for a framework\n")[2].partition("\n## ")[0]
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    exec(compile(block, "docs/your-own.md", "exec"), names)
    return names


EXAMPLE = _example()
Rows: Any = EXAMPLE["RowReranker"]
Contract: Any = EXAMPLE["TestContract"]
TESTS = sorted(name for name in dir(AdapterContract) if name.startswith("test_"))


def _outcome(contract: type, test: str) -> str:
    try:
        getattr(contract(), test)()
    except SkipTest as reason:
        return f"skipped: {reason}"
    except Exception as error:
        return f"failed: {error!r}"
    return "passed"


@pytest.mark.parametrize("test", TESTS)
def test_the_pages_example_passes(test: str) -> None:
    outcome = _outcome(Contract, test)
    assert outcome == "passed" or outcome.startswith("skipped: without "), outcome


def test_what_is_skipped_shows_the_reason() -> None:
    outcomes = {_outcome(Contract, test) for test in TESTS}
    assert "skipped: without tracing: there is no tracer" in outcomes
    assert sum(outcome.startswith("skipped") for outcome in outcomes) == len(Contract.without)


def test_an_ability_that_does_not_exist_is_told() -> None:
    class Typo(Contract):  # type: ignore[misc]
        without: ClassVar = {"asynch": "no"}

    assert "asynch" in _outcome(Typo, "test_async_gives_the_same")


def _loses(self: Any, query: str, rows: Any) -> Any:
    return Rows.rerank(self, query, [*{row["text"]: row for row in rows}.values()])


def _mutates(self: Any, query: str, rows: Any) -> Any:
    done = Rows.rerank(self, query, rows)
    rows[:] = done
    return done


def _shares(self: Any, query: str, rows: Any) -> Any:
    done = Rows.rerank(self, query, rows)
    for row in done:
        row[METADATA_KEY]["events"] = done[0][METADATA_KEY]["events"]
        row[METADATA_KEY]["events"].append({"stage": "", "kind": "", "message": ""})
    return done


def _keeps_the_old_score(self: Any, query: str, rows: Any) -> Any:
    done = Rows.rerank(self, query, rows)
    old = {row["text"]: row["score"] for row in rows}
    return [{**row, "score": old[row["text"]] or row["score"]} for row in done]


def _numpy(self: Any, query: str, rows: Any) -> Any:
    import numpy as np

    done = Rows.rerank(self, query, rows)
    return [{**r, "score": None if r["score"] is None else np.float32(r["score"])} for r in done]


def _swallows(self: Any, query: str, rows: Any) -> Any:
    try:
        return Rows.rerank(self, query, rows)
    except Exception:
        return rows


async def _blocks(self: Any, query: str, rows: Any) -> Any:
    self.rerank(query, rows)  # on the loop
    return await Rows.arerank(self, query, rows)


async def _in_a_thread(self: Any, query: str, rows: Any) -> Any:
    import asyncio

    return await asyncio.to_thread(self.rerank, query, rows)


def _cuts_first(self: Any, query: str, rows: Any) -> Any:
    stages = list(self.stage)
    cuts = [stage for stage in stages if type(stage).__name__ in ("Threshold", "Top")]
    ranking: Ranking = self._ranking(query, rows)
    for stage in [*(s for s in stages if s not in cuts), *reversed(cuts)]:
        ranking = stage(ranking)
    return self._back(ranking)


BROKEN: list[tuple[Callable[..., Any], str]] = [
    (_loses, "test_equal_documents_stay_apart"),
    (_mutates, "test_what_goes_in_is_untouched"),
    (_shares, "test_no_two_documents_share_what_is_written"),
    (_keeps_the_old_score, "test_an_order_has_no_scores"),
    (_numpy, "test_scores_are_plain_floats"),
    (_swallows, "test_what_the_model_raises_comes_through"),
    (_swallows, "test_scores_that_are_no_numbers_are_errors"),
    (_in_a_thread, "test_async_waits_on_the_callers_loop"),
    (_cuts_first, "test_the_threshold_comes_before_the_cut"),
]


@pytest.mark.parametrize(("way", "test"), BROKEN, ids=lambda one: getattr(one, "__name__", one))
def test_a_broken_adapter_is_found(way: Callable[..., Any], test: str) -> None:
    name = "arerank" if way in (_blocks, _in_a_thread) else "rerank"
    broken = type("Broken", (Rows,), {name: way})

    class TestBroken(Contract):  # type: ignore[misc]
        adapter = broken

    assert _outcome(TestBroken, test).startswith("failed"), "it passed"


def test_a_blocked_loop_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secondpass.testing.adapter_kit.asynchronous.HANG", 0.05)
    broken = type("Broken", (Rows,), {"arerank": _blocks})

    class TestBroken(Contract):  # type: ignore[misc]
        adapter = broken

    outcome = _outcome(TestBroken, "test_a_model_that_computes_leaves_the_loop_free")
    assert outcome.startswith("failed"), "it passed"


def test_importing_the_kit_needs_no_pytest_and_no_numpy() -> None:
    code = (
        "import sys, secondpass.testing.adapter_kit as kit; "
        "print([m for m in ('pytest', '_pytest', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
