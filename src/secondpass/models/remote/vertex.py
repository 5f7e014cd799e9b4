"""Google's ranking API (Vertex AI Search, Discovery Engine). google-auth finds the credentials."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.models.network import check_url
from secondpass.models.remote.address import ServerAddress
from secondpass.models.remote.dialects import Dialect
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.reranker import RemoteReranker

SCOPE = "https://www.googleapis.com/auth/cloud-platform"
VERTEX = Dialect(
    path=":rank",
    results="records",
    index="id",
    score="score",
    usage=(),
    most=200,
    limit=200,
    scores="0 to 1, rounded to two decimals, so there are ties; not a probability",
)


class VertexReranker(RemoteReranker):
    """Order candidates by the ranking API of Vertex AI Search.

    Credentials are Google's application default credentials: of ``gcloud auth
    application-default login``, GOOGLE_APPLICATION_CREDENTIALS, or the machine. Neither they nor
    the project are in recipes. What holds of `RemoteReranker` holds here.

    Args:
        model: Such as "semantic-ranker-default@latest". A fixed version keeps a calibrator true.
        project: None: GOOGLE_CLOUD_PROJECT, or that of the credentials.
        location: "global", "us" or "eu".
        url: Another address of the API, without a path.
        timeout: Seconds for one attempt, from connecting to the last byte of the answer.
        max_retries: How many more attempts.
        concurrency: Most requests in flight, over all rankings of a run.
        documents_per_request: Largest number of texts in one request; None: 200, which is the most.
        extra: More fields of each request, such as {"userLabels": ...}.

    Raises:
        InvalidInputError: No project, or no credentials (when a ranking is scored).
        MissingExtraError: google-auth or httpx2 is not installed.
        RemoteError: It cannot be reached, or refuses; says what to do.
    """

    _known: ClassVar[Mapping[str, Dialect]] = {"vertex": VERTEX}

    def __init__(
        self,
        model: str,
        *,
        project: str | None = None,
        location: str = "global",
        url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        concurrency: int = 8,
        documents_per_request: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.project, self.location = project, location
        super().__init__(
            "vertex",
            model,
            url=url,
            timeout=timeout,
            max_retries=max_retries,
            concurrency=concurrency,
            documents_per_request=documents_per_request,
            extra=extra,
        )

    def _address_of(self, url: str | None, api_key: str | None) -> TokenAddress:
        return TokenAddress(self.project, self.location, url)

    def _body(self, query: str, texts: list[str]) -> dict[str, Any]:
        return {
            "model": self.model,
            "query": query,
            # a record has at least one character of a title or a content
            "records": [{"id": str(i), "content": text or " "} for i, text in enumerate(texts)],
            "ignoreRecordDetailsInResponse": True,
            **(self.extra or {}),
        }


class TokenAddress(ServerAddress):
    """A project's ranking API, and the token of a request to it. See `VertexReranker`."""

    def __init__(self, project: str | None, location: str, url: str | None) -> None:
        try:
            import google.auth
            import google.auth.transport.requests  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("Google's ranking API", "vertex") from error
        if not re.fullmatch(r"[a-z0-9-]+", str(location)):
            raise InvalidInputError(f"location={location!r} must be 'global', 'us' or 'eu'")
        self.project = project or os.environ.get("GOOGLE_CLOUD_PROJECT") or None
        if self.project is not None and not re.fullmatch(r"[\w.:-]+", self.project):
            raise InvalidInputError(f"project={self.project!r} is no name of a project")
        self.location = location
        region = "" if location == "global" else f"{location}-"
        self.url = (url or f"https://{region}discoveryengine.googleapis.com").rstrip("/")
        example = "https://discoveryengine.googleapis.com"
        check_url(self.url, name="url", example=example, remedy="google-auth finds credentials")
        self._credentials: Any = None  # google-auth's, which has types for half of its methods
        self._lock = threading.Lock()

    def endpoint(self) -> str:
        """The address of the method."""
        place = f"projects/{self.project}/locations/{self.location}"
        return f"{self.url}/v1/{place}/rankingConfigs/default_ranking_config{VERTEX.path}"

    async def headers_for(self, content: bytes) -> Mapping[str, str]:
        """With a token that is valid now, which may have to be fetched.

        Raises:
            InvalidInputError: There are no credentials, or no project.
            RemoteError: A token could not be fetched.
        """
        return await asyncio.to_thread(self._authorized)

    def without_key(self, text: str) -> str:
        """A text of the server's without the token, if it repeats it."""
        token = getattr(self._credentials, "token", None)
        return text.replace(token, "***") if token else text

    def _authorized(self) -> dict[str, str]:
        import google.auth
        from google.auth.exceptions import DefaultCredentialsError, GoogleAuthError
        from google.auth.transport.requests import Request

        headers = {"Content-Type": "application/json"}
        try:
            with self._lock:
                if self._credentials is None:
                    found, project = google.auth.default(scopes=[SCOPE])
                    self._credentials, self.project = found, self.project or project
                self._credentials.before_request(Request(), "POST", self.endpoint(), headers)
        except DefaultCredentialsError:
            raise InvalidInputError(
                "there are no Google credentials: run `gcloud auth application-default login`, or "
                "set GOOGLE_APPLICATION_CREDENTIALS"
            ) from None
        except GoogleAuthError as error:
            raise RemoteError(f"a Google token could not be fetched: {error}") from None
        if self.project is None:
            raise InvalidInputError(
                "the ranking API needs a project: pass project= (with load, options={'project': "
                "...}), or set GOOGLE_CLOUD_PROJECT"
            )
        return headers

    def __getstate__(self) -> dict[str, Any]:
        """A pickle takes the credentials of where it is read."""
        return {**self.__dict__, "_credentials": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__ |= {**state, "_lock": threading.Lock()}
