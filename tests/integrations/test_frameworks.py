"""DSPy, LanceDB, pydantic-ai and PyTerrier with the real thing; each is imported once, here."""

from __future__ import annotations

import asyncio
import copy
import json
from pathlib import Path
from typing import Any

import pytest

from secondpass import InvalidInputError, Order, Stage, load, rerank
from secondpass.testing import FakeJudge

QUERY = "who wrote Faust?"
TEXTS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Faust is a family name."]


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin")


@pytest.fixture
def order() -> Stage:
    return Order(FakeJudge())


# DSPy


@pytest.fixture(scope="module")
def dspy() -> Any:
    return pytest.importorskip("dspy")


def test_dspy_passages_come_back_in_order(dspy: Any, builtin: Stage) -> None:
    from secondpass.integrations.dspy import Rerank

    ranking = rerank(QUERY, TEXTS, model=builtin)
    module = Rerank(builtin, k=2)
    found = module(query=QUERY, passages=TEXTS)
    assert isinstance(found, dspy.Prediction)
    assert found.passages == [TEXTS[i] for i in found.indices]
    assert (found.indices, found.scores) == (ranking.indices[:2], ranking.scores[:2])
    assert (found.scale, found.events) == ("probability", [])
    assert module(query=QUERY, passages=TEXTS, k=3).indices == ranking.indices
    assert asyncio.run(module.acall(query=QUERY, passages=TEXTS)).indices == found.indices
    assert module(query=QUERY, passages=[]).passages == []
    objects = [dspy.Example(long_text=text, key=i) for i, text in enumerate(TEXTS)]
    assert module(query=QUERY, passages=objects).passages[0] is objects[1]
    strict = Rerank(builtin, threshold=0.99)(query=QUERY, passages=TEXTS[:1])
    assert (strict.passages, [e["kind"] for e in strict.events]) == ([], ["dropped"])


