"""`secondpass serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from secondpass.cli.options import check_above, check_from
from secondpass.core.errors import InvalidInputError
from secondpass.models.load import is_recipe_file


def serve(  # noqa: PLR0917 - typer turns them into options
    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            help="Recipes (.json) or model strings; NAME=RECIPE gives one a name. The first "
            "answers requests that name none. Without one: the built-in model."
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option(help="TOML file with settings; flags and environment go before.")
    ] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on: 127.0.0.1.")] = None,
    port: Annotated[
        int | None, typer.Option(help="Port to listen on: 8000.", callback=check_from(0, 65535))
    ] = None,
    workers: Annotated[
        int | None, typer.Option(help="Number of processes: 1.", callback=check_from(1, 256))
    ] = None,
    threads: Annotated[
        int | None,
        typer.Option(help="Processors of one worker: its share.", callback=check_from(1)),
    ] = None,
    keys_file: Annotated[
        Path | None, typer.Option(help="File with accepted Bearer keys, one a line.")
    ] = None,
    any_model: Annotated[
        bool | None,
        typer.Option("--any-model", help="Answer requests for unknown models with the first."),
    ] = None,
    deadline: Annotated[
        float | None,
        typer.Option(
            help="Most seconds for a request: 30.", callback=check_above(0, what="give seconds")
        ),
    ] = None,
) -> None:
    """Serve recipes over HTTP, to clients of Cohere, Jina, TEI and vLLM too."""
    from secondpass.serve import Settings
    from secondpass.serve import serve as serve_recipes

    given: dict[str, Any] = {
        "recipes": _by_name(recipes) if recipes else None,
        "host": host,
        "port": port,
        "workers": workers,
        "threads": threads,
        "keys_file": keys_file,
        "any_model": any_model,
        "deadline_seconds": deadline,
    }
    flags = {name: value for name, value in given.items() if value is not None}
    serve_recipes(Settings.gathered(flags, config))


def _by_name(recipes: list[str]) -> dict[str, str]:
    """By the name before "=", else by the file's."""
    named: dict[str, str] = {}
    for recipe in recipes:
        name, equals, model = recipe.partition("=")
        if not equals:
            name, model = Path(recipe).stem if is_recipe_file(recipe) else recipe, recipe
        if not name or not model:
            raise InvalidInputError(f"{recipe!r}: write NAME=RECIPE, or a recipe alone")
        if name in named:
            raise InvalidInputError(f"two recipes have the name {name!r}; write NAME=RECIPE")
        named[name] = model
    return named
