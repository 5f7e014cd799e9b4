"""Ranking an agent's tools by what a request asks for, so that a model is shown the few it needs.

from secondpass.integrations.tools import rank_tools

best = rank_tools("remind me tomorrow at nine", tools, top_k=5)
agent_tools = [candidate.payload for candidate in best]
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from secondpass._rerank import arerank, rerank
from secondpass.core.call_hints import hint_keywords
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, shown
from secondpass.core.ranking import Ranking
from secondpass.models.load import ModelLike

_NAMES = ("name", "__name__")
_DESCRIPTIONS = ("description", "desc", "__doc__")
_SCHEMAS = ("inputSchema", "input_schema", "parameters", "parameters_json_schema", "args")
_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\-./:]+")


@hint_keywords()
def rank_tools(
    request: str,
    tools: Iterable[Any],
    *,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
) -> Ranking:
    """Order tools by what a request asks for, best first.

    Args:
        request: What the user wants, or what the agent is about to do.
        tools: Dicts as OpenAI, Anthropic or MCP want them, objects of MCP, LangChain, LlamaIndex,
            DSPy or pydantic-ai, or functions with a docstring.
        model: See `secondpass.rerank`, for this and all below.
        top_k: The number kept at most.
        threshold: Keep those with at least this P(relevant). The built-in model was calibrated on
            passages, not on tools, so choose it on requests of your own.
        keep_at_least: The number of the best that stay whatever the threshold.

    Returns:
        A ranking: ids are the tools' names, texts what the model read, payloads the tools.

    Raises:
        InvalidInputError: Something without a name, two tools with the same name, an empty request.
        SecondPassError: What `secondpass.rerank` may raise.
    """
    return rerank(
        request, candidates_of_tools(tools), model=model, top_k=top_k, threshold=threshold,
        keep_at_least=keep_at_least,
    )  # fmt: skip


@hint_keywords()
async def arank_tools(
    request: str,
    tools: Iterable[Any],
    *,
    model: ModelLike = "builtin",
    top_k: int | None = None,
    threshold: float | None = None,
    keep_at_least: int = 0,
) -> Ranking:
    """Like `rank_tools`, without blocking the event loop."""
    return await arerank(
        request, candidates_of_tools(tools), model=model, top_k=top_k, threshold=threshold,
        keep_at_least=keep_at_least,
    )  # fmt: skip


def candidates_of_tools(tools: Iterable[Any]) -> list[Candidate]:
    """A candidate for each tool: its name in words, and its description.

    Raises:
        InvalidInputError: Something without a name, or two tools with the same name.
    """
    candidates: dict[str, Candidate] = {}
    for position, tool in enumerate(tools):
        name = _first(tool, _NAMES)
        if not isinstance(name, str) or not name:
            raise InvalidInputError(
                f"tool {position} is {shown(tool)}; a tool has a name and a description"
            )
        if name in candidates:
            raise InvalidInputError(f"two tools have the name {name!r}, so none could be called")
        candidates[name] = Candidate(name, text_of_tool(tool, name), payload=tool)
    return list(candidates.values())


def text_of_tool(tool: Any, name: str) -> str:
    """What a model reads of a tool; names of arguments only where there is no description."""
    words = " ".join(_WORDS.sub(" ", name).split())
    description = _first(tool, _DESCRIPTIONS)
    if isinstance(description, str) and description.strip():
        return f"{words}: {inspect.cleandoc(description)}"
    schema = _first(tool, _SCHEMAS)
    properties = schema.get("properties", schema) if isinstance(schema, Mapping) else {}
    return f"{words}: {', '.join(map(str, properties))}" if properties else words


def _first(tool: Any, names: Iterable[str]) -> Any:
    """The first of these that a tool has, in it or in what it wraps."""
    for part in _parts(tool):
        for name in names:
            if isinstance(part, Mapping):
                value = part.get(name)
            elif name == "__doc__" and not callable(part):
                value = None  # that of a class, which says nothing about the tool
            else:
                value = getattr(part, name, None)
            if value:
                return value
    return None


def _parts(tool: Any) -> list[Any]:
    inner = tool.get("function") if isinstance(tool, Mapping) else getattr(tool, "metadata", None)
    has_own = inner is not None and _has_name(inner)
    return [inner, tool] if has_own else [tool]


def _has_name(part: Any) -> bool:
    return bool(part.get("name") if isinstance(part, Mapping) else getattr(part, "name", None))
