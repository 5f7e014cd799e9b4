"""Wrong keywords and wrong calls answer as well as wrong values do: with what to write instead."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

import secondpass as sp
from secondpass import JudgedQuery, Ranking, Score, Threshold, Top, WrongCallError, load, rerank
from secondpass.core.call_hints import hint_keywords, keyword_hint
from secondpass.testing import FakeScorer

STAGE: Any = Score(FakeScorer())
RANKING = Ranking.of("q", ["a", "b"])
DOCS = ["a", "b"]
call: Any = rerank
read: Any = load
cut: Any = Threshold

WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "rerank(top_n=)": (lambda: call("q", DOCS, top_n=3), r"rerank\(\).* 'top_n'; .*'top_k' here"),
    "rerank(k=)": (lambda: call("q", DOCS, k=3), "'top_k' here"),
    "rerank(at_least=)": (lambda: call("q", DOCS, at_least=0.5), "'threshold' here"),
    "rerank(score_threshold=)": (lambda: call("q", DOCS, score_threshold=0.5), "'threshold' here"),
    "rerank(documents=)": (lambda: call("q", documents=DOCS), "'docs' here"),
    "rerank(queries=)": (lambda: call(queries=["q"], docs=DOCS), "'query' here"),
    "rerank(model_name=)": (lambda: call("q", DOCS, model_name="builtin"), "'model' here"),
    "rerank(device=)": (lambda: call("q", DOCS, device="cpu"), r"model=load\(\.\.\.\)"),
    "rerank(modle=)": (lambda: call("q", DOCS, modle="builtin"), "'model' here"),
    "rerank(colour=)": (lambda: call("q", DOCS, colour=1), "it has query, docs, model, top_k"),
    "load(device=)": (lambda: read("builtin", device="cpu"), r'options=\{"device": \.\.\.\}'),
    "load(model_name=)": (lambda: read(model_name="builtin"), "'model' here"),
    "load(cache_dir=)": (lambda: read("builtin", cache_dir="x"), "'disk_cache' here"),
    "Threshold(threshold=)": (lambda: cut(threshold=0.5), r"Threshold\(\).*'at_least' here"),
    "Ranking.of(documents=)": (
        lambda: Ranking.of("q", documents=DOCS),  # type: ignore[call-arg]
        r"Ranking\.of\(\).*'docs' here",
    ),
    "Judged.of(labels=)": (
        lambda: JudgedQuery.of("q", DOCS, labels=[1, 0]),  # type: ignore[call-arg]
        "'relevant' here",
    ),
    "Top(top_k=)": (lambda: Top(top_k=3), r"Top\(\).*'k' here"),  # type: ignore[call-arg]
    "calibrated(labels=)": (
        lambda: sp.calibrated(STAGE, labels=[]),  # type: ignore[call-arg]
        "'judged' here",
    ),
    "stage(query, docs)": (lambda: STAGE("q", DOCS), r"Ranking\.of\(query, docs\), or call rerank"),
    "stage(query)": (lambda: STAGE("q"), r"Ranking\.of\(query, docs\), or call rerank"),
    "stage([ranking])": (lambda: STAGE([RANKING]), r"for several, stage\.run\(rankings\)"),
    "stage(documents)": (lambda: STAGE(["document"]), r"SecondPassRerank.*as_runnable\(\)"),
    "stage()": (STAGE, "one Ranking, got nothing"),
    "stage(docs=)": (lambda: STAGE(docs=RANKING), "one Ranking"),
    "stage | x": (lambda: STAGE | (lambda x: x), r"joined with >>, not \|.*as_runnable\(\)"),
    "x | stage": (lambda: {"query": 1} | STAGE, r"joined with >>, not \|.*as_runnable\(\)"),
}


@pytest.mark.parametrize(("use", "words"), WRONG.values(), ids=WRONG)
def test_a_wrong_call_says_what_to_write(use: Callable[[], object], words: str) -> None:
    with pytest.raises(WrongCallError, match=words) as caught:
        use()
    assert isinstance(caught.value, TypeError)
    assert isinstance(caught.value, sp.InvalidInputError)


async def test_asynchronous_calls_answer_too() -> None:
    with pytest.raises(WrongCallError, match="'top_k' here"):
        await sp.arerank("q", DOCS, top_n=3)  # type: ignore[call-overload]
    with pytest.raises(WrongCallError, match=r"or call rerank"):
        await STAGE.acall("q", DOCS)
    assert (await STAGE.acall(ranking=RANKING)).ids == ["0", "1"]


def test_right_calls_are_untouched() -> None:
    assert STAGE(RANKING).ids == STAGE(ranking=RANKING).ids
    assert list(inspect.signature(rerank).parameters)[:4] == ["query", "docs", "model", "top_k"]
    assert list(inspect.signature(Threshold).parameters) == ["at_least", "scale", "keep_at_least"]
    assert inspect.iscoroutinefunction(sp.arerank)
    assert inspect.iscoroutinefunction(STAGE.acall)


def test_a_python_type_error_of_the_function_itself_is_let_through() -> None:
    @hint_keywords()
    def broken(query: str) -> int:
        return len(None)  # type: ignore[arg-type]

    with pytest.raises(TypeError, match="NoneType"):
        broken("q")
    with pytest.raises(TypeError, match="missing 1 required"):
        broken()  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("unknown", "known", "meant"),
    [
        ("top_k", ["top_n", "model"], "top_n"),
        ("similarity_cutoff", ["threshold"], "threshold"),
        ("treshold", ["threshold"], "threshold"),
        ("colour", ["threshold"], None),
    ],
)
def test_adapters_ask_for_the_keyword_that_was_meant(
    unknown: str, known: list[str], meant: str | None
) -> None:
    assert keyword_hint(unknown, known) == meant
