"""The HTTP side of the stand-in server."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from secondpass.testing.chat_faults import Response


@dataclass(frozen=True, slots=True)
class Dripping:
    """A body that is sent a byte at a time.

    Attributes:
        body: All of it.
        wait: Waits for a number of seconds, and returns whether to stop sending.
    """

    body: Any
    wait: Callable[[float], bool]


class ChatHttp(ThreadingHTTPServer):
    """Reads and writes HTTP on a free port of loopback; the response is `respond`'s."""

    request_queue_size = 256
    daemon_threads = False
    block_on_close = True

    def __init__(self, respond: Callable[[dict[str, Any], str | None], Response]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.connections: set[socket.socket] = set()
        self.header_names: list[tuple[str, ...]] = []

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
    server: ChatHttp

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def do_POST(self) -> None:
        self.server.header_names.append(tuple(name.lower() for name in self.headers))
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.endswith("/chat/completions"):
            self._send(404, {}, {"error": {"message": f"no such path: {self.path}"}})
            return
        try:
            body = json.loads(raw)
        except ValueError:
            self._send(400, {}, {"error": {"message": "the body is not JSON"}})
            return
        self._send(*self.server.respond(body, self.headers.get("Authorization")))

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
