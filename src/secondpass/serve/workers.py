"""The processes of the service: one, or several of which each that ends is started again."""

from __future__ import annotations

import os
import socket
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.errors import MissingExtraError

try:
    import uvicorn
except ImportError as error:
    raise MissingExtraError("secondpass serve", "server") from error

from secondpass.core.stage import Stage
from secondpass.serve.connections import LimitedHeaders
from secondpass.serve.forked import can_fork, run_workers
from secondpass.serve.log_lines import log_config
from secondpass.serve.served import Recipes
from secondpass.serve.settings import HANDED_ON, MANY, Settings


def serve(settings: Settings) -> None:
    """Answer requests until SIGTERM or SIGINT; then requests that were begun are finished.

    Several workers are forks of this process, which has loaded the models: they share its memory.
    Where that cannot be (other systems than Linux; torch, OpenVINO) each loads its own.

    Raises:
        SecondPassError: What loading a recipe may raise.
    """
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "log_config": log_config(settings.log_level),
        "access_log": False,  # the service logs requests itself
        "server_header": False,
        "http": LimitedHeaders,
        "timeout_graceful_shutdown": settings.drain_seconds,
    }
    if settings.workers == 1:
        from secondpass.serve.app import make_app

        uvicorn.run(make_app(settings), **options)
        return
    settings.accepted_keys()
    for name, value in _OF_FORKS.items():
        os.environ.setdefault(name, value)
    recipes = Recipes(settings)  # what cannot be loaded is said here, once, and not by each worker
    loaded = dict(recipes.stages)
    recipes.close()
    del recipes
    with tempfile.TemporaryDirectory(prefix="secondpass-metrics-") as folder:
        os.environ.setdefault(MANY, folder)
        if can_fork():
            _run_forks(settings, loaded, options)
            return
        os.environ[HANDED_ON] = settings.handed_on()
        uvicorn.run(
            "secondpass.serve.app:make_app", factory=True, workers=settings.workers, **options
        )


_OF_FORKS = {"OPENBLAS_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
"""Threads that a fork would not have; the models have threads of their own."""


def _run_forks(settings: Settings, loaded: Mapping[str, Stage], options: dict[str, Any]) -> None:
    from secondpass.serve.app import make_app  # counts together since `MANY` is set

    listening = uvicorn.Config("not imported here", **options).bind_socket()

    def work(sockets: Sequence[socket.socket]) -> None:
        app = make_app(settings, loaded=loaded)
        uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=list(sockets))

    try:
        run_workers(work, [listening], settings.workers, settings.drain_seconds + 5)
    finally:
        listening.close()
