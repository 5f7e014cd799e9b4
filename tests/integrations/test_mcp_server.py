"""The MCP server with the SDK's own client: in memory, and as a process over stdio."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from secondpass import Order, Stage, Threshold, load, rerank
from secondpass.cli import main
from secondpass.testing import FakeJudge

mcp = pytest.importorskip("mcp")

QUERY = "who wrote Faust?"
TEXTS = ["Cats sleep for most of the day.", "Goethe wrote Faust.", "Faust is a family name."]
TOOLS = [
    {"name": "send_email", "description": "Send an email to somebody."},
    {"name": "get_weather", "description": "The weather forecast for a city."},
]


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin")


def _client(stage: Stage) -> Any:
    from secondpass.integrations.mcp import mcp_server

    return mcp.Client(mcp_server(stage))


async def test_the_tools_say_what_they_take_and_give(builtin: Stage) -> None:
    async with _client(builtin) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == {"rerank", "explain", "rank_tools"}
    for tool in tools.values():
        assert tool.description
        assert tool.annotations.read_only_hint
        assert tool.output_schema["type"] == "object"
    assert set(tools["rerank"].input_schema["required"]) == {"query", "documents"}
    assert "events" in tools["rerank"].output_schema["properties"]


async def test_rerank_gives_what_rerank_gives(builtin: Stage) -> None:
    ranking = rerank(QUERY, TEXTS, model=builtin)
    async with _client(builtin) as client:
        called = await client.call_tool("rerank", {"query": QUERY, "documents": TEXTS, "top_k": 2})
        found = called.structured_content
        assert [r["index"] for r in found["results"]] == ranking.indices[:2]
        assert [r["probability"] for r in found["results"]] == ranking.scores[:2]
        assert found["results"][0]["text"] == TEXTS[1]
        assert (found["scale"], found["status"]) == ("probability", "complete")
        some = {"query": QUERY, "documents": TEXTS, "threshold": 0.99}
        dropped = (await client.call_tool("rerank", some)).structured_content
        assert [e["kind"] for e in dropped["events"]] == ["dropped"]
        none = await client.call_tool("rerank", {"query": QUERY, "documents": []})
        assert none.structured_content["results"] == []


async def test_explain_names_the_sentence_that_earns_the_score(builtin: Stage) -> None:
    document = "Weimar is a town. Goethe wrote Faust there! It rains\n\nA lot"
    async with _client(builtin) as client:
        called = await client.call_tool("explain", {"query": QUERY, "document": document})
        found = called.structured_content
        alone = await client.call_tool("explain", {"query": QUERY, "document": TEXTS[1]})
    best = found["sentences"][0]
    assert best["text"] == "Goethe wrote Faust there!"
    assert document[best["start"] : best["end"]] == best["text"]
    assert {s["text"] for s in found["sentences"]} == {
        "Weimar is a town.", "Goethe wrote Faust there!", "It rains", "A lot",
    }  # fmt: skip
    assert found["probability"] == pytest.approx(rerank(QUERY, [document]).scores[0], abs=1e-6)
    assert [s["stage"] for s in found["stages"]] == [s.name for s in builtin.parts]
    assert alone.structured_content["sentences"] == []


async def test_explain_of_what_is_cut_or_only_ordered(builtin: Stage) -> None:
    document = f"{TEXTS[0]} {TEXTS[2]}"
    for stage, scale in (
        (builtin >> Threshold(0.99), "probability"),
        (Order(FakeJudge()), "order"),
    ):
        async with _client(stage) as client:
            called = await client.call_tool("explain", {"query": QUERY, "document": document})
        found = called.structured_content
        assert (found["score"], found["scale"], found["sentences"]) == (None, scale, [])
        assert bool(found["events"]) == (scale == "probability")


async def test_rank_tools(builtin: Stage) -> None:
    async with _client(builtin) as client:
        asked = {"request": "will it rain tomorrow in Rome?", "tools": TOOLS, "top_k": 1}
        found = (await client.call_tool("rank_tools", asked)).structured_content
    assert [r["name"] for r in found["results"]] == ["get_weather"]


@pytest.mark.parametrize(
    ("tool", "arguments", "message"),
    [
        ("rerank", {"query": " ", "documents": TEXTS}, "non-empty"),
        ("rerank", {"query": QUERY, "documents": TEXTS, "threshold": 2}, "threshold"),
        ("rerank", {"query": QUERY, "documents": "text"}, "documents"),
        ("rerank", {"documents": TEXTS}, "query"),
        ("explain", {"query": "", "document": "a"}, "non-empty"),
        ("rank_tools", {"request": "a", "tools": TOOLS * 2}, "two tools"),
        ("search", {}, "search"),
    ],
)
async def test_a_wrong_call_is_an_answer_that_says_why(
    builtin: Stage, tool: str, arguments: dict[str, Any], message: str
) -> None:
    async with _client(builtin) as client:
        called = await client.call_tool(tool, arguments)
    assert called.is_error
    assert message in called.content[0].text


async def test_a_threshold_without_probabilities_says_what_to_do() -> None:
    async with _client(load("builtin:raw")) as client:
        asked = {"query": QUERY, "documents": TEXTS, "threshold": 0.5}
        called = await client.call_tool("rerank", asked)
    assert called.is_error
    assert "calibrated(" in called.content[0].text


@pytest.mark.slow
async def test_the_command_serves_over_stdio(builtin: Stage, tmp_path: Path) -> None:
    """As an agent starts it; what it writes to stdout is kept beside, to be read afterwards."""
    written = tmp_path / "stdout"
    served = shlex.join([sys.executable, "-m", "secondpass", "mcp"])
    command = mcp.StdioServerParameters(
        command="sh", args=["-c", f"{served} | tee {shlex.quote(str(written))}"],
        env={k: os.environ[k] for k in ("PATH", "PYTHONPATH") if k in os.environ},
    )  # fmt: skip
    document = f"{TEXTS[0]} {TEXTS[1]}"
    async with mcp.Client(mcp.stdio_client(command)) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        found = await client.call_tool("rerank", {"query": QUERY, "documents": TEXTS, "top_k": 2})
        explained = await client.call_tool("explain", {"query": QUERY, "document": document})
        refused = await client.call_tool("rerank", {"query": "", "documents": TEXTS})
        untyped = await client.call_tool("rerank", {"query": QUERY, "documents": [1]})
        missing = await client.call_tool("explain", {"query": QUERY})
        again = await client.call_tool("rerank", {"query": QUERY, "documents": TEXTS, "top_k": 2})
    ranking = rerank(QUERY, TEXTS, model=builtin)
    assert [r["index"] for r in found.structured_content["results"]] == ranking.indices[:2]
    probabilities = [r["probability"] for r in found.structured_content["results"]]
    assert probabilities == pytest.approx(ranking.scores[:2], abs=1e-6)  # of another process
    assert explained.structured_content["sentences"][0]["text"] == TEXTS[1]
    for name, answer in (("rerank", found), ("explain", explained)):
        jsonschema.validate(answer.structured_content, tools[name].output_schema)
        assert json.loads(answer.content[0].text) == answer.structured_content
    for answer, word in ((refused, "non-empty"), (untyped, "documents"), (missing, "document")):
        assert answer.is_error
        assert word in answer.content[0].text
    assert again.structured_content == found.structured_content, "errors left it another server"
    lines = written.read_text(encoding="utf-8").splitlines()
    assert len(lines) >= 7
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in lines)


def test_a_model_that_cannot_be_loaded_is_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["secondpass", "mcp", "--model", "no-such-backend:x"])
    with pytest.raises(SystemExit) as ended:
        main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert "no-such-backend" in err
