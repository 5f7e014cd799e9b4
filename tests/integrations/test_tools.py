"""Tools of every kind that an agent may hold, ranked by what is asked for."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from secondpass import InvalidInputError, Stage, load
from secondpass.integrations.tools import arank_tools, candidates_of_tools, rank_tools

WEATHER, EMAIL = "The weather forecast for a city.", "Send an email to somebody."


def get_weather(city: str) -> str:
    """The weather forecast for a city."""
    return city


def send_email(to: str) -> str:
    """Send an email to somebody."""
    return to


def _schema(name: str) -> dict[str, Any]:
    return {"type": "object", "properties": {name: {"type": "string"}}}


KINDS: dict[str, list[Any]] = {
    "functions": [send_email, get_weather],
    "OpenAI": [
        {"type": "function", "function": {"name": "send_email", "description": EMAIL}},
        {"type": "function", "function": {"name": "get_weather", "description": WEATHER}},
    ],
    "OpenAI's responses": [
        {"type": "function", "name": "send_email", "description": EMAIL},
        {"type": "function", "name": "get_weather", "description": WEATHER},
    ],
    "Anthropic": [
        {"name": "send_email", "description": EMAIL, "input_schema": _schema("to")},
        {"name": "get_weather", "description": WEATHER, "input_schema": _schema("city")},
    ],
}


@pytest.fixture(scope="module")
def builtin() -> Stage:
    return load("builtin")


def _of_frameworks() -> dict[str, list[Any]]:
    """The same tools as each framework that is installed makes them of functions."""
    made: dict[str, list[Any]] = {}
    types = pytest.importorskip("mcp.types")
    langchain = pytest.importorskip("langchain_core.tools")
    llama_index = pytest.importorskip("llama_index.core.tools")
    for f in (send_email, get_weather):
        made.setdefault("MCP", []).append(
            types.Tool(name=f.__name__, description=f.__doc__, inputSchema=_schema("x"))
        )
        made.setdefault("LangChain", []).append(langchain.tool(f))
        made.setdefault("LlamaIndex", []).append(llama_index.FunctionTool.from_defaults(f))
    return made


def test_tools_of_every_kind_are_read_alike(builtin: Stage) -> None:
    for kind, tools in {**KINDS, **_of_frameworks()}.items():
        best = rank_tools("will it rain in Rome?", tools, model=builtin, top_k=1)
        assert best.ids == ["get_weather"], kind
        assert best[0].payload is tools[1]
        texts = [c.text for c in candidates_of_tools(tools)]
        assert texts[1].startswith("get weather: "), kind
        assert WEATHER in texts[1], kind
    again = asyncio.run(arank_tools("will it rain in Rome?", tools, model=builtin, top_k=1))
    assert again.ids == best.ids


@pytest.mark.parametrize(
    ("tool", "text"),
    [
        ({"name": "getHTTPStatus2Code"}, "get HTTPStatus2 Code"),
        ({"name": "github.list-issues", "description": " "}, "github list issues"),
        ({"name": "add", "parameters": _schema("left")}, "add: left"),
        ({"name": "add", "inputSchema": {"type": "object", "properties": {}}}, "add"),
        ({"name": "add", "description": "Adds.\n\n    Args: ..."}, "add: Adds.\n\nArgs: ..."),
        (SimpleNamespace(name="add", description="Adds."), "add: Adds."),
    ],
)
def test_what_a_model_reads(tool: Any, text: str) -> None:
    assert candidates_of_tools([tool])[0].text == text


@pytest.mark.parametrize(
    ("tools", "message"),
    [
        ([{"description": "x"}], "tool 0"),
        (["name"], "tool 0 is str 'name'"),
        ([{"name": 3}], "tool 0"),
        ([send_email, send_email], "two tools have the name 'send_email'"),
    ],
)
def test_what_is_no_tool_is_named(tools: Any, message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        rank_tools("x", tools)


def test_no_tools_and_no_request(builtin: Stage) -> None:
    assert rank_tools("x", [], model=builtin).ids == []
    with pytest.raises(InvalidInputError, match="non-empty"):
        rank_tools(" ", [send_email], model=builtin)
