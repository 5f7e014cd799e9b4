"""What the tests of Haystack's own rankers (cohere-haystack 11.0, jina-haystack 2.0,
huggingface-api-haystack 3.1) hold of theirs, asked of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from haystack import Document
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
from haystack_integrations.components.rankers.secondpass.documents import ranking_of

from secondpass import Calibrate, Platt, Score, Stage, WrongCallError
from secondpass.stages import Pair
from secondpass.testing import FakeScorer

KIND = "haystack_integrations.components.rankers.secondpass.ranker.SecondPassRanker"


def scoring(*scores: float) -> Stage:
    """The first document gets the first score, and so on."""

    class Fixed(FakeScorer):
        def score(self, pairs: Sequence[Pair]) -> list[float]:
            self.calls.append(list(pairs))
            return list(scores[: len(pairs)])

    return Score(Fixed())


def plain(documents: list[Document]) -> list[Document]:
    """Without what we write into metadata."""
    return [
        replace(d, meta={k: v for k, v in d.meta.items() if k != "secondpass"}) for d in documents
    ]


THREE = [
    Document(id="abcd", content="doc1", meta={"field": "one"}),
    Document(id="efgh", content="doc2", meta={"field": "two"}),
    Document(id="ijkl", content="doc3", meta={"field": "three"}),
]
NUMBERED = [
    Document(content=f"document {i}", meta={"one": f"first {i}", "two": f"second {i + 5}", "no": i})
    for i in range(5)
]


async def _ran(way: str, ranker: SecondPassRanker, *args: Any, **options: Any) -> Any:
    if way == "async":
        return await ranker.run_async(*args, **options)
    return ranker.run(*args, **options)


both = pytest.mark.parametrize("way", ["sync", "async"])


def test_defaults() -> None:
    ranker = SecondPassRanker()
    assert (ranker.model, ranker.top_k, ranker.threshold) == ("builtin", None, None)
    assert (ranker.meta_fields_to_embed, ranker.meta_data_separator) == ([], "\n")


def test_making_one_loads_nothing_and_warming_up_loads_once() -> None:
    ranker = SecondPassRanker()
    assert ranker._loaded is None
    ranker.warm_up()
    loaded = ranker._loaded
    assert loaded is not None
    ranker.warm_up()
    assert ranker._loaded is loaded


async def test_warming_up_async() -> None:
    ranker = SecondPassRanker()
    await ranker.warm_up_async()
    loaded = ranker._loaded
    assert loaded is not None
    await ranker.warm_up_async()
    assert ranker._loaded is loaded


def test_what_cannot_be_loaded_is_told_at_warm_up() -> None:
    ranker = SecondPassRanker(model="no-such-backend:x")
    with pytest.raises(LookupError, match="names no backend"):
        ranker.warm_up()


def test_to_dict_and_from_dict() -> None:
    options = {
        "top_k": 2,
        "threshold": 0.3,
        "keep_at_least": 1,
        "deadline": 5.0,
        "meta_fields_to_embed": ["one", "two"],
        "meta_data_separator": ",",
    }
    written = SecondPassRanker(model="builtin", **options).to_dict()  # type: ignore[arg-type]
    assert written["type"] == KIND
    model = written["init_parameters"].pop("model")
    assert written["init_parameters"] == options
    again = SecondPassRanker.from_dict(
        {"type": KIND, "init_parameters": {"model": model, **options}}
    )
    assert {name: getattr(again, name) for name in options} == options


@pytest.mark.parametrize(
    ("separator", "expected"),
    [("\n", "first 2\nsecond 7\ndocument 2"), (" ", "first 2 second 7 document 2")],
)
def test_metadata_in_front_of_the_text(separator: str, expected: str) -> None:
    ranking = ranking_of("q", NUMBERED, ["one", "two"], separator)
    assert ranking[2].text == expected


def test_metadata_that_is_not_there_leaves_no_separators() -> None:
    documents = [Document(content="x"), Document(content="y", meta={"one": None, "two": ""})]
    assert [c.text for c in ranking_of("q", documents, ["one", "two"], "\n")] == ["x", "y"]


def test_zero_in_metadata_is_a_value() -> None:
    """Haystack's rankers leave out whatever is falsy."""
    (only,) = ranking_of("q", [Document(content="x", meta={"n": 0, "b": False})], ["n", "b"], " ")
    assert only.text == "0 False x"


def test_the_model_reads_the_metadata() -> None:
    scorer = FakeScorer()
    ranker = SecondPassRanker(model=Score(scorer), meta_fields_to_embed=["one"])
    ranker.run("first", NUMBERED[:1])
    assert scorer.calls == [[("first", "first 0\ndocument 0")]]


def test_a_document_without_text_is_scored_as_empty() -> None:
    scorer = FakeScorer()
    out = SecondPassRanker(model=Score(scorer)).run("q", [Document(meta={"page": 1})])
    assert scorer.calls == [[("q", "")]]
    assert out["documents"][0].content is None


