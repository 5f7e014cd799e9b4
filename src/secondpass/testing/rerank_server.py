"""A stand-in for rerank APIs: every dialect on loopback, with faults.

    with RerankServer(faults=["rate-limit", "html"]) as server:
        stage = load(f"rerank+tei:{server.url}")

Each path answers as its API does, written from the APIs' references and not from our client. What
it measures is the library, never the quality of a real model.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.testing.chat_answers import shared_words
from secondpass.testing.rerank_wires import WIRES
from secondpass.testing.stand_in import Response, StandIn

FAULTS: Mapping[str, str] = {
    "rate-limit": "429 with Retry-After: 0",
    "overloaded": "503",
    "unauthorized": "401, which repeats the key",
    "redirect": "307 to another host",
    "hang": "no answer",
    "disconnect": "the connection ends before an answer",
    "html": "200 with a page",
    "error-body": "200 with an error",
    "truncated": "half of the JSON",
    "empty": "200 with nothing",
    "huge": "a compressed answer of 64 MiB",
    "missing": "every third result is left out",
    "duplicates": "the first result comes twice, the second time with another score",
    "index": "a result for a text that was not sent",
    "other": "the texts of another request",
    "not-a-number": "the best score is NaN, the next a string",
    "none": "no result",
}
"""What may go wrong, and how it looks."""


class RerankServer(StandIn):
    """An HTTP server in a thread, for a ``with`` block.

    Args:
        relevance: From query and text to the score; the share of shared words if not given.
        faults: What happens to the first requests, one each; None lets one pass.
        always: What happens to every request after those.
        most: Largest number of texts in a request; more are refused with 413 (TEI: 422).
        latency: Seconds before each answer; or a function that gives them, or a fault's name.
        bare: ``/v1/rerank`` answers with a bare list, as SGLang's does.
        api_key: Refuse every other key.

    Attributes:
        url: The address without a path.
        requests: Path and body of each request, oldest first.
        header_names: Names, in lower case, of each request's headers.
        peak: Most requests that were open at the same time.
    """

    def __init__(
        self,
        relevance: Callable[[str, str], float] = shared_words,
        *,
        faults: Sequence[str | None] = (),
        always: str | None = None,
        most: int = 1000,
        latency: float | Callable[[], float | str] = 0.0,
        bare: bool = False,
        api_key: str | None = None,
    ) -> None:
        for fault in (*faults, always):
            if fault is not None and fault not in FAULTS:
                raise InvalidInputError(f"no fault {fault!r}; there are {', '.join(FAULTS)}")
        if "huge" in (*faults, always):
            _huge()  # before a client waits for it
        self.relevance, self.most, self.latency, self.bare = relevance, most, latency, bare
        super().__init__()
        self.requests: list[tuple[str, Any]] = []
        self._faults, self._always, self._key = list(faults), always, api_key

    def answer(self, path: str, body: Any, key: str | None) -> Response | None:
        """See `StandIn.answer`."""
        with self._lock:
            self.requests.append((path, body))
            fault = self._faults.pop(0) if self._faults else self._always
        latency = self.latency() if callable(self.latency) else self.latency
        if isinstance(latency, str):
            fault = latency
        else:
            self._stopping.wait(latency)
        if fault == "hang":
            self._stopping.wait()
        if fault in ("hang", "disconnect"):
            return None
        if fault == "unauthorized" or (
            self._key is not None and key not in (f"Bearer {self._key}", self._key)
        ):
            return 401, {}, {"message": f"invalid key {key}"}
        if fault == "huge":
            return 200, {"Content-Encoding": "gzip"}, _huge()
        if fault in _PLAIN:
            return _PLAIN[fault]
        return self._api_response(path, body, fault)

    def _api_response(self, path: str, body: Any, fault: str | None) -> Response:
        wire = WIRES.get(path)
        if wire is None:
            return 404, {}, {"detail": f"no such path: {path}"}
        try:
            query, texts = wire.read(body)
        except (KeyError, TypeError, AssertionError) as problem:
            return 422, {}, {"detail": f"the body lacks or has too much: {problem!r}"}
        if len(texts) > self.most:
            said = f"batch size {len(texts)} > maximum allowed batch size {self.most}"
            return 422 if "texts" in body else 413, {}, {"error": said, "error_type": "Validation"}
        scores: list[tuple[int, Any]] = [
            (i, float(self.relevance(query, text))) for i, text in enumerate(texts)
        ]
        if wire.sorted:
            scores.sort(key=lambda pair: -pair[1])
        if fault == "other":
            texts = [f"of another request: {i}" for i in range(len(texts))]
        answer = wire.answer(body, _spoiled(scores, fault), texts)
        if self.bare:
            answer = [{**one, "score": one["relevance_score"]} for one in answer["results"]]
        whole = json.dumps(answer).encode()
        return 200, {}, whole[: len(whole) // 2] if fault == "truncated" else whole


def _spoiled(scores: list[tuple[int, Any]], fault: str | None) -> list[tuple[int, Any]]:
    if fault == "missing":
        return [pair for place, pair in enumerate(scores) if place % 3 != 2]
    if fault == "duplicates":
        return [*scores, (scores[0][0], -1.0)]
    if fault == "index":
        return [*scores, (len(scores), 0.5)]
    if fault == "not-a-number":
        bad = (float("nan"), "high")
        return [(i, bad[n] if n < 2 else score) for n, (i, score) in enumerate(scores)]
    return [] if fault == "none" else scores


_PLAIN: Mapping[str | None, Response] = {
    "rate-limit": (429, {"Retry-After": "0"}, {"message": "too many requests"}),
    "overloaded": (503, {}, {"error": "overloaded", "error_type": "Overloaded"}),
    "redirect": (307, {"Location": "http://elsewhere.invalid/rerank"}, b""),
    "html": (200, {"Content-Type": "text/html"}, b"<html><body>Please log in</body></html>"),
    "error-body": (200, {}, {"error": {"message": "the model is loading"}}),
    "empty": (200, {}, b""),
}


@cache
def _huge() -> bytes:
    return gzip.compress(b" " * (64 << 20))
