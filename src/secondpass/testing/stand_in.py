"""What the stand-in servers share: HTTP on loopback, in a thread."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Response = tuple[int, Mapping[str, str], Any]
"""Status, headers and body: bytes, text, what JSON knows, or `Dripping`."""


@dataclass(frozen=True, slots=True)
class Dripping:
    """A body that is sent a byte at a time.

    Attributes:
        body: All of it.
        wait: Waits for a number of seconds, and returns whether to stop sending.
    """

    body: Any
    wait: Callable[[float], bool]


class StandIn:
    """A server on a free port of loopback, for a ``with`` block. Subclasses write `answer`.

    Attributes:
        url: The address for clients.
        header_names: The names, in lower case, of the headers of each request. No values.
        peak: The highest number of requests that were open at the same time.
    """

    base_path = ""
    """What the address ends with."""

    def __init__(self) -> None:
        self.header_names: list[tuple[str, ...]] = []
        self.peak = 0
        self._open = 0
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def answer(self, path: str, body: Any, key: str | None) -> Response | None:
        """The response to a request with a JSON body; None ends the connection without one."""
        raise NotImplementedError

    def handle(self, path: str, body: Any, key: str | None) -> Response | None:
        """Answer a request, counted among those that are open."""
        with self._lock:
            self._open += 1
            self.peak = max(self.peak, self._open)
        try:
            return self.answer(path, body, key)
        finally:
            with self._lock:
                self._open -= 1

    def __enter__(self) -> Self:
        self._http = _Http(("127.0.0.1", 0), _Handler)
        self._http.stand_in = self
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_port}{self.base_path}"
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stopping.set()
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join()


class _Http(ThreadingHTTPServer):
    request_queue_size = 256
    daemon_threads = False
    block_on_close = True
    stand_in: StandIn

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.connections: set[socket.socket] = set()

    def hang_up(self) -> None:
        """Close the connections that clients keep open."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that gave up and closed the connection


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet
    disable_nagle_algorithm = True
    server: _Http

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        stand_in = self.server.stand_in
        stand_in.header_names.append(tuple(name.lower() for name in self.headers))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            body = json.loads(raw)
        except ValueError:
            self._send(400, {}, {"error": {"message": "the body is not JSON"}})
            return
        key = self.headers.get("Authorization") or self.headers.get("Api-Key")
        response = stand_in.handle(self.path, body, key)
        if response is None:
            self.close_connection = True
            return
        self._send(*response)

    def do_GET(self) -> None:
        self._send(200, {}, {"object": "list", "data": [{"id": "stand-in", "object": "model"}]})

    def _send(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        wait = None
        if isinstance(body, Dripping):
            body, wait = body.body, body.wait
        kind = "text/html" if isinstance(body, str) else "application/json"
        if not isinstance(body, bytes):
            body = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        for piece in [body] if wait is None else (body[i : i + 1] for i in range(len(body))):
            self.wfile.write(piece)
            self.wfile.flush()
            if wait is not None and wait(0.05):
                return

    def log_message(self, format: str, *args: Any) -> None:
        return
