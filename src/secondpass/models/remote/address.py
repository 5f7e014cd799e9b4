"""Where a rerank API is, and the key that goes there and nowhere else."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from secondpass.core.errors import InvalidInputError
from secondpass.models.network import check_url
from secondpass.models.remote.dialects import Dialect


class ServerAddress(ABC):
    """Where requests go, and what they are sent with."""

    url: str

    @property
    def host(self) -> str:
        """As messages and names show it."""
        return urlsplit(self.url).netloc

    @abstractmethod
    def endpoint(self) -> str:
        """The address of the API."""

    @abstractmethod
    async def headers_for(self, content: bytes) -> Mapping[str, str]:
        """With the key or the signature of a request with this body."""

    @abstractmethod
    def without_key(self, text: str) -> str:
        """A text of the server's without the key, if it repeats it."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


class Address(ServerAddress):
    """The address of a server and its key, neither of which a recipe holds.

    Args:
        name: The dialect's name.
        dialect: Of the server.
        url: With or without the API's path; None: SECONDPASS_TEI_URL (and likewise for other
            dialects), or the provider's own address.
        api_key: None: the dialect's environment variable (such as CO_API_KEY) for the provider's
            own address, SECONDPASS_TEI_KEY (and likewise) for SECONDPASS_TEI_URL, and none for any
            other address.

    Raises:
        InvalidInputError: There is no address, or it is not one, or it holds a password.
    """

    __slots__ = ("_dialect", "_given", "_key_variable", "url")

    def __init__(self, name: str, dialect: Dialect, url: str | None, api_key: str | None) -> None:
        variable = f"SECONDPASS_{name.upper().replace('-', '_')}"
        from_environment = os.environ.get(f"{variable}_URL") or None
        self.url = url or from_environment or dialect.url or ""
        if not self.url:
            raise InvalidInputError(
                f"{name!r} is a server of your own: write 'rerank+{name}:http://HOST:PORT', pass "
                f"url=, or set {variable}_URL"
            )
        _check(self.url)
        self._dialect, self._given = dialect, api_key
        self._key_variable: str | None = None
        if self.url == dialect.url:
            self._key_variable = dialect.key
        elif self.url == from_environment:
            self._key_variable = f"{variable}_KEY"

    def endpoint(self) -> str:
        """The address of the API; the path is added as far as it is not there."""
        base = self.url.rstrip("/")
        have, path = urlsplit(base).path.split("/"), self._dialect.path.split("/")[1:]
        if have[-1] == path[-1]:
            return base
        for length in range(len(path), 0, -1):
            if have[-length:] == path[:length]:
                path = path[length:]
                break
        return "/".join((base, *path))

    def headers(self) -> dict[str, str]:
        """With the key as it is now.

        Raises:
            InvalidInputError: The provider wants a key and there is none.
        """
        key = self._given or (os.environ.get(self._key_variable or "") or None)
        if key is None and self.url == self._dialect.url:
            raise InvalidInputError(
                f"there is no key for {self.host}: set {self._dialect.key}, or pass api_key="
            )
        headers = {**self._dialect.headers, "Content-Type": "application/json"}
        if key is not None:
            bearer = self._dialect.key_header == "Authorization"
            headers[self._dialect.key_header] = f"Bearer {key}" if bearer else key
        return headers

    async def headers_for(self, content: bytes) -> Mapping[str, str]:
        """See `headers`."""
        return self.headers()

    def without_key(self, text: str) -> str:
        """A text of the server's without the key, if it repeats it."""
        for key in (self._given, os.environ.get(self._key_variable or "")):
            if key and len(key) > 4:
                text = text.replace(key, "***")
        return text

    def __getstate__(self) -> dict[str, Any]:
        """A pickle takes the key of where it is read."""
        state = {name: getattr(self, name) for name in self.__slots__}
        return {**state, "_given": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)


def _check(url: str) -> None:
    remedy = "it is shown in errors. Pass the key as api_key"
    parts = check_url(url, name="url", example="http://localhost:8080", remedy=remedy)
    if parts.query or parts.fragment:
        raise InvalidInputError(f"url={url!r} must not hold a query or a fragment")
