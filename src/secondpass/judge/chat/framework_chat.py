"""For adapters: what it takes to make another framework's chat model a `Chat`.

Frameworks agree on neither the attribute that names a model nor on where an answer says why it
ended, so both are looked up where they may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from secondpass.core.errors import RecipeError

_REASONS = ("finish_reason", "stop_reason", "done_reason", "stopReason")
_OPENAI_REASONS = {"max_tokens": "length", "refusal": "content_filter", "safety": "content_filter"}


def chat_name(model: object, attributes: Iterable[str]) -> str:
    """The class, and the model where an attribute names it, such as "ChatOpenAI:gpt-5-mini".

    Args:
        model: The framework's chat model.
        attributes: Where the model's name may be; the first that is a string counts.
    """
    values = (getattr(model, attribute, None) for attribute in attributes)
    name = next((value for value in values if value and isinstance(value, str)), None)
    return type(model).__name__ + (f":{name}" if name else "")


def finish_reason(holders: Iterable[object]) -> str | None:
    """Why the model stopped, in OpenAI's words ("stop", "length", "content_filter") where known.

    Args:
        holders: Mappings or objects that may say so; the first that does counts.
    """
    reason = first_value(holders, _REASONS)
    return _OPENAI_REASONS.get(str(reason).lower(), str(reason)) if reason else None


def first_value(holders: Iterable[object], names: Iterable[str]) -> Any:
    """The first value that is not empty and not 0, which servers say that do not count.

    Args:
        holders: Mappings, whose keys are read, or objects, whose attributes are.
        names: Tried in this order on each holder.
    """
    names = tuple(names)
    values = (field(holder, name) for holder in holders for name in names)
    return next((value for value in values if value), None)


def field(holder: object, name: str) -> Any:
    """A mapping's value or an object's attribute; None where there is none."""
    return holder.get(name) if isinstance(holder, Mapping) else getattr(holder, name, None)


def not_in_recipes(kind: str, name: str) -> RecipeError:
    """The error for a recipe that would hold a chat model, and with it the model's key.

    Args:
        kind: What the framework calls it, such as "LLM".
        name: The `chat_name`.
    """
    return RecipeError(
        f"a recipe cannot hold your {kind} {name!r}, an object with keys and connections; "
        "pass it as model= again where you load the rest, or use a model string 'judge:MODEL'"
    )
