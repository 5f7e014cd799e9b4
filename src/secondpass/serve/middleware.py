"""What every request passes before a route sees it: the log, the keys, the size of its body."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import time
import uuid
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from secondpass.serve.asking import Service
from secondpass.tracing.attributes import Attributes
from secondpass.tracing.instrumentor import server_spans

LOGGER = logging.getLogger("secondpass.serve")
_PROBES = frozenset(("/health", "/health/live", "/health/ready"))
OPEN = _PROBES | {"/", "/docs", "/openapi.json"}
"""Paths that need no key: probes, and pages that say nothing of what is served."""
_QUIET = _PROBES | {"/metrics"}


def error_response(
    status: int, message: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """An error in a shape that clients of all APIs read: Cohere's ``message``, Jina's ``detail``,
    TEI's ``error`` and ``error_type``."""
    kind = {413: "Validation", 422: "Validation", 400: "Validation", 429: "Overloaded"}
    said = {
        "message": message,
        "detail": message,
        "error": message,
        "error_type": kind.get(status, "Backend" if status >= 500 else "Validation"),
    }
    return JSONResponse(said, status, headers)


class WatchRequests:
    """Counts and logs each request, without anything of its content."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self.app, self.service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.monotonic(), 500
        facts: dict[str, Any] = {}
        scope["secondpass"] = facts
        if scope["method"] == "POST":
            facts["arriving"] = True
            self.service.arriving += 1
        id = _request_id(scope)

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", id.encode())]
            await send(message)

        try:
            await self.app(scope, receive, watched)
        finally:
            self.service.arrived(scope)
            seconds = time.monotonic() - began
            route = scope.get("route")
            path = getattr(route, "path", None) or "other"
            self.service.metrics.answered(path, status, seconds)
            level = logging.DEBUG if path in _QUIET else logging.INFO
            if LOGGER.isEnabledFor(level):
                facts.pop("arriving", None)
                said = {"id": id, "method": scope["method"], "path": path, "status": status}
                said |= {"seconds": round(seconds, 6), **facts}
                LOGGER.log(level, "request", extra={"secondpass": said})


class TraceRequests:
    """A span of OpenTelemetry around each request, where `secondpass.tracing` is on.

    The spans of stages lie in it, and its parent is what the caller's ``traceparent`` names. Probes
    and scrapes have none. A log line gets the id of its trace.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        spans = server_spans()
        if spans is None or scope["type"] != "http" or scope["path"] in _QUIET:
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): v.decode("latin-1") for name, v in scope["headers"]}
        facts: dict[str, Any] = scope["secondpass"]
        with spans.request(scope["method"], headers, _http_attributes(scope, headers)) as (
            answer,
            trace_id,
        ):
            if trace_id is not None:
                facts["trace_id"] = trace_id

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    answer.status = message["status"]
                await send(message)

            try:
                await self.app(scope, receive, watched)
            except Exception as error:
                answer.status, answer.error = 500, type(error).__qualname__
                raise
            finally:
                answer.route = getattr(scope.get("route"), "path", None)
                named = {"recipe": "secondpass.recipe", "ranking": "secondpass.status"}
                answer.attributes = {to: facts[of] for of, to in named.items() if of in facts}


class RequireKey:
    """Refuses requests without one of the keys; each is compared in constant time."""

    def __init__(self, app: ASGIApp, keys: list[str]) -> None:
        self.app, self.digests = app, [sha256(key.encode()).digest() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self.digests or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        given = dict(scope["headers"]).get(b"authorization", b"")
        kind, _, key = given.partition(b" ")
        digest = sha256(key.strip()).digest()
        matches = [hmac.compare_digest(digest, one) for one in self.digests]  # all are compared
        if kind.lower() == b"bearer" and any(matches):
            await self.app(scope, receive, send)
            return
        response = error_response(
            401, "a key is needed: Authorization: Bearer KEY", {"WWW-Authenticate": "Bearer"}
        )
        await response(scope, receive, send)


class LimitBodies:
    """Reads each body to its end, within a size and a time, before the app sees the request."""

    def __init__(self, app: ASGIApp, most: int, seconds: float) -> None:
        self.app, self.most, self.seconds = app, most, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        problem: tuple[int, str] | None = None
        body = bytearray()
        announced = headers.get(b"content-length", b"0")
        if headers.get(b"content-encoding", b"identity").lower() != b"identity":
            problem = 415, "bodies may not be compressed"
        elif announced.isdigit() and int(announced) > self.most:
            problem = 413, f"the body has {int(announced)} bytes; at most {self.most} may be sent"
        else:
            try:
                async with asyncio.timeout(self.seconds):
                    more = True
                    while more and problem is None:
                        message = await receive()
                        if message["type"] == "http.disconnect":
                            return
                        body += message.get("body", b"")
                        more = message.get("more_body", False)
                        if len(body) > self.most:
                            problem = 413, f"the body is longer than {self.most} bytes"
            except TimeoutError:
                problem = 408, f"the body did not arrive within {self.seconds:g} s"
        if problem is not None:
            await self._refuse(error_response(*problem, {"Connection": "close"}), receive, send)
            return
        sent = False

        async def replay() -> Message:
            nonlocal sent
            if sent:
                return await receive()
            sent = True
            return {"type": "http.request", "body": bytes(body), "more_body": False}

        await self.app(scope, replay, send)

    async def _refuse(self, response: JSONResponse, receive: Receive, send: Send) -> None:
        """Answer, and read on without keeping anything: what is closed while a client sends is a
        broken connection to it, and the answer is lost."""
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": response.raw_headers,
            }
        )
        await send({"type": "http.response.body", "body": response.body, "more_body": True})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.seconds):
                more = True
                while more:
                    message = await receive()
                    more = message["type"] == "http.request" and message.get("more_body", False)
        await send({"type": "http.response.body", "body": b""})


def _http_attributes(scope: Scope, headers: Mapping[str, str]) -> Attributes:
    """By the names of OpenTelemetry's conventions; nothing of the body, and no query string."""
    attributes: Attributes = {
        "url.scheme": scope.get("scheme", "http"),
        "url.path": scope["path"],
        "network.protocol.version": scope.get("http_version", "1.1"),
    }
    if server := scope.get("server"):
        attributes["server.address"] = server[0]
        if server[1]:
            attributes["server.port"] = server[1]
    if client := scope.get("client"):
        attributes["client.address"] = client[0]
    if agent := headers.get("user-agent"):
        attributes["user_agent.original"] = agent[:200]
    return attributes


def _request_id(scope: Scope) -> str:
    """The caller's own, if it is a short word; else a new one."""
    given = dict(scope["headers"]).get(b"x-request-id", b"")[:64].decode("latin-1")
    return given if given.replace("-", "").isalnum() and given.isascii() else uuid.uuid4().hex
