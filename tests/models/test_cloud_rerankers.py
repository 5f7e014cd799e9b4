"""Bedrock and Google's ranking API: real SDKs find credentials and sign, a stand-in checks them."""

from __future__ import annotations

import json
import pickle
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

pytest.importorskip("httpx2")
pytest.importorskip("botocore")
pytest.importorskip("google.auth")

from secondpass import InvalidInputError, MissingExtraError, Ranking, Recipe, RecipeError, load
from secondpass.models.remote import BedrockReranker, RemoteError, VertexReranker

pytestmark = pytest.mark.enable_socket
KEY, SECRET = "AKIAEXAMPLE", "never-sent-secret"
QUERY = "who wrote Faust?"
TEXTS = ["Cats sleep.", "Goethe wrote Faust.", "", "Faust is a name."]
BEST_FIRST = [1, 3, 0, 2]
ARN = "arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0"


def _score(text: str) -> float:
    return len(set(text.lower().split()) & {"goethe", "wrote", "faust.", "faust", "is"}) / 4


class StandIn(ThreadingHTTPServer):
    """Keeps what it was sent; answers in the form of `results`, or with `refusal`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.seen: list[tuple[str, dict[str, str], bytes]] = []
        self.refusal: tuple[int, Any] | None = None

    def results(self, path: str, body: bytes) -> Any:
        if path == "/token":
            return {"access_token": "short-lived", "expires_in": 3600, "token_type": "Bearer"}
        wish = json.loads(body)
        if path == "/rerank":
            texts = [s["inlineDocumentSource"]["textDocument"]["text"] for s in wish["sources"]]
            rows = [{"index": i, "relevanceScore": _score(t)} for i, t in enumerate(texts)]
            return {"results": sorted(rows, key=lambda row: -row["relevanceScore"])}
        records = [{"id": r["id"], "score": _score(r["content"])} for r in wish["records"]]
        return {"records": sorted(records, key=lambda r: -r["score"])}


class Handler(BaseHTTPRequestHandler):
    server: StandIn

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((self.path, dict(self.headers.items()), body))
        refused = self.server.refusal if self.path != "/token" else None
        status, answer = refused or (200, self.server.results(self.path, body))
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[StandIn]:
    with StandIn() as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Only what a test says is found, and no machine is asked for its role."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_SESSION_TOKEN",
                 "AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", "GOOGLE_CLOUD_PROJECT",
                 "GOOGLE_APPLICATION_CREDENTIALS"):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


@pytest.fixture(scope="module")
def account() -> dict[str, str]:
    """A service account's file with a key of its own."""
    serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return {
        "type": "service_account", "project_id": "of-the-file", "private_key": pem.decode(),
        "private_key_id": "1", "client_email": "a@b.example", "client_id": "1",
    }  # fmt: skip


@pytest.fixture
def google(
    server: StandIn, account: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "account.json"
    file.write_text(json.dumps({**account, "token_uri": f"{server.url}/token"}))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))


def bedrock(server: StandIn, **options: Any) -> BedrockReranker:
    given = {"region": "us-west-2", "url": server.url, "max_retries": 0, **options}
    return BedrockReranker("cohere.rerank-v3-5:0", **given)


def vertex(server: StandIn, **options: Any) -> VertexReranker:
    return VertexReranker(
        "semantic-ranker-default@latest", url=server.url, max_retries=0, **options
    )


def test_bedrock_orders_and_its_requests_are_those_of_the_service_model(server: StandIn) -> None:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel
    from botocore.validate import ParamValidator

    ranking = bedrock(server, extra={"api_version": 2})(Ranking.of(QUERY, TEXTS))
    assert (ranking.indices, ranking.scale) == (BEST_FIRST, "raw")
    ((path, _, body),) = server.seen
    wish = json.loads(body)
    described = Loader().load_service_model("bedrock-agent-runtime", "service-2")
    operation = ServiceModel(described, "bedrock-agent-runtime").operation_model("Rerank")
    assert operation.http["requestUri"] == path
    report = ParamValidator().validate(wish, operation.input_shape)
    assert not report.has_errors(), report.generate_report()
    reranking = wish["rerankingConfiguration"]["bedrockRerankingConfiguration"]
    assert reranking["modelConfiguration"] == {
        "modelArn": ARN, "additionalModelRequestFields": {"api_version": 2},
    }  # fmt: skip
    assert reranking["numberOfResults"] == len(TEXTS)


def test_the_signature_is_the_one_that_the_secret_gives(server: StandIn) -> None:
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    bedrock(server)(Ranking.of(QUERY, TEXTS))
    ((path, headers, body),) = server.seen
    signed = AWSRequest("POST", server.url + path, data=body)
    signed.headers["Content-Type"] = headers["Content-Type"]
    signed.context["timestamp"] = headers["X-Amz-Date"]
    signed.headers["X-Amz-Date"] = headers["X-Amz-Date"]
    auth = SigV4Auth(Credentials(KEY, SECRET), "bedrock", "us-west-2")
    canonical = auth.canonical_request(signed)
    expected = auth.signature(auth.string_to_sign(signed, canonical), signed)
    assert headers["Authorization"].endswith(f"Signature={expected}")
    assert f"Credential={KEY}/{datetime.now(UTC):%Y}" in headers["Authorization"]
    assert SECRET not in str(server.seen)


