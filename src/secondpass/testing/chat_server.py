"""A stand-in for a chat model's server: OpenAI's protocol on loopback, answers from relevance.

    with ChatServer(relevance=my_judgements, noise=0.2, faults=[Fault("rate-limit", 2)]) as server:
        stage = load("judge:stand-in", options={"base_url": server.url, "api_key": "any"})

It reads the passages from the prompt as sent, so a prompt that loses one, or lets one break out of
its tag, is noticed. It measures the library, never the quality of a real model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.errors import InvalidInputError
from secondpass.testing.chat_answers import (
    ModelAnswer,
    Relevance,
    StandInModel,
    shared_words,
)
from secondpass.testing.chat_faults import (
    LASTING,
    Fault,
    OtherAnswer,
    completion_body,
    error_response,
    fault_response,
    reshape,
)
from secondpass.testing.stand_in import Dripping, Response, StandIn


class ChatServer(StandIn):
    """An HTTP server in a thread, for a ``with`` block.

    Args:
        relevance: From query and passage, as they stand in the prompt, to a number; 0 is not
            relevant and 1 is. Share of the query's words in the passage if not given.
            Passages in a prompt have gone through `secondpass.judge.chat.passage_tags.sanitise`.
        noise: Standard deviation of the noise added to that, new for each set of passages.
        position_bias: Added to the first passage shown, less to the next, nothing to the last.
        malformed: Share of the answers that are unusable, in many ways.
        latency: Seconds before each answer.
        faults: What goes wrong. Accidents happen one after the other, each `times` times.
        api_key: Refuse every other key; accept any if None. Keys are never kept.
        seed: For noise and malformed answers; both depend on the passages and on nothing else.

    Attributes:
        url: The base_url for clients.
        requests: The bodies of all requests, oldest first, as parsed JSON. No headers.
        header_names: The names, in lower case, of the headers of each request. No values.
        peak: The highest number of requests that were open at the same time.
    """

    base_path = "/v1"

    def __init__(
        self,
        relevance: Relevance = shared_words,
        *,
        noise: float = 0.0,
        position_bias: float = 0.0,
        malformed: float = 0.0,
        latency: float = 0.0,
        faults: Sequence[Fault] = (),
        api_key: str | None = None,
        seed: int = 0,
    ) -> None:
        if not 0 <= malformed <= 1 or noise < 0 or latency < 0:
            raise InvalidInputError(
                f"malformed={malformed} must be 0 to 1, noise={noise} and latency={latency} "
                "at least 0"
            )
        self.model = StandInModel(relevance, noise, position_bias, malformed, seed)
        self.latency, self.faults = latency, tuple(faults)
        super().__init__()
        self.requests: list[dict[str, Any]] = []
        self._key = api_key
        self._left = [fault.times for fault in self.faults]
        self._passing = [fault.after for fault in self.faults]

    def __repr__(self) -> str:
        return f"ChatServer({len(self.requests)} requests)"

    def answer(self, path: str, body: Any, key: str | None) -> Response:
        """See `StandIn.answer`."""
        if not path.endswith("/chat/completions"):
            return 404, {}, {"error": {"message": f"no such path: {path}"}}
        return self.respond(body, key)

    def respond(self, body: dict[str, Any], key: str | None) -> Response:
        """Status, headers and JSON for one request."""
        with self._lock:
            self.requests.append(body)
        return self._respond(body, key)

    def _respond(self, body: dict[str, Any], key: str | None) -> Response:
        self._stopping.wait(self.latency)
        if self._key is not None and key != f"Bearer {self._key}":
            return error_response("unauthorized")
        active = self._active(body)
        if any(fault.kind == "hang" for fault in active):
            self._stopping.wait()
        try:
            for fault in active:
                faulty = fault_response(fault, body)
                if faulty is not None:
                    return faulty
        except OtherAnswer as other:
            return 200, {}, completion_body(body, other.answer, other.finish_reason, False)
        kinds = {fault.kind for fault in active}
        response = reshape((200, {}, self._answer(body)), kinds)
        if "drip" in kinds:
            return *response[:2], Dripping(response[2], self._stopping.wait)
        return response

    def _answer(self, body: dict[str, Any]) -> dict[str, Any]:
        wants_schema = isinstance(body.get("response_format"), Mapping)
        schema = wants_schema and not self._has("ignore-schema")
        answer = self.model.answer(body.get("messages", []), schema)
        logprobs = bool(body.get("logprobs")) and not self._has("no-logprobs")
        limit = body.get("max_completion_tokens") or body.get("max_tokens") or 10_000
        reason = "stop"
        if len(answer.text) > 6 * limit:
            answer, reason = ModelAnswer(answer.text[: 6 * limit]), "length"
        return completion_body(body, answer, reason, logprobs)

    def _has(self, kind: str) -> bool:
        return any(fault.kind == kind for fault in self.faults)

    def _active(self, body: dict[str, Any]) -> list[Fault]:
        """Lasting faults, and the first accident that is still to happen."""
        active = [fault for fault in self.faults if fault.kind in LASTING]
        with self._lock:
            for i, fault in enumerate(self.faults):
                left = self._left[i]
                if fault.kind in LASTING or left == 0:
                    continue
                if self._passing[i]:
                    self._passing[i] -= 1
                    continue
                if left is not None:
                    self._left[i] = left - 1
                return [*active, fault]
        return active
