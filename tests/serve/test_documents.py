"""Bodies made of the APIs' own OpenAPI files: what they allow is answered, what they forbid is 4xx.

The files are in ../shared/specs; they are their vendors' and no part of the repository.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

SPECS = Path(__file__).parents[3] / "shared/specs"
pytestmark = [
    pytest.mark.enable_socket,
    pytest.mark.skipif(not SPECS.is_dir(), reason="needs ../shared/specs"),
]
CLIENT = httpx.Client(timeout=60)


@pytest.fixture(scope="module", autouse=True)
def _closed() -> Iterator[None]:
    yield
    CLIENT.close()


PATHS = {
    "/v2/rerank": "cohere-openapi.yaml", "/v1/rerank": "cohere-openapi.yaml",
    "/rerank": "tei-openapi.json",
}  # fmt: skip
WORDS = st.text("abc é中\x00\U0001f600", max_size=12)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["\ud800", 10**400, -1, 0, 1.5, "1", "true"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@cache
def document(name: str) -> dict[str, Any]:
    text = (SPECS / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        found: dict[str, Any] = json.loads(text)
        return found
    yaml = pytest.importorskip("yaml")
    loaded: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    return loaded


def resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    """Without references, and what 3.0 calls nullable as 3.1 does."""
    if "$ref" in schema:
        found = whole
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        return resolved(found, whole)
    if len(schema.get("allOf", ())) == 1:
        return resolved(schema["allOf"][0], whole)
    plain = {k: v for k, v in schema.items() if k not in ("default", "example", "format")}
    for name in ("oneOf", "anyOf"):
        if name in plain:
            plain[name] = [resolved(one, whole) for one in plain[name]]
    if "items" in plain:
        plain["items"] = resolved(plain["items"], whole)
    if "properties" in plain:
        plain["properties"] = {k: resolved(v, whole) for k, v in plain["properties"].items()}
    return plain


@cache
def body_schema(path: str) -> dict[str, Any]:
    whole = document(PATHS[path])
    content = whole["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    return resolved(content["schema"], whole)


def allowed(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema allows."""
    kinds = schema.get("oneOf") or schema.get("anyOf")
    if kinds:
        return st.one_of([allowed(one) for one in kinds])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema.get("type"):
        case "string":
            return WORDS
        case "boolean":
            return st.booleans()
        case "integer":
            least, most = schema.get("minimum", 1), schema.get("maximum", 50)
            return st.integers(max(1, int(least)), int(most))
        case "number":
            return st.floats(schema.get("minimum", 0), schema.get("maximum", 1))
        case "array":
            return st.lists(allowed(schema["items"]), min_size=1, max_size=4)
        case "object" if schema.get("properties"):
            return objects(schema)
    return st.fixed_dictionaries({"text": WORDS})  # of documents: any object with a text


def objects(schema: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    of = {name: allowed(one) for name, one in schema["properties"].items()}
    needed = {name: of.pop(name) for name in schema.get("required", ())}
    return st.fixed_dictionaries(needed, optional=of)


def bodies(path: str) -> st.SearchStrategy[dict[str, Any]]:
    served: Callable[[dict[str, Any]], dict[str, Any]] = lambda body: (  # noqa: E731
        {**body, "model": "builtin"} if "model" in body else body
    )
    return objects(body_schema(path)).map(served)


def post(service: Any, path: str, body: Any) -> httpx.Response:
    return CLIENT.post(
        service.url + path, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )


@pytest.mark.parametrize("path", PATHS)
def test_what_the_documents_allow_is_answered(service: Any, path: str) -> None:
    Draft202012Validator.check_schema(body_schema(path))

    @settings(max_examples=25)
    @given(bodies(path))
    def check(body: dict[str, Any]) -> None:
        answer = post(service, path, body)
        said = answer.json()
        if answer.status_code == 200:
            ranked = said if isinstance(said, list) else said["results"]
            texts = body.get("texts") or body["documents"]
            assert len(ranked) == min(len(texts), body.get("top_n") or math.inf)
            return
        # what this service does not do, and says so
        assert answer.status_code == 422, (body, said)
        reason = said["message"]
        assert (
            "truncation_direction" in reason or "query" in reason or "rank_fields" in str(body)
        ), (body, said)

    check()


@pytest.mark.parametrize("path", PATHS)
def test_what_the_documents_forbid_is_refused_with_a_reason(service: Any, path: str) -> None:
    schema = body_schema(path)
    wrong = {
        name: ANYTHING.filter(lambda v, one=one: v is not None and not _is_valid(one, v))
        for name, one in schema["properties"].items()
    }

    @settings(max_examples=60)
    @given(st.data())
    def check(data: st.DataObject) -> None:
        body = data.draw(bodies(path))
        name = data.draw(st.sampled_from(sorted(wrong)))
        if name in schema["required"] and data.draw(st.booleans()):
            body[name] = None
            if data.draw(st.booleans()):
                del body[name]
        else:
            body[name] = data.draw(wrong[name])
        answer = post(service, path, body)
        assert 400 <= answer.status_code < 500, (name, body, answer.text)
        assert answer.json()["message"], (name, body)

    check()


def _is_valid(schema: dict[str, Any], value: Any) -> bool:
    return bool(Draft202012Validator(schema).is_valid(value))