def test_the_region_is_an_option_or_the_environments(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(InvalidInputError, match="needs a region: pass region='us-west-2'"):
        load("bedrock:amazon.rerank-v1:0")
    with pytest.raises(InvalidInputError, match="region='US West'"):
        load("bedrock:amazon.rerank-v1:0", options={"region": "US West"})
    (tmp_path / "config").write_text("[default]\nregion = eu-central-1\n")
    assert "bedrock-agent-runtime.eu-central-1.amazonaws.com" in repr(load("bedrock:m"))
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    assert "bedrock-agent-runtime.cn-north-1.amazonaws.com.cn" in repr(load("bedrock:m"))
    monkeypatch.setenv("AWS_ENDPOINT_URL_BEDROCK_AGENT_RUNTIME", "https://vpce-1.example")
    assert "https://vpce-1.example" in repr(load("bedrock:m"))


def test_no_credentials_are_named_with_the_remedy(
    server: StandIn, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(InvalidInputError, match="run `aws configure` or `aws sso login`"):
        bedrock(server)(Ranking.of(QUERY, TEXTS))
    monkeypatch.setenv("AWS_PROFILE", "of-nobody")
    with pytest.raises(InvalidInputError, match="of-nobody"):
        bedrock(server)(Ranking.of(QUERY, TEXTS))
    missing = tmp_path / "none.json"
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(missing))
    with pytest.raises(InvalidInputError, match="gcloud auth application-default login"):
        vertex(server)(Ranking.of(QUERY, TEXTS))
    assert server.seen == []


def test_a_refusal_says_what_the_service_says(server: StandIn, google: None) -> None:
    server.refusal = 403, {"message": "You don't have access to the model"}
    with pytest.raises(RemoteError, match="403: You don't have access to the model"):
        bedrock(server)(Ranking.of(QUERY, TEXTS))
    server.refusal = 404, {"error": {"code": 404, "message": "no model m; short-lived"}}
    with pytest.raises(RemoteError, match=r"no model m; \*\*\*"):
        vertex(server)(Ranking.of(QUERY, TEXTS))


def test_google_orders_with_a_token_that_is_fetched_once(server: StandIn, google: None) -> None:
    stage = vertex(server)
    for _ in range(2):
        ranking = stage(Ranking.of(QUERY, TEXTS))
        assert (ranking.indices, ranking.scale) == (BEST_FIRST, "raw")
    assert [path for path, *_ in server.seen] == ["/token"] + 2 * [
        "/v1/projects/of-the-file/locations/global/rankingConfigs/default_ranking_config:rank"
    ]
    assert parse_qs(server.seen[0][2].decode())["grant_type"]
    _, headers, body = server.seen[-1]
    assert {k.lower(): v for k, v in headers.items()}["authorization"] == "Bearer short-lived"
    wish = json.loads(body)
    assert set(wish) == {"model", "query", "records", "ignoreRecordDetailsInResponse"}
    assert wish["model"] == "semantic-ranker-default@latest"
    assert [r["id"] for r in wish["records"]] == ["0", "1", "2", "3"]
    assert all(set(r) == {"id", "content"} and r["content"] for r in wish["records"])


def test_the_project_and_the_place_are_options_or_the_environments(
    server: StandIn, google: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "of-the-environment")
    vertex(server, location="eu")(Ranking.of(QUERY, TEXTS))
    vertex(server, project="mine")(Ranking.of(QUERY, TEXTS))
    paths = [path.split(":")[0] for path, *_ in server.seen if path != "/token"]
    assert paths == [
        "/v1/projects/of-the-environment/locations/eu/rankingConfigs/default_ranking_config",
        "/v1/projects/mine/locations/global/rankingConfigs/default_ranking_config",
    ]
    assert "https://eu-discoveryengine" in repr(load("vertex:m", options={"location": "eu"}))
    for option in ({"project": "a/b"}, {"location": "?"}):
        with pytest.raises(InvalidInputError, match=next(iter(option))):
            load("vertex:m", options=option)


def test_long_lists_are_sent_in_parts(server: StandIn, google: None) -> None:
    texts = [f"text {i}" for i in range(230)] + ["Goethe wrote Faust."]
    for stage in (bedrock(server), vertex(server)):
        assert stage(Ranking.of(QUERY, texts)).indices[0] == 230
    sent = [json.loads(body) for path, _, body in server.seen if path != "/token"]
    assert sorted(len(w.get("sources") or w["records"]) for w in sent) == [31, 31, 100, 100, 200]


def test_recipes_and_pickles_hold_neither_place_nor_credentials(
    server: StandIn, google: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    for stage in (bedrock(server), vertex(server, project="mine")):
        stage(Ranking.of(QUERY, TEXTS))
        written = json.dumps(Recipe.of(stage).to_dict())
        assert not any(word in written for word in ("us-west-2", "mine", "127.0.0.1", SECRET))
        assert type(Recipe.of_dict(json.loads(written)).stage()) is type(stage)
        stored = pickle.dumps(stage)
        assert SECRET.encode() not in stored
        assert b"short-lived" not in stored
        assert pickle.loads(stored)(Ranking.of(QUERY, TEXTS)).indices == BEST_FIRST
    tree = Recipe.of(bedrock(server)).to_dict()
    tree["pipeline"]["region"] = "us-west-2"
    with pytest.raises(RecipeError, match="region"):
        Recipe.of_dict(tree).stage()


@pytest.mark.parametrize(
    ("model", "package"), [("bedrock:m", "botocore.session"), ("vertex:m", "google.auth")]
)
def test_a_missing_sdk_is_named_with_the_command(
    model: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, package, None)
    extra = model.partition(":")[0]
    with pytest.raises(MissingExtraError, match=rf'pip install "secondpass\[{extra}\]"'):
        load(model)
