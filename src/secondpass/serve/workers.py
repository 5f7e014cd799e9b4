"""The processes of the service: one, or several that uvicorn watches and starts again."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from secondpass.core.errors import MissingExtraError

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError("secondpass serve", "server") from error

from secondpass.serve.app import make_app
from secondpass.serve.metrics import MANY
from secondpass.serve.served import Recipes
from secondpass.serve.settings import HANDED_ON, Settings


def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT; then requests that were begun are finished.

    Raises:
        SecondPassError: What loading a recipe may raise.
    """
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "log_config": log_config(settings.log_level),
        "access_log": False,  # the service logs requests itself
        "server_header": False,
        "timeout_graceful_shutdown": settings.drain_seconds,
    }
    if settings.workers == 1:
        uvicorn.run(make_app(settings), **options)
        return
    settings.accepted_keys()
    Recipes(settings).close()  # what cannot be loaded is said here, once, and not by each worker
    with tempfile.TemporaryDirectory(prefix="secondpass-metrics-") as folder:
        os.environ[HANDED_ON] = settings.handed_on()
        os.environ.setdefault(MANY, folder)
        uvicorn.run(
            "secondpass.serve.app:make_app", factory=True, workers=settings.workers, **options
        )


def log_config(level: str) -> dict[str, Any]:
    """Lines of JSON on standard error, for uvicorn."""
    logger = {"handlers": ["lines"], "level": level.upper(), "propagate": False}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"json": {"()": "secondpass.serve.middleware.JsonLines"}},
        "handlers": {
            "lines": {
                "class": "logging.StreamHandler",
                "formatter": "json",
                "stream": "ext://sys.stderr",
            }
        },
        "loggers": {"uvicorn": logger, "secondpass.serve": logger},
    }