@pytest.mark.parametrize("bad", [0, -2])
def test_top_k_is_above_zero_when_made(bad: int) -> None:
    with pytest.raises(ValueError, match=rf"top_k must be > 0, but got {bad}"):
        SecondPassRanker(top_k=bad)


@both
@pytest.mark.parametrize("bad", [0, -3])
async def test_top_k_is_above_zero_when_run_and_does_not_fall_back(bad: int, way: str) -> None:
    ranker = SecondPassRanker(model=scoring(1.0), top_k=5)
    with pytest.raises(ValueError, match=rf"top_k must be > 0, but got {bad}"):
        await _ran(way, ranker, "test", THREE, bad)


@both
async def test_documents_come_back_with_scores(way: str) -> None:
    ranker = SecondPassRanker(model=scoring(0.1, 0.95, 0.98))
    out = await _ran(way, ranker, "test", THREE, 2)
    assert plain(out["documents"]) == [replace(THREE[2], score=0.98), replace(THREE[1], score=0.95)]
    assert all(d.score is None for d in THREE)


@both
async def test_top_k_of_the_run_overrides_the_rankers_and_may_exceed_the_documents(
    way: str,
) -> None:
    ranker = SecondPassRanker(model=scoring(1, 2, 3), top_k=3)
    for top_k, count in ((None, 3), (2, 2), (50, 3)):
        assert len((await _ran(way, ranker, "q", THREE, top_k=top_k))["documents"]) == count


@both
async def test_no_documents(way: str) -> None:
    out = await _ran(way, SecondPassRanker(model=scoring()), "a", [])
    assert out["documents"] == []
    assert out["meta"]["events"] == []


@both
async def test_the_threshold_filters_and_zero_overrides_it(way: str) -> None:
    stage = scoring(4, 3, 2, 1) >> Calibrate(Platt(1.0, -2.5), "fake-scorer")
    ranker = SecondPassRanker(model=stage, threshold=0.5)
    documents = [Document(content=f"doc {i}") for i in range(4)]
    assert len((await _ran(way, ranker, "q", documents))["documents"]) == 2
    everything = await _ran(way, ranker, "q", documents, threshold=0.0)
    assert len(everything["documents"]) == 4


@both
async def test_a_document_that_comes_twice_is_kept_once_and_an_event_says_so(way: str) -> None:
    documents = [
        Document(id="twice", content="the same", score=0.1),
        Document(id="once", content="other"),
        Document(id="twice", content="the same", score=0.9),
    ]
    out = await _ran(way, SecondPassRanker(model=scoring(1, 2, 3)), "q", documents)
    assert [d.id for d in out["documents"]] == ["once", "twice"]
    assert out["documents"][1].meta["secondpass"]["retrieval_score"] == 0.9
    (event,) = out["meta"]["events"]
    assert (event["kind"], event["message"][:15]) == ("repeated", "1 of 3 document")


def test_two_documents_that_share_an_id_are_two() -> None:
    """Haystack's rankers drop one of them without a word."""
    documents = [Document(id="x", content="keep me"), Document(id="x", content="keep me too")]
    assert len(SecondPassRanker(model=scoring(1, 2)).run("q", documents)["documents"]) == 2


def test_what_the_model_raises_is_raised() -> None:
    def broken(query: str, text: str) -> float:
        raise RuntimeError("Bad request")

    with pytest.raises(Exception, match="Bad request"):
        SecondPassRanker(model=Score(FakeScorer(broken))).run("q", THREE)


def test_a_real_model_finds_the_capital() -> None:
    documents = [
        Document(content="Paris is the capital of France."),
        Document(content="Bananas are yellow fruits."),
        Document(content="Berlin is the capital of Germany."),
    ]
    out = SecondPassRanker().run("What is the capital of France?", documents, top_k=2)
    first, second = out["documents"]
    assert "Paris" in str(first.content)
    assert first.score is not None
    assert second.score is not None
    assert first.score >= second.score
    assert out["meta"]["model"].startswith("builtin@")


@pytest.mark.parametrize(
    ("keyword", "answer"),
    [
        ("top_n", "it is called 'top_k' here"),
        ("score_threshold", "it is called 'threshold' here"),
        ("embedding_separator", "it is called 'meta_data_separator' here"),
        ("meta_fields", "it is called 'meta_fields_to_embed' here"),
        ("chat_generator", "model=generator"),
        ("api_key", "environment variables"),
        ("device", 'options={"device": ...}'),
        ("scale_score", "builtin:raw"),
        ("raise_on_failure", "Fallback"),
    ],
)
def test_keywords_of_other_rankers_are_answered_with_ours(keyword: str, answer: str) -> None:
    with pytest.raises(WrongCallError) as caught:
        SecondPassRanker(**{keyword: "x"})
    assert f"no keyword {keyword!r}" in str(caught.value)
    assert answer in str(caught.value)


def test_one_string_is_no_list_of_fields() -> None:
    with pytest.raises(ValueError, match=r"meta_fields_to_embed='title': give a list"):
        SecondPassRanker(meta_fields_to_embed="title")
