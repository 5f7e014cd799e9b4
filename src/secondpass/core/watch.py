"""Who looks on while stages run, such as `secondpass.tracing`: nobody, until somebody asks to.

Then `run` and `arun` of every class of stages, and of those that are defined later, are wrapped. So
what nobody watches costs nothing: no call, no frame, no import.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from secondpass.core.ranking import Ranking
    from secondpass.core.stage import Stage

Watch = Callable[
    ["Stage", "Sequence[Ranking]"], AbstractContextManager[Callable[["list[Ranking]"], None]]
]
"""Makes a context around one run of a stage, which is told the results; an error leaves through
it. It may raise nothing of its own."""

_watch: Watch | None = None
_running: ContextVar[Stage | None] = ContextVar("secondpass_running", default=None)
_METHOD = "_secondpass_watched_method"


def watch_stages(root: type[Stage], watch: Watch | None) -> None:
    """Let `watch` see each run of each stage, in place of who did before; None ends it.

    A run that a stage derives from another of its own, as `arun` of one that writes `run`, is
    seen once.

    Args:
        root: `Stage`; its subclasses are watched with it.
        watch: See `Watch`.
    """
    global _watch
    _watch = watch
    for kind in _with_subclasses(root):
        if watch is None:
            _unwrap(kind)
        else:
            wrap_if_watched(kind)


def wrap_if_watched(kind: type[Stage]) -> None:
    """Of a class that was just defined: watch it too, if stages are being watched."""
    if _watch is None:
        return
    for name, wrap in (("run", _watched), ("arun", _watched_async)):
        method = kind.__dict__.get(name)
        if method is not None and not hasattr(method, _METHOD):
            setattr(kind, name, wrap(method))


def _unwrap(kind: type[Stage]) -> None:
    for name in ("run", "arun"):
        method = getattr(kind.__dict__.get(name), _METHOD, None)
        if method is not None:
            setattr(kind, name, method)


def _with_subclasses(kind: type[Stage]) -> Iterator[type[Stage]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _with_subclasses(below)


@contextmanager
def _seen(stage: Stage, rankings: Sequence[Ranking]) -> Iterator[Callable[[list[Ranking]], None]]:
    """Around one run of a stage: what is told its results, if anybody watches."""
    watch = _watch
    if watch is None or _running.get() is stage:
        yield lambda _: None
        return
    with watch(stage, rankings) as tell:
        token = _running.set(stage)
        try:
            yield tell
        finally:
            _running.reset(token)


def _watched(run: Callable[..., list[Ranking]]) -> Callable[..., list[Ranking]]:
    @functools.wraps(run)
    def watched(self: Stage, rankings: Sequence[Ranking]) -> list[Ranking]:
        with _seen(self, rankings) as tell:
            results = run(self, rankings)
            tell(results)
        return results

    setattr(watched, _METHOD, run)
    return watched


def _watched_async(arun: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(arun)
    async def watched(self: Stage, rankings: Sequence[Ranking]) -> list[Ranking]:
        with _seen(self, rankings) as tell:
            results: list[Ranking] = await arun(self, rankings)
            tell(results)
        return results

    setattr(watched, _METHOD, arun)
    return watched
