"""For your own tests: conformance checks, the laws they check, and test doubles."""

from typing import TYPE_CHECKING, Any

from secondpass.testing.chat_faults import Fault
from secondpass.testing.checks import (
    check_comparer,
    check_judge,
    check_scorer,
    check_stage,
    samples,
)
from secondpass.testing.doubles import (
    FakeAsyncJudge,
    FakeComparer,
    FakeJudge,
    FakeScorer,
    overlap,
)

if TYPE_CHECKING:
    from secondpass.testing.chat_server import ChatServer
    from secondpass.testing.rerank_server import RerankServer

__all__ = [
    "ChatServer",
    "FakeAsyncJudge",
    "FakeComparer",
    "FakeJudge",
    "FakeScorer",
    "Fault",
    "RerankServer",
    "check_comparer",
    "check_judge",
    "check_scorer",
    "check_stage",
    "overlap",
    "samples",
]


def __getattr__(name: str) -> Any:
    if name == "ChatServer":  # an HTTP server is more than most tests need
        from secondpass.testing.chat_server import ChatServer

        return ChatServer
    if name == "RerankServer":
        from secondpass.testing.rerank_server import RerankServer

        return RerankServer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
