"""Rerankers of Amazon Bedrock. botocore finds the region and the credentials, and signs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.models.network import check_url
from secondpass.models.remote.address import ServerAddress
from secondpass.models.remote.dialects import UNIT, Dialect
from secondpass.models.remote.errors import RemoteError
from secondpass.models.remote.reranker import RemoteReranker

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from botocore.session import Session

SERVICE = "bedrock-agent-runtime"
BEDROCK = Dialect(
    path="/rerank",
    results="results",
    score="relevanceScore",
    usage=(),
    most=100,  # so many are billed as one query
    limit=1_000,
    scores=UNIT,
)


class BedrockReranker(RemoteReranker):
    """Order candidates by a reranker of Amazon Bedrock, with the operation Rerank.

    Credentials are those of the AWS tools: environment, profile, single sign-on or the role of the
    machine. Neither they nor the region are in recipes. What holds of `RemoteReranker` holds here.

    Args:
        model: "cohere.rerank-v3-5:0", "amazon.rerank-v1:0", or the ARN of one.
        region: None: AWS_REGION, AWS_DEFAULT_REGION, or the profile's.
        url: Another endpoint, such as that of a VPC; None: AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME,
            or the region's own.
        timeout: Seconds for one attempt, from connecting to the last byte of the answer.
        max_retries: How many more attempts.
        concurrency: Most requests in flight, over all rankings of a run.
        documents_per_request: Largest number of texts in one request, at most 1,000; None: 100.
        extra: Fields that the model takes besides (``additionalModelRequestFields``).

    Raises:
        InvalidInputError: No region, or no credentials (when a ranking is scored).
        MissingExtraError: botocore, which boto3 brings, or httpx2 is not installed.
        RemoteError: It cannot be reached, or refuses; says what to do.
    """

    _known: ClassVar[Mapping[str, Dialect]] = {"bedrock": BEDROCK}

    def __init__(
        self,
        model: str,
        *,
        region: str | None = None,
        url: str | None = None,
        timeout: float = 30.0,
        max_retries: int = 2,
        concurrency: int = 8,
        documents_per_request: int | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self.region = region
        super().__init__(
            "bedrock",
            model,
            url=url,
            timeout=timeout,
            max_retries=max_retries,
            concurrency=concurrency,
            documents_per_request=documents_per_request,
            extra=extra,
        )

    def _address_of(self, url: str | None, api_key: str | None) -> SignedAddress:
        return SignedAddress(self.region, url)

    def _body(self, query: str, texts: list[str]) -> dict[str, Any]:
        arn = str(self.model)
        if not arn.startswith("arn:"):
            arn = f"{self._address.foundation_models}/{arn}"  # type: ignore[attr-defined]
        configuration: dict[str, Any] = {"modelArn": arn}
        if self.extra:
            configuration["additionalModelRequestFields"] = self.extra
        return {
            "queries": [{"type": "TEXT", "textQuery": {"text": query}}],
            "sources": [
                {
                    "type": "INLINE",
                    # a text has at least one character there
                    "inlineDocumentSource": {"type": "TEXT", "textDocument": {"text": text or " "}},
                }
                for text in texts
            ],
            "rerankingConfiguration": {
                "type": "BEDROCK_RERANKING_MODEL",
                "bedrockRerankingConfiguration": {
                    "modelConfiguration": configuration,
                    "numberOfResults": len(texts),
                },
            },
        }


class SignedAddress(ServerAddress):
    """A region's endpoint, and the signature of a request to it. See `BedrockReranker`.

    Attributes:
        foundation_models: The ARN under which the region's models are.
    """

    def __init__(self, region: str | None, url: str | None) -> None:
        session = _session()
        from botocore.exceptions import BotoCoreError

        remedy = "credentials are found as the AWS tools find them"
        example = f"https://{SERVICE}.us-west-2.amazonaws.com"
        if url is not None:
            check_url(url, name="url", example=example, remedy=remedy)
        try:
            region = region or os.environ.get("AWS_REGION") or session.get_config_variable("region")
            if not region:
                raise InvalidInputError(
                    "Bedrock needs a region: pass region='us-west-2' (with load, "
                    "options={'region': 'us-west-2'}), or set AWS_REGION"
                )
            # knows addresses; no request is made with it, and no credentials are looked for
            client = session.create_client(
                SERVICE, region, endpoint_url=url, aws_access_key_id="", aws_secret_access_key=""
            )
        except (BotoCoreError, ValueError) as error:
            raise InvalidInputError(f"Bedrock with region={region!r}: {error}") from None
        self.region: str = region
        self.url = str(client.meta.endpoint_url).rstrip("/")
        partition = client.meta.partition
        self.foundation_models = f"arn:{partition}:bedrock:{region}::foundation-model"
        self._credentials: Credentials | None = None

    def endpoint(self) -> str:
        """The address of the operation."""
        return f"{self.url}{BEDROCK.path}"

    async def headers_for(self, content: bytes) -> Mapping[str, str]:
        """Signed with the credentials as they are now, which may have to be fetched.

        Raises:
            InvalidInputError: There are none.
            RemoteError: They could not be fetched.
        """
        return await asyncio.to_thread(self._signed, content)

    def without_key(self, text: str) -> str:
        """The secret was never sent, so a text of the server's cannot repeat it."""
        return text

    def _signed(self, content: bytes) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.exceptions import BotoCoreError

        try:
            self._credentials = self._credentials or _session().get_credentials()
            credentials = self._credentials and self._credentials.get_frozen_credentials()
        except BotoCoreError as error:
            raise RemoteError(f"the AWS credentials could not be fetched: {error}") from None
        if credentials is None:
            raise InvalidInputError(
                "there are no AWS credentials: run `aws configure` or `aws sso login`, or set "
                "AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            )
        request = AWSRequest(
            "POST", self.endpoint(), data=content, headers={"Content-Type": "application/json"}
        )
        SigV4Auth(credentials, "bedrock", self.region).add_auth(request)
        return dict(request.headers.items())

    def __getstate__(self) -> dict[str, Any]:
        """A pickle takes the credentials of where it is read."""
        return {**self.__dict__, "_credentials": None}


def _session() -> Session:
    try:
        from botocore.session import Session
    except ImportError as error:
        raise MissingExtraError("a reranker of Amazon Bedrock", "bedrock") from error
    return Session()
