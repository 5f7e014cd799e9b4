"""`secondpass mcp`."""

from __future__ import annotations

from typing import Annotated

import typer

from secondpass.cli.options import MODEL_HELP


def mcp(
    model: Annotated[str, typer.Option(help=MODEL_HELP)] = "builtin",
) -> None:
    """Serve the tools rerank, explain and rank_tools to agents (MCP, over stdio)."""
    from secondpass.integrations.mcp import mcp_server

    mcp_server(model).run()
