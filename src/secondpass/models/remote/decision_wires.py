"""The wires of decision models: many passages in one state, one question about each.

OpenAI's Decisions API (``client.decisions`` of openai >= 3.28, and servers that copy it) and the
System One wire of Jev and its kin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from secondpass.models.remote.dialects import Dialect, at
from secondpass.models.remote.reply import UnreadableReplyError, error_text, number, parsed

Wire = Literal["openai", "systemone"]
WIRES: Mapping[str, Dialect] = {
    "openai": Dialect(path="/v1/decisions", url="https://api.openai.com", key="OPENAI_API_KEY"),
    "systemone": Dialect(
        path="/v1/systemone", url="https://api.typesafe.ai", key="TYPESAFE_API_KEY"
    ),
}
MOST_QUESTIONS = 400
"""In one request of OpenAI's API."""


@dataclass(frozen=True, slots=True)
class Answers:
    """To one request.

    Attributes:
        probabilities: One for each question; None where it was refused, left out or unusable.
        refused: How many of them were refused.
        tokens: Input and output, as the server counted them.
    """

    probabilities: list[float | None]
    refused: int
    tokens: int


def request_body(
    wire: Wire, model: str, query: str, passages: Sequence[str], statement: str
) -> dict[str, Any]:
    """The JSON of one request.

    JSON keeps passages apart: nothing that one says can end it, or begin another.

    Args:
        statement: What the model judges, with {id} for a passage's name.
    """
    names = [f"p{i + 1}" for i in range(len(passages))]
    state = {"query": query, "passages": dict(zip(names, passages, strict=True))}
    statements = {name: statement.replace("{id}", name) for name in names}
    if wire == "systemone":
        questions = {name: {"type": "noul", "instructions": s} for name, s in statements.items()}
        return {"model": model, "state": state, "questions": questions}
    return {
        "model": model,
        "input": json.dumps(state, ensure_ascii=False),
        "questions": [
            {"type": "predicate", "name": name, "instructions": s} for name, s in statements.items()
        ],
    }


def read_answers(content: bytes, wire: Wire, count: int) -> Answers:
    """Probabilities by the questions' names.

    Raises:
        UnreadableReplyError: It is not JSON, or holds no answers.
    """
    reply = parsed(content)
    answers = at(reply, "answers")
    if wire == "openai" and isinstance(answers, list):
        by_name = _by_name(answers, count)
    elif wire == "systemone" and isinstance(answers, Mapping):
        by_name = dict(answers)
    else:
        raise UnreadableReplyError(
            f"it holds no answers, but {error_text(json.dumps(reply).encode())!r}"
        )
    if not by_name:
        raise UnreadableReplyError("it holds no answer")
    field = "probability" if wire == "openai" else "noul"
    probabilities: list[float | None] = []
    refused = 0
    for i in range(count):
        answer = by_name.get(f"p{i + 1}")
        value = number(at(answer, field))
        refused += at(answer, "type") == "refusal" or at(answer, "refusal") is not None
        probabilities.append(value if value is not None and 0 <= value <= 1 else None)
    usage = [number(at(reply, f"usage.{name}_tokens")) for name in ("input", "output")]
    return Answers(probabilities, refused, int(sum(tokens or 0 for tokens in usage)))


def _by_name(answers: list[Any], count: int) -> dict[str, Any]:
    """Answers come in question order; one without a name stands for its place if all are there."""
    if len(answers) == count:
        return {str(at(a, "name") or f"p{i + 1}"): a for i, a in enumerate(answers)}
    return {str(at(a, "name")): a for a in answers if at(a, "name")}
