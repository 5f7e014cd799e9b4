"""Errors of a chat endpoint, each with its remedy, and the key that none of them may show."""

from __future__ import annotations

import os
import re
from urllib.parse import urljoin

import openai

from secondpass.judge.chat.protocol import ChatError
from secondpass.models import network
from secondpass.models.openai.http import UnreadableError

_KEY = re.compile(r"\b(?:sk|pk|rk|key|gsk|xai|hf)[-_][\w*.-]{6,}|(?<=Bearer )\S+")


class Secret:
    """A key that is not shown in reprs and dumps, and is not pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str | None) -> None:
        self._value = value

    def reveal(self, base_url: str | None = None) -> str | None:
        """This key; else the environment's current one, for the environment's own server.

        A recipe from somebody else may name any address, and must not be able to collect keys: the
        environment's key goes to OpenAI itself and to OPENAI_BASE_URL, and nowhere else.
        """
        if self._value or not self.is_own(base_url):
            return self._value
        return os.environ.get("OPENAI_API_KEY") or None

    @staticmethod
    def is_own(base_url: str | None) -> bool:
        """Whether an address is the one that the environment's settings are for."""
        own = (os.environ.get("OPENAI_BASE_URL") or "").rstrip("/")
        return base_url is None or base_url.rstrip("/") == own

    def hide(self, text: str) -> str:
        """A text without the key, and without anything that looks like one."""
        key = self.reveal()
        if key and len(key) > 4:
            text = text.replace(key, "***")
        return _KEY.sub("***", text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> tuple[type[Secret], tuple[None]]:
        return type(self), (None,)  # an unpickled one uses the key of its own environment

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def check_url(base_url: str | None) -> str | None:
    """The address, if it is valid.

    Raises:
        InvalidInputError: Not an http address, or one that holds a user or a password.
    """
    if base_url is None:
        return None
    network.check_url(
        base_url,
        name="base_url",
        example="http://localhost:8080/v1",
        remedy="it is stored in recipes and shown in errors. Pass the key as api_key, or set "
        "OPENAI_API_KEY",
    )
    return base_url


def chat_error_from(
    error: openai.OpenAIError, *, model: str, base_url: str | None, key: Secret
) -> ChatError:
    """The `ChatError` for an error of openai: what happened, where, and the remedy."""
    where = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    where = re.sub(r"//[^/@]*@", "//", where)
    message = f"the openai client failed: {error}"
    if isinstance(error, openai.APIError):
        message = _api_message(error, model, where)
    elif key.reveal() is None:
        message = "there is no key: set OPENAI_API_KEY, or pass api_key="
    return ChatError(key.hide(message), getattr(error, "status_code", None))


def _api_message(error: openai.APIError, model: str, where: str) -> str:
    if isinstance(error, openai.APIStatusError):
        return _status_message(error, model, where)
    if isinstance(error, openai.APITimeoutError):
        return f"{where} did not answer in time; pass a longer timeout= or check the server"
    if isinstance(error.__cause__, UnreadableError):
        return (
            f"{where} answered with something that is not a chat completion: {_cause(error)}; is "
            "base_url right? It usually ends in /v1"
        )
    if isinstance(error, openai.APIConnectionError):
        return (
            f"cannot connect to {where} ({_cause(error)}); check base_url, and that the server runs"
        )
    return f"{where} answered with something unreadable: {_server_message(error)}"


def _status_message(error: openai.APIStatusError, model: str, where: str) -> str:
    status, message = error.status_code, _server_message(error)
    if 300 <= status < 400:
        return (
            f"{where} redirects to {_redirect_target(error)} ({status}); passages are not sent to "
            "an address that you did not give: pass it as base_url if it is right"
        )
    remedies = {
        401: f"{where} refused the key (401); check api_key=, or OPENAI_API_KEY, which is sent to "
        "OpenAI and to OPENAI_BASE_URL only",
        403: f"the key may not use {model!r} at {where} (403): {message}",
        404: f"{where} has no model {model!r}, or no such address (404): {message}; check the "
        "model's name, and that base_url ends in /v1 if the server's does",
        429: f"{where} still answers too many requests (429) after all retries: {message}; lower "
        "concurrency=, or raise max_retries=",
    }
    return remedies.get(status, f"{where} answered {status} for the model {model!r}: {message}")


def _server_message(error: openai.APIError) -> str:
    body = error.body
    message = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(message or error.message).split())[:500]


def _redirect_target(error: openai.APIStatusError) -> str:
    """The address of a redirect, without anything secret in it: a user, a query."""
    target = urljoin(str(error.request.url), error.response.headers.get("location", ""))
    return re.sub(r"//[^/@]*@|[?#].*", lambda m: "//" * m[0].startswith("//"), target)[:200]


def _cause(error: BaseException) -> str:
    inner = error.__cause__ or error.__context__
    return " ".join(str(inner or error).split())[:200]
