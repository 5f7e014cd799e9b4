"""The wire of the stand-in server: HTTP and the shape of OpenAI's answers."""

from __future__ import annotations

import contextlib
import json
import math
import socket
import time
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from secondpass.testing.chat_answers import Said
from secondpass.testing.chat_faults import Response


def completion(body: dict[str, Any], said: Said, reason: str, logprobs: bool) -> dict[str, Any]:
    """A chat completion as the protocol has it."""
    prompt = sum(len(str(m.get("content"))) for m in body.get("messages", [])) // 4
    written = -(-len(said.text) // 4)
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": str(body.get("model")),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said.text, "refusal": None},
                "finish_reason": reason,
                "logprobs": _logprobs(said, body) if logprobs else None,
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        },
    }


def _logprobs(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    top = int(body.get("top_logprobs") or 0)
    places = said.tokens or (((said.text, 1.0),),)
    content = []
    for likely in places:
        entries = [
            {"token": t, "logprob": math.log(max(p, 1e-30)), "bytes": list(t.encode())}
            for t, p in likely
        ]
        content.append({**entries[0], "top_logprobs": entries[:top]})
    return {"content": content, "refusal": None}


class ChatHttp(ThreadingHTTPServer):
    """Reads and writes HTTP on a free port of loopback; what to say is `respond`'s business."""

    request_queue_size = 256
    daemon_threads = False
    block_on_close = True

    def __init__(self, respond: Callable[[dict[str, Any], str | None], Response]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.connections: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        return  # a client that hung up, which clients that give up do


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
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.path.endswith("/chat/completions"):
            self._send(404, {}, {"error": {"message": f"no such path: {self.path}"}})
            return
        try:
            body = json.loads(raw)
        except ValueError:
            self._send(400, {}, {"error": {"message": "the body is no JSON"}})
            return
        self._send(*self.server.respond(body, self.headers.get("Authorization")))

    def do_GET(self) -> None:
        self._send(200, {}, {"object": "list", "data": [{"id": "stand-in", "object": "model"}]})

    def _send(self, status: int, headers: Mapping[str, str], body: Any) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        kind = "text/html" if isinstance(body, str) else "application/json"
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        return
