"""Rerankers behind a URL.

dialects           how each API is spoken, as data
reranker           the stage that asks one; service: the one that asks `secondpass serve`
bedrock, vertex    those of Amazon and Google, whose SDKs find credentials
decision           decision models as judges; decision_wires: what they are sent and answer
address            where a server is, and the key that goes there and nowhere else
http               one request: attempts, limits of time and size
reply              one score per text out of an answer
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secondpass.models.remote.bedrock import BedrockReranker as BedrockReranker
    from secondpass.models.remote.decision import DecisionJudge as DecisionJudge
    from secondpass.models.remote.dialects import DIALECTS as DIALECTS
    from secondpass.models.remote.dialects import Dialect as Dialect
    from secondpass.models.remote.errors import RemoteError as RemoteError
    from secondpass.models.remote.reranker import RemoteReranker as RemoteReranker
    from secondpass.models.remote.service import RemoteRecipe as RemoteRecipe
    from secondpass.models.remote.vertex import VertexReranker as VertexReranker

_HOMES = {
    "BedrockReranker": "bedrock",
    "DIALECTS": "dialects",
    "DecisionJudge": "decision",
    "Dialect": "dialects",
    "RemoteError": "errors",
    "RemoteRecipe": "service",
    "RemoteReranker": "reranker",
    "VertexReranker": "vertex",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    """Without httpx2 the dialects can be read."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"secondpass.models.remote.{_HOMES[name]}"), name)
