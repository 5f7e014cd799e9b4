"""What went wrong with a chat endpoint and what to do about it, without telling the key."""

from __future__ import annotations

import os
import re
from urllib.parse import urljoin, urlsplit

import openai

from secondpass.core.errors import InvalidInputError
from secondpass.judge.chat.protocol import ChatError
from secondpass.models.openai.http import UnreadableError

_KEY = re.compile(r"\b(?:sk|pk|rk|key|gsk|xai|hf)[-_][\w*.-]{6,}|(?<=Bearer )\S+")


class Secret:
    """A key that does not show in reprs and dumps, and is not pickled."""

    __slots__ = ("_value",)

    def __init__(self, value: str | None) -> None:
        self._value = value

    def reveal(self, base_url: str | None = None) -> str | None:
        """The key given; else the environment's as it is now, for the environment's own server.

        A recipe from somebody else may name any address, and must not be able to collect keys: the
        environment's goes to OpenAI itself and to OPENAI_BASE_URL, and nowhere else.
        """
        if self._value or not self.is_own(base_url):
            return self._value
        return os.environ.get("OPENAI_API_KEY") or None

    @staticmethod
    def is_own(base_url: str | None) -> bool:
        """Whether an address is the one that the environment's settings are for."""
        own = (os.environ.get("OPENAI_BASE_URL") or "").rstrip("/")
        return base_url is None or base_url.rstrip("/") == own

    def hidden(self, text: str) -> str:
        """A text without the key, and without what looks like one."""
        key = self.reveal()
        if key and len(key) > 4:
            text = text.replace(key, "***")
        return _KEY.sub("***", text)

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> tuple[type[Secret], tuple[None]]:
        return type(self), (None,)  # a pickle takes the key of where it is read

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self


def checked_url(base_url: str | None) -> str | None:
    """The address, if it is one.

    Raises:
        InvalidInputError: No http address, or one that holds a user or a password.
    """
    if base_url is None:
        return None
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInputError(f"base_url={base_url!r} must look like http://localhost:8080/v1")
    if parts.username or parts.password:
        raise InvalidInputError(
            "base_url must not hold a user or a password: it is stored in recipes and shown in "
            "errors. Pass the key as api_key, or set OPENAI_API_KEY"
        )
    return base_url


def told(error: openai.OpenAIError, model: str, base_url: str | None, key: Secret) -> ChatError:
    """Our error for one of openai's: what happened, where, and the remedy."""
    where = base_url or os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
    where = re.sub(r"//[^/@]*@", "//", where)
    status = getattr(error, "status_code", None)
    if isinstance(error, openai.APITimeoutError):
        message = f"{where} did not answer in time; pass a longer timeout= or check the server"
    elif isinstance(error.__cause__, UnreadableError):
        message = (
            f"{where} answered with something that is no chat completion: {_cause(error)}; is "
            "base_url right? It usually ends in /v1"
        )
    elif isinstance(error, openai.APIConnectionError):
        message = (
            f"cannot connect to {where} ({_cause(error)}); check base_url, and that the server runs"
        )
    elif isinstance(error, openai.AuthenticationError):
        message = (
            f"{where} refused the key (401); check api_key=, or OPENAI_API_KEY, which is sent to "
            "OpenAI and to OPENAI_BASE_URL only"
        )
    elif isinstance(error, openai.PermissionDeniedError):
        message = f"the key may not use {model!r} at {where} (403): {_said(error)}"
    elif isinstance(error, openai.NotFoundError):
        message = (
            f"{where} knows no model {model!r}, or no such address (404): {_said(error)}; check "
            "the model's name, and that base_url ends in /v1 if the server's does"
        )
    elif isinstance(error, openai.RateLimitError):
        message = (
            f"{where} still says too many requests (429) after all retries: {_said(error)}; "
            "ask fewer at once, or raise max_retries="
        )
    elif isinstance(error, openai.APIStatusError) and 300 <= error.status_code < 400:
        message = (
            f"{where} redirects to {_target(error)} ({status}); passages are not sent where you "
            "did not say: give that address as base_url if it is right"
        )
    elif isinstance(error, openai.APIStatusError):
        message = f"{where} answered {status} for the model {model!r}: {_said(error)}"
    elif isinstance(error, openai.APIError):
        message = f"{where} answered with something unreadable: {_said(error)}"
    elif key.reveal() is None:
        message = "there is no key: set OPENAI_API_KEY, or pass api_key="
    else:
        message = f"the openai client failed: {error}"
    return ChatError(key.hidden(message), status)


def _said(error: openai.APIError) -> str:
    body = error.body
    said = body.get("message") if isinstance(body, dict) else None
    return " ".join(str(said or error.message).split())[:500]


def _target(error: openai.APIStatusError) -> str:
    """The address of a redirect, without what it may hold besides: a user, a query."""
    to = urljoin(str(error.request.url), error.response.headers.get("location", ""))
    return re.sub(r"//[^/@]*@|[?#].*", lambda m: "//" * m[0].startswith("//"), to)[:200]


def _cause(error: BaseException) -> str:
    inner = error.__cause__ or error.__context__
    return " ".join(str(inner or error).split())[:200]
