"""Connections whose headers must arrive in time, and may not be without end.

uvicorn waits for headers as long as a client likes; bodies are limited by `LimitBodies`.
"""

from __future__ import annotations

import asyncio
import json
from http import HTTPStatus

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class LimitedHeaders(HttpToolsProtocol):
    """uvicorn's, with two limits.

    Attributes:
        header_seconds: From the connection, or from a request's first byte, to its last header.
        header_bytes: Of all headers.
    """

    header_seconds = 10.0
    header_bytes = 64 << 10

    _timer: asyncio.TimerHandle | None = None
    _received = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        self._wait()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._stop()
        super().on_headers_complete()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._timer is not None:  # still in the headers
            self._received += len(data)
            if self._received > self.header_bytes:
                self._refuse(431, f"the headers are longer than {self.header_bytes} bytes")

    def _wait(self) -> None:
        self._stop()
        self._timer = self.loop.call_later(self.header_seconds, self._late)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer, self._received = None, 0

    def _late(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self._wait()  # of a next request, while this one is being answered
            return
        self._refuse(408, f"the headers did not arrive within {self.header_seconds:g} s")

    def _refuse(self, status: int, why: str) -> None:
        self._stop()
        if self.transport.is_closing():
            return
        body = json.dumps({"message": why, "detail": why, "error": why}).encode()
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()
