"""The service as its users have it: in a process of its own thread, behind a socket of loopback."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from secondpass.serve import Settings, make_app
from secondpass.serve.connections import LimitedHeaders


class Server:
    """A running service.

    Attributes:
        url: Its address.
        app: The application.
    """

    def __init__(self, app: Any, http: Any = LimitedHeaders) -> None:
        self.app = app
        self._client = httpx.Client(timeout=60)
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app, log_config=None, timeout_graceful_shutdown=5, ws="none", http=http
        )
        self._server = uvicorn.Server(config)
        run = self._server.serve(sockets=[self._socket])
        self._thread = threading.Thread(target=asyncio.run, args=(run,), daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the service did not start"
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return self._client.post(self.url + path, json=body, **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self._client.get(self.url + path, **options)

    def wait_until_ready(self) -> None:
        while self.get("/health/ready").status_code != 200:
            time.sleep(0.02)


@contextmanager
def running(http: Any = LimitedHeaders, **settings: Any) -> Iterator[Server]:
    with Server(make_app(Settings(**settings)), http) as server:
        yield server


@pytest.fixture(scope="session")
def serving() -> Callable[..., Any]:
    """A service with settings of one's own, for a ``with`` block."""
    return running


@pytest.fixture(scope="session")
def _sockets() -> None:
    """pytest-socket forbids them by test, and a server outlives a test."""
    import pytest_socket

    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def service(_sockets: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The built-in model under its own name and Cohere's, raw scores, and a recipe that cuts."""
    from secondpass import Recipe, Threshold, Top, load

    cut = tmp_path_factory.mktemp("recipes") / "cut.json"
    builtin = load("builtin", options={"chunks": 1})  # long texts are cut
    Recipe.of(builtin >> Threshold(0.3) >> Top(1)).save(cut)
    recipes = {
        "builtin": "builtin", "rerank-v3.5": "builtin", "raw": "builtin:raw", "cut": str(cut),
    }  # fmt: skip
    with running(recipes=recipes, max_documents=100, max_body_bytes=1 << 20) as server:
        server.wait_until_ready()
        yield server
