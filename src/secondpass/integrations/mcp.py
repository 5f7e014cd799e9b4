"""An MCP server with the tools `rerank`, `explain` and `rank_tools`; `secondpass mcp` runs it.

Written for the official SDK, mcp 2.3.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Annotated, Any

from secondpass._rerank import arerank
from secondpass.core.errors import MissingExtraError, SecondPassError
from secondpass.core.ranking import Ranking
from secondpass.integrations.explanation import DocumentExplained, explain_document
from secondpass.integrations.tools import arank_tools
from secondpass.models.load import ModelLike, as_stage

try:
    from mcp.server.mcpserver import MCPServer
    from mcp.server.mcpserver.exceptions import ToolError
    from mcp.types import ToolAnnotations
    from pydantic import BaseModel, Field
except ImportError as error:
    raise MissingExtraError("The MCP server", "mcp") from error

_Query = Annotated[str, Field(description="The question or search request, in plain words.")]
_Documents = Annotated[list[str], Field(description="The texts, in any order.")]
_TopK = Annotated[int | None, Field(ge=0, description="Return at most this many.")]
_Least = Annotated[
    float | None,
    Field(ge=0, le=1, description="Return only those with at least this probability."),
]
_READ_ONLY = ToolAnnotations(
    read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)


class EventShown(BaseModel):
    """What happened to the whole list, such as texts that were too long to be read."""

    stage: str
    kind: str
    message: str


class DocumentRanked(BaseModel):
    """One document, by its index in the list that was given."""

    index: int
    score: float | None = Field(description="null where the model only orders")
    probability: float | None = Field(description="P(relevant), where the score is one")
    text: str


class DocumentsRanked(BaseModel):
    """The documents, best first."""

    results: list[DocumentRanked]
    scale: str = Field(description='what scores mean: "order", "raw" or "probability"')
    status: str = Field(description='"complete", "partial" or "fallback"')
    events: list[EventShown]


class Explanation(BaseModel):
    """Why one document has its score."""

    score: float | None
    probability: float | None
    scale: str
    sentences: list[dict[str, Any]] = Field(
        description="sentences of the document by themselves, most relevant first: text, start, "
        "end and score"
    )
    stages: list[dict[str, Any]] = Field(description="what each stage made of it")
    events: list[EventShown]


class ToolDescribed(BaseModel):
    """A tool as an agent knows it."""

    name: str
    description: str = ""


class ToolRanked(BaseModel):
    """One tool by its name."""

    name: str
    score: float | None


class ToolsRanked(BaseModel):
    """The tools, best first."""

    results: list[ToolRanked]
    scale: str
    events: list[EventShown]


def mcp_server(model: ModelLike = "builtin") -> MCPServer[Any]:
    """The server, which any transport of the SDK runs: ``mcp_server().run()`` is stdio.

    Args:
        model: What `as_stage` takes; loaded once.

    Raises:
        SecondPassError: What loading the model may raise.
    """
    stage = as_stage(model)
    server: MCPServer[Any] = MCPServer(
        "secondpass",
        instructions="Put search results into the order of their relevance before reading them, "
        "and leave out what is not relevant.",
        version=version("secondpass"),
        log_level="WARNING",
    )

    @server.tool(annotations=_READ_ONLY)
    async def rerank(
        query: _Query, documents: _Documents, top_k: _TopK = None, threshold: _Least = None
    ) -> DocumentsRanked:
        """Order texts by how relevant they are to a query, best first. Use it on search results or
        retrieved passages before you read or cite them."""
        try:
            ranking = await arerank(query, documents, model=stage, top_k=top_k, threshold=threshold)
        except SecondPassError as error:
            raise ToolError(str(error)) from error
        results = [
            DocumentRanked(
                index=index, score=c.score, probability=_probability(ranking, c.score), text=c.text
            )
            for index, c in zip(ranking.indices, ranking, strict=True)
        ]
        return DocumentsRanked(
            results=results, scale=ranking.scale, status=ranking.status, events=_events(ranking)
        )

    @server.tool(annotations=_READ_ONLY)
    async def explain(
        query: _Query, document: Annotated[str, Field(description="The text.")]
    ) -> Explanation:
        """Say why a text is relevant to a query or not: its probability, the sentences that earn
        it, and what each stage of the reranker made of it."""
        try:
            explained: DocumentExplained = await explain_document(stage, query, document)
        except SecondPassError as error:
            raise ToolError(str(error)) from error
        ranking = explained.ranking
        score = ranking[0].score if len(ranking) else None
        return Explanation(
            score=score, probability=_probability(ranking, score), scale=ranking.scale,
            sentences=explained.sentences, stages=explained.stages, events=_events(ranking),
        )  # fmt: skip

    @server.tool(annotations=_READ_ONLY)
    async def rank_tools(
        request: Annotated[str, Field(description="What the user wants done.")],
        tools: Annotated[list[ToolDescribed], Field(description="The tools to choose from.")],
        top_k: _TopK = None,
    ) -> ToolsRanked:
        """Order tools by how well their descriptions fit a request, best first. Use it when there
        are more tools than you can look at."""
        try:
            ranking = await arank_tools(request, tools, model=stage, top_k=top_k)
        except SecondPassError as error:
            raise ToolError(str(error)) from error
        return ToolsRanked(
            results=[ToolRanked(name=c.id, score=c.score) for c in ranking],
            scale=ranking.scale, events=_events(ranking),
        )  # fmt: skip

    return server


def _probability(ranking: Ranking, score: float | None) -> float | None:
    return score if ranking.scale == "probability" else None


def _events(ranking: Ranking) -> list[EventShown]:
    return [EventShown(stage=e.stage, kind=e.kind, message=e.message) for e in ranking.events]