def test_dspy_programs_hold_it(dspy: Any, builtin: Stage, tmp_path: Path) -> None:
    from secondpass.integrations.dspy import Rerank

    class Program(dspy.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rerank = Rerank(builtin, k=1)

        def forward(self, question: str) -> Any:
            return self.rerank(query=question, passages=TEXTS)

    program = Program()
    assert program.predictors() == []
    again = program.deepcopy()
    assert again(question=QUERY).passages == program(question=QUERY).passages == [TEXTS[1]]
    program.save(tmp_path / "program.json")
    again.load(tmp_path / "program.json")
    questions = [dspy.Example(question=q).with_inputs("question") for q in (QUERY, "cats sleep?")]
    both = program.batch(questions, num_threads=2, disable_progress_bar=True)
    assert [found.indices[0] for found in both] == [1, 0]


def test_dspy_wrong_calls(dspy: Any, builtin: Stage, order: Stage) -> None:
    from secondpass.integrations.dspy import Rerank

    assert Rerank(order)(query=QUERY, passages=TEXTS).scores is None
    for call, message in (
        (lambda: Rerank(builtin, top_k=3), "called 'k'"),
        (lambda: Rerank(builtin, k=-1), "k=-1"),
        (lambda: Rerank(builtin)(query=QUERY, passages="text"), "pass a list"),
        (lambda: Rerank(builtin)(query=QUERY, passages=[3]), "passage 0"),
        (lambda: Rerank(builtin)(query="", passages=TEXTS), "non-empty"),
    ):
        with pytest.raises(InvalidInputError, match=message):
            call()


# LanceDB


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Any:
    lancedb = pytest.importorskip("lancedb")
    database = lancedb.connect(tmp_path_factory.mktemp("lance"))
    rows = [{"text": t, "page": i, "vector": [1.0, float(i)]} for i, t in enumerate(TEXTS)]
    made = database.create_table("texts", rows)
    made.create_index("text", config=lancedb.index.FTS()) if hasattr(
        lancedb.index, "FTS"
    ) else made.create_fts_index("text")
    return made


@pytest.mark.parametrize("return_score", ["relevance", "all"])
@pytest.mark.parametrize("kind", ["vector", "fts", "hybrid"])
def test_lancedb_searches(table: Any, builtin: Stage, kind: str, return_score: str) -> None:
    from secondpass.integrations.lancedb import SecondPassReranker

    reranker = SecondPassReranker(builtin, return_score=return_score)
    if kind == "vector":
        search = table.search([1.0, 0.0]).rerank(reranker, query_string=QUERY)
    elif kind == "fts":
        search = table.search("Faust", query_type="fts").rerank(reranker)
    else:
        search = table.search(query_type="hybrid").vector([1.0, 0.0]).text(QUERY).rerank(reranker)
    found = search.limit(3).to_arrow()
    rows = found.to_pylist()
    query = "Faust" if kind == "fts" else QUERY
    texts = TEXTS[1:] if kind == "fts" else TEXTS
    ranking = rerank(query, texts, model=builtin)
    assert [row["text"] for row in rows] == [c.text for c in ranking]
    assert [row["_relevance_score"] for row in rows] == pytest.approx(ranking.scores, abs=1e-6)
    assert all(row["page"] == TEXTS.index(row["text"]) for row in rows)
    kept = {"_distance", "_score"} & set(found.column_names)
    expected = {"vector": {"_distance"}, "fts": {"_score"}, "hybrid": {"_distance", "_score"}}
    assert kept == (expected[kind] if return_score == "all" else set())


def test_lancedb_filters_and_says_so(table: Any, builtin: Stage) -> None:
    from secondpass.integrations.lancedb import SecondPassReranker

    reranker = SecondPassReranker(builtin, threshold=0.5)
    found = table.search([1.0, 0.0]).rerank(reranker, query_string=QUERY).to_arrow()
    assert [row["page"] for row in found.to_pylist()] == [1]
    details = json.loads(found.schema.metadata[b"secondpass"])
    assert (details["scale"], details["events"][0]["kind"]) == ("probability", "dropped")
    none = table.search([1.0, 0.0]).where("page > 9").rerank(reranker, query_string=QUERY)
    assert none.to_list() == []
    hybrid = table.search(query_type="hybrid").vector([1.0, 0.0]).text("zebra").rerank(reranker)
    assert hybrid.to_list() == []  # full text finds nothing, and nothing is relevant
    both = [table.search([1.0, n]).with_row_id(True).to_arrow() for n in (0.0, 2.0)]
    merged = reranker.rerank_multivector(both, QUERY, deduplicate=True)
    assert merged.column("page").to_pylist() == [1]


async def test_lancedb_asynchronous_searches(builtin: Stage, tmp_path: Path) -> None:
    lancedb = pytest.importorskip("lancedb")
    from secondpass.integrations.lancedb import SecondPassReranker

    database = await lancedb.connect_async(tmp_path)
    rows = [{"text": t, "vector": [1.0, float(i)]} for i, t in enumerate(TEXTS)]
    search = (await database.create_table("texts", rows)).query().nearest_to([1.0, 0.0])
    found = await search.rerank(SecondPassReranker(builtin), query_string=QUERY).to_list()
    assert [row["text"] for row in found] == [c.text for c in rerank(QUERY, TEXTS, model=builtin)]


def test_lancedb_an_order_has_null_scores(table: Any, order: Stage) -> None:
    from secondpass.integrations.lancedb import SecondPassReranker

    hybrid = table.search(query_type="hybrid").vector([1.0, 0.0]).text(QUERY)
    for search in (table.search([1.0, 0.0]), hybrid):
        query = {} if search is hybrid else {"query_string": QUERY}
        rows = search.rerank(SecondPassReranker(order), **query).to_list()
        assert [row["page"] for row in rows] == [1, 2, 0]
        assert {row["_relevance_score"] for row in rows} == {None}


def test_lancedb_wrong_calls(table: Any, builtin: Stage) -> None:
    from secondpass.integrations.lancedb import SecondPassReranker

    def search(reranker: Any, query: str | None = QUERY) -> Any:
        return table.search([1.0, 0.0]).rerank(reranker, query_string=query).to_list()

    for call, message in (
        (lambda: SecondPassReranker(builtin, return_score="some"), "return_score"),
        (lambda: SecondPassReranker(model_name="x"), "called 'model'"),
        (lambda: search(SecondPassReranker(builtin, column="body")), "no column 'body'"),
        (lambda: search(SecondPassReranker(builtin, column="page")), "row 0"),
        (lambda: search(SecondPassReranker(builtin), ""), "query_string"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


# pydantic-ai


@pytest.fixture(scope="module")
def pydantic_ai() -> Any:
    return pytest.importorskip("pydantic_ai")


def _returned(agent: Any, prompt: str = QUERY) -> Any:
    """What the model was told that the tools returned."""
    result = asyncio.run(agent.run(prompt))
    parts = [part for message in result.all_messages() for part in message.parts]
    return [part.content for part in parts if part.part_kind == "tool-return"]


def _calling(pydantic_ai: Any, arguments: dict[str, Any], tool: str = "search") -> Any:
    """A model that calls the tool and then ends."""
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: Any, info: Any) -> Any:
        called = any(p.part_kind == "tool-return" for m in messages for p in m.parts)
        part = TextPart("done") if called else ToolCallPart(tool, arguments)
        return ModelResponse(parts=[part])

    return FunctionModel(answer)


def test_pydantic_ai_tools_return_the_best_first(pydantic_ai: Any, builtin: Stage) -> None:
    from secondpass.integrations.pydantic_ai import Reranking

    def search(query: str) -> list[str]:
        return list(TEXTS)

    def rows(query: str) -> list[dict[str, Any]]:
        return [{"id": i, "body": t} for i, t in enumerate(TEXTS)]

    def both(query: str) -> Any:
        return pydantic_ai.ToolReturn(list(TEXTS), metadata={"kept": True})

    def other(query: str) -> str:
        return "as it is"

    capability = Reranking(["search", "rows", "both"], model=builtin, top_k=2, threshold=0.01)
    for tool, expected in (
        (search, [TEXTS[1], TEXTS[2]]), (both, [TEXTS[1], TEXTS[2]]), (other, "as it is"),
    ):  # fmt: skip
        model = _calling(pydantic_ai, {"query": QUERY}, tool.__name__)
        agent = pydantic_ai.Agent(model, tools=[tool], capabilities=[capability])
        assert _returned(agent) == [expected]
    model = _calling(pydantic_ai, {"query": QUERY}, "rows")
    agent = pydantic_ai.Agent(model, tools=[rows], capabilities=[capability])
    (found,) = _returned(agent)
    assert [row["id"] for row in found] == [1, 2]
    assert found[0]["secondpass"]["scale"] == "probability"


def test_pydantic_ai_wrong_calls(pydantic_ai: Any, builtin: Stage) -> None:
    from secondpass.integrations.pydantic_ai import Reranking

    def search(question: str) -> list[str]:
        return list(TEXTS)

    def text(query: str) -> str:
        return "one text"

    with pytest.raises(InvalidInputError, match="in a list"):
        Reranking("search")
    agent = pydantic_ai.Agent(
        _calling(pydantic_ai, {"question": QUERY}),
        tools=[search], capabilities=[Reranking(["search"], model=builtin)],
    )  # fmt: skip
    with pytest.raises(InvalidInputError, match="it got question"):
        asyncio.run(agent.run(QUERY))
    named = Reranking(["search"], model=builtin, query="question", top_k=1)
    model = _calling(pydantic_ai, {"question": QUERY})
    assert _returned(pydantic_ai.Agent(model, tools=[search], capabilities=[named])) == [[TEXTS[1]]]
    model = _calling(pydantic_ai, {"query": QUERY}, "text")
    agent = pydantic_ai.Agent(
        model, tools=[text], capabilities=[Reranking(["text"], model=builtin)]
    )
    with pytest.raises(InvalidInputError, match="the tool 'text' returned str 'one text'"):
        asyncio.run(agent.run(QUERY))


def test_pydantic_ai_finds_tools(pydantic_ai: Any, builtin: Stage) -> None:
    from pydantic_ai.capabilities import ToolSearch

    from secondpass.integrations.pydantic_ai import ToolSearchRanking

    def get_weather(city: str) -> str:
        """The weather forecast for a city."""
        return "sunny"

    def send_email(to: str) -> str:
        """Send an email to somebody."""
        return "sent"

    strategy = ToolSearchRanking(builtin, top_k=1)
    tools = [pydantic_ai.Tool(f, defer_loading=True) for f in (send_email, get_weather)]
    asked = {"queries": ["weather forecast"]}
    agent = pydantic_ai.Agent(
        _calling(pydantic_ai, asked, "search_tools"),
        tools=tools, capabilities=[ToolSearch(strategy=strategy)],
    )  # fmt: skip
    (found,) = _returned(agent, "will it rain?")
    assert "get_weather" in json.dumps(found, default=str)
    assert "send_email" not in json.dumps(found, default=str)
    definitions = [tool.tool_def for tool in tools]
    queries = ["the weather", "write an email", "the weather"]
    names = asyncio.run(strategy(None, queries, definitions))  # type: ignore[arg-type]
    assert names == ["get_weather", "send_email"]
    assert asyncio.run(strategy(None, [], definitions)) == []  # type: ignore[arg-type]


# PyTerrier


@pytest.fixture(scope="module")
def pt() -> Any:
    return pytest.importorskip("pyterrier")


def _frame(pt: Any) -> Any:
    import pandas as pd

    rows = [
        {"qid": q, "query": query, "docno": f"d{i}", "text": text, "score": 3.0 - i, "rank": i,
         "extra": [i]}
        for q, query in (("q1", QUERY), ("q2", "when do cats sleep?"))
        for i, text in enumerate(TEXTS)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_pyterrier_pipelines(pt: Any, builtin: Stage, order: Stage) -> None:
    from secondpass.integrations.pyterrier import RerankTransformer

    given = _frame(pt)
    before = copy.deepcopy(given)
    pipeline = RerankTransformer(builtin) % 2
    found = pipeline(given)
    assert given.equals(before)
    for q, query in (("q1", QUERY), ("q2", "when do cats sleep?")):
        ranking, rows = rerank(query, TEXTS, model=builtin), found[found.qid == q]
        assert rows.docno.tolist() == [f"d{i}" for i in ranking.indices[:2]]
        assert rows.score.tolist() == ranking.scores[:2]
        assert rows["rank"].tolist() == [0, 1]
        assert rows.extra.tolist() == [[i] for i in ranking.indices[:2]]
        assert set(rows.secondpass_scale) == {"probability"}
    judged = RerankTransformer(order)(given)
    first = judged[judged.qid == "q1"]
    assert (first.docno.tolist(), first.score.tolist()) == (["d1", "d2", "d0"], [3.0, 2.0, 1.0])
    assert set(judged.secondpass_scale) == {"order"}
    empty = RerankTransformer(builtin)(given.head(0))
    assert empty.columns.tolist() == found.columns.tolist()
    assert "score" in pt.inspect.transformer_outputs(
        RerankTransformer(builtin), list(given.columns)
    )
    both = pipeline.transform(found)  # again on its own output
    assert both.docno.tolist() == found.docno.tolist()
    with pytest.raises(KeyError, match="text"):
        RerankTransformer(builtin)(given.drop(columns=["text"]))
    body = RerankTransformer(builtin, text_field="body")(given.rename(columns={"text": "body"}))
    assert body.docno.tolist() == RerankTransformer(builtin)(given).docno.tolist()
    with pytest.raises(InvalidInputError, match="get_text"):
        RerankTransformer(builtin)(given.assign(text=None))


def test_pyterrier_experiments_measure_what_we_measure(pt: Any, builtin: Stage) -> None:
    import pandas as pd

    from secondpass.evaluate import Metric, run_of
    from secondpass.evaluate.metrics import per_query
    from secondpass.integrations.pyterrier import RerankTransformer

    given = _frame(pt)
    qrels = {"q1": {"d1": 2, "d2": 1}, "q2": {"d0": 1}}
    judged = pd.DataFrame([(q, d, g) for q, of in qrels.items() for d, g in of.items()],
                          columns=["qid", "docno", "label"])  # fmt: skip
    topics = given[["qid", "query"]].drop_duplicates()
    retriever = pt.Transformer.from_df(given)
    table = pt.Experiment(
        [retriever >> RerankTransformer(builtin)], topics, judged, ["ndcg_cut_10", "map"],
        perquery=True,
    )  # fmt: skip
    rankings = {
        q: rerank(query, TEXTS, model=builtin) for q, query in topics.itertuples(index=False)
    }
    orders = {q: [f"d{i}" for i in r.indices] for q, r in rankings.items()}
    ours = per_query([Metric.of("nDCG@10"), Metric.of("AP")], qrels, orders)
    for name, measure in (("nDCG@10", "ndcg_cut_10"), ("AP", "map")):
        theirs = table[table.measure == measure].sort_values("qid").value.tolist()
        assert theirs == ours[name]
    assert run_of(rankings)["q1"]["1"] == rankings["q1"].scores[0]
