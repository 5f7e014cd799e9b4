"""The application: routes, limits and errors around loaded recipes."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

from secondpass.core.errors import (
    InvalidInputError,
    MissingExtraError,
    NoScoresError,
    NotCalibratedError,
    SecondPassError,
)

try:
    import prometheus_client  # noqa: F401 - of the same extra
    from fastapi import FastAPI, HTTPException, Request
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException as StarletteHTTPException
    from starlette.responses import JSONResponse
except ImportError as error:
    raise MissingExtraError("secondpass serve", "server") from error

from secondpass.core.stage import Stage
from secondpass.serve.asking import Service
from secondpass.serve.batching import BatchLog
from secondpass.serve.metrics import Metrics
from secondpass.serve.middleware import (
    LimitBodies,
    RequireKey,
    TraceRequests,
    WatchRequests,
    error_response,
)
from secondpass.serve.routes import others, own, watching
from secondpass.serve.served import Recipes
from secondpass.serve.settings import Settings
from secondpass.stages.fallback import CircuitOpenError

LOGGER = logging.getLogger("secondpass.serve")
_WITHOUT_ITS_SPANS: dict[str, Any] = (
    {"telemetry": {"tracing": False, "metrics": False, "logs": False}}
    if "telemetry" in inspect.signature(FastAPI).parameters
    else {}
)
"""FastAPI's newer versions write spans of their own, of probes too: `TraceRequests` writes ours."""
_SHOWN = 3
"""Mistakes of a body that an error names."""


def make_app(
    settings: Settings | None = None, *, loaded: Mapping[str, Stage] | None = None
) -> FastAPI:
    """The service as an ASGI application, for any server or to be mounted in another application.

    Recipes are loaded here; it is ready when it has started and scored known pairs as expected.

    Args:
        settings: None: those of the environment.
        loaded: Models that need not be loaded, by what `settings.recipes` calls them.

    Raises:
        InvalidInputError: A setting that cannot be.
        MissingExtraError: The extra `server` is not installed.
        SecondPassError: What loading a recipe may raise.
    """
    settings = settings or Settings.received()
    metrics = Metrics()
    recipes = Recipes(settings, BatchLog(metrics.batch, metrics.waited, metrics.noted), loaded)
    service = Service(settings, metrics, recipes)
    recipes.set_on_the_way(lambda: service.arriving)
    app = FastAPI(
        title="secondpass",
        version=version("secondpass"),
        description="Puts the right documents on top, and says how likely each is to be relevant.",
        lifespan=_lifespan,
        redoc_url=None,
        **_WITHOUT_ITS_SPANS,
    )
    app.state.service = service
    for router in (own.router, others.router, watching.router):
        app.include_router(router)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(SecondPassError, _refused)
    app.add_exception_handler(StarletteHTTPException, _said)
    app.add_exception_handler(Exception, _unexpected)
    app.add_middleware(LimitBodies, most=settings.max_body_bytes, seconds=settings.body_seconds)
    app.add_middleware(RequireKey, keys=settings.accepted_keys())
    app.add_middleware(TraceRequests)
    app.add_middleware(WatchRequests, service=service)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    service: Service = app.state.service
    checking = asyncio.create_task(_check(service))
    try:
        yield
    finally:
        service.ready, service.problem = False, "the service is ending"
        checking.cancel()
        service.recipes.close()


async def _check(service: Service) -> None:
    """Ready is who scored known pairs as expected."""
    for name, served in service.recipes.items():
        try:
            await served.check()
        except Exception as error:
            service.problem = f"recipe {name!r}: {error}"
            LOGGER.error("not ready", extra={"secondpass": {"problem": service.problem}})
            return
    service.ready, service.problem = True, ""
    LOGGER.info("ready", extra={"secondpass": {"recipes": list(service.recipes)}})


async def _malformed(_request: Request, error: Exception) -> JSONResponse:
    """Where the body is wrong, and why; never what it holds."""
    assert isinstance(error, RequestValidationError)
    mistakes = error.errors()
    if any(m["type"] == "json_invalid" for m in mistakes):
        return error_response(400, "the body is not JSON")
    unknown = [m for m in mistakes if m["type"] == "extra_forbidden"]
    if unknown:
        field = str(unknown[0]["loc"][-1])
        return error_response(422, f"unknown field: parameter {field!r:.80} is not a valid field")
    said = [f"{_place(m['loc'])}: {m['msg']}" for m in mistakes[:_SHOWN]]
    more = f"; and {len(mistakes) - _SHOWN} more" if len(mistakes) > _SHOWN else ""
    return error_response(422, "; ".join(said) + more)


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """The caller's mistakes are 422, a resting circuit 503, a failed model 500."""
    if isinstance(error, InvalidInputError | NoScoresError | NotCalibratedError):
        return error_response(422, str(error))
    LOGGER.error("failed", extra={"secondpass": {"error": type(error).__name__}})
    if isinstance(error, CircuitOpenError):
        return error_response(503, str(error), {"Retry-After": "1"})
    return error_response(500, str(error))


async def _said(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException | StarletteHTTPException)
    return error_response(error.status_code, str(error.detail), dict(error.headers or {}))


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    """Its traceback goes to the server's log."""
    return error_response(500, "the service failed; its log says how")


def _place(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path[:120]
