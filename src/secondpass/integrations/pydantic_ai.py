"""The reranking stage as a capability of pydantic-ai's agents, and a search for its tools.

    from secondpass.integrations.pydantic_ai import Reranking

    agent = Agent(model, tools=[search], capabilities=[Reranking(tools=["search"], top_k=5)])

Written for pydantic-ai 2.68.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError, MissingExtraError, shown
from secondpass.core.ranking import Ranking
from secondpass.integrations.result_shapes.shape import FieldOrFunction
from secondpass.integrations.results import arerank_results
from secondpass.integrations.tools import arank_tools
from secondpass.models.load import ModelLike, as_stage
from secondpass.stages.cut import whole_number
from secondpass.stages.kept import with_cuts

try:
    from pydantic_ai import RunContext
    from pydantic_ai.capabilities import AbstractCapability
    from pydantic_ai.messages import ToolCallPart, ToolReturn
    from pydantic_ai.tools import ToolDefinition
except ImportError as error:
    raise MissingExtraError("Reranking", "pydantic-ai") from error


class Reranking(AbstractCapability[Any]):
    """Reranks what an agent's search tools return, before the model reads it.

    What a tool returns may be a list of texts, or anything that `rerank_results` recognises, and
    comes back in the same form. So does the `return_value` of a `ToolReturn`.

    Args:
        tools: Names of the tools whose results are lists of what was found.
        model: What `as_stage` takes.
        query: The tools' argument that has the query.
        text: See `rerank_results`.
        top_k: The number kept at most.
        threshold: Keep those with at least this P(relevant), before `top_k`.
        keep_at_least: The number of the best that stay whatever the threshold.
        deadline: Seconds for each result; then the best order so far goes on to the model.

    Raises:
        InvalidInputError: No name of a tool, or an option that cannot be used; (when a tool was
            called) no such argument, or a result that is no list of what was found.
        SecondPassError: What loading and running the model may raise.
    """

    @hint_keywords()
    def __init__(
        self,
        tools: Sequence[str],
        *,
        model: ModelLike = "builtin",
        query: str = "query",
        text: FieldOrFunction = None,
        top_k: int | None = None,
        threshold: float | None = None,
        keep_at_least: int = 0,
        deadline: float | None = None,
    ) -> None:
        if isinstance(tools, str) or not list(tools):
            raise InvalidInputError(
                f"tools={tools!r}: name the tools whose results shall be reranked, in a list"
            )
        self.tools, self.query, self.text = list(tools), query, text
        self.stage = with_cuts(
            as_stage(model), top=top_k, threshold=threshold, keep_at_least=keep_at_least,
            deadline=deadline,
        )  # fmt: skip

    async def after_tool_execute(
        self,
        ctx: RunContext[Any],
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,
        args: dict[str, Any],
        result: Any,
    ) -> Any:
        """Rerank one result. pydantic-ai calls it."""
        if call.tool_name not in self.tools:
            return result
        query = args.get(self.query)
        if not isinstance(query, str):
            raise InvalidInputError(
                f"the tool {call.tool_name!r} was called without a text as {self.query!r} (it got "
                f"{', '.join(args) or 'nothing'}); name the argument with the query: "
                "Reranking(..., query=)"
            )
        if isinstance(result, ToolReturn):
            reranked = await self._reranked(query, result.return_value, call.tool_name)
            return ToolReturn(reranked, content=result.content, metadata=result.metadata)
        return await self._reranked(query, result, call.tool_name)

    async def _reranked(self, query: str, found: Any, tool: str) -> Any:
        if isinstance(found, list) and all(isinstance(item, str) for item in found):
            return [c.text for c in await self.stage.acall(Ranking.of(query, found))]
        try:
            return await arerank_results(query, found, text=self.text, model=self.stage)
        except InvalidInputError as error:
            raise InvalidInputError(
                f"the tool {tool!r} returned {shown(found)}: {error}"
            ) from error


class ToolSearchRanking:
    """The strategy of pydantic-ai's `ToolSearch`: tools by what the model looks for.

        Agent(model, tools=deferred, capabilities=[ToolSearch(strategy=ToolSearchRanking())])

    Args:
        model: What `as_stage` takes.
        top_k: The number of tools for each query.

    Raises:
        InvalidInputError: `top_k` is no whole number.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords()
    def __init__(self, model: ModelLike = "builtin", *, top_k: int = 5) -> None:
        self.stage, self.top_k = as_stage(model), whole_number(top_k, "top_k")

    async def __call__(
        self, ctx: RunContext[Any], queries: Sequence[str], tools: Sequence[ToolDefinition]
    ) -> list[str]:
        """Names of tools, best first; those of several queries in turns."""
        found = [
            (await arank_tools(query, tools, model=self.stage, top_k=self.top_k)).ids
            for query in queries
        ]
        longest = max((len(names) for names in found), default=0)
        turns = [names[i] for i in range(longest) for names in found if i < len(names)]
        return list(dict.fromkeys(turns))
