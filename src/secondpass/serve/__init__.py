"""Recipes as an HTTP service for clients of several rerank APIs, and in batches.

app           the application
settings      what it may be told
served        loaded recipes; inside: the stages that they are made of
batching      one model's queue for all requests
asking        from a request to a ranking: limits, deadline, place in the queue
bodies        what requests hold; answers: what APIs call a score
routes        paths
middleware    log, keys, size of bodies; metrics
workers       processes; forked: that share what was loaded; connections: limits of headers
batch         any recipe over Parquet, in one process or on Ray
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secondpass.serve.app import make_app as make_app
    from secondpass.serve.settings import Settings as Settings
    from secondpass.serve.workers import serve as serve

_HOMES = {"Settings": "settings", "make_app": "app", "serve": "workers"}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    """The package can be looked at without the extra."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"secondpass.serve.{_HOMES[name]}"), name)
