"""The stand-in model: answers a ranking prompt from relevance, noise and position bias."""

from __future__ import annotations

import json
import math
import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.core.formulas import sigmoid
from secondpass.judge.chat.passage_tags import parse_tags
from secondpass.testing.doubles import overlap

Relevance = Callable[[str, str], float]
Likely = tuple[tuple[str, float], ...]
"""(token, probability) of the likeliest tokens at one position."""

_TASK = re.compile(r"^Task: (\w+)", re.MULTILINE)


def shared_words(query: str, text: str) -> float:
    """Share of the query's distinct words that a text has."""
    return overlap(query, text) / max(1.0, overlap(query, query))


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """What the model writes.

    Attributes:
        text: All of it.
        tokens: The likeliest tokens at each position of the text, where the task has them.
    """

    text: str
    tokens: tuple[Likely, ...] = ()


@dataclass(frozen=True, slots=True)
class StandInModel:
    """A model that knows what is relevant, more or less; see `ChatServer`."""

    relevance: Relevance
    noise: float
    position_bias: float
    malformed: float
    seed: int

    def answer(self, messages: Sequence[Mapping[str, Any]], schema: bool) -> ModelAnswer:
        """Answer the last ranking prompt among the messages."""
        prompts = [str(m.get("content")) for m in messages if m.get("role") == "user"]
        prompt = next((p for p in prompts if _TASK.search(p)), "\n".join(prompts))
        query, passages = parse_tags(prompt)
        if query is None or not passages:
            return ModelAnswer("I see no passages.")
        # the same passages in the same order get the same answer, whatever their identifiers
        rng = random.Random(repr((self.seed, query, list(passages.values()))))
        worth = self._worth(query, passages, rng)
        names = sorted(passages, key=lambda name: -worth[name])
        task = _TASK.search(prompt)
        answer = _well_formed(task[1] if task else "", names, worth, schema)
        if len(messages) < 4 and rng.random() < self.malformed:  # a repair is well formed
            return _malformed(answer, names, rng)
        return answer

    def _worth(
        self, query: str, passages: Mapping[str, str], rng: random.Random
    ) -> dict[str, float]:
        last = max(1, len(passages) - 1)
        return {
            name: self.relevance(query, text)
            + (rng.gauss(0, self.noise) if self.noise else 0.0)
            + (self.position_bias * (1 - i / last) if len(passages) > 1 else 0.0)
            for i, (name, text) in enumerate(passages.items())
        }


def _well_formed(
    task: str, names: list[str], worth: Mapping[str, float], schema: bool
) -> ModelAnswer:
    first = next(iter(worth))
    if task == "best":
        return ModelAnswer(json.dumps({"best": names[0]}) if schema else f"[{names[0]}]")
    if task == "compare" and len(worth) == 2:
        one, other = worth
        return _one_of_two({one: sigmoid(8 * (worth[one] - worth[other]))}, other)
    if task == "relevant":
        return _one_of_two({"Yes": min(0.999, max(0.001, worth[first]))}, "No")
    if task == "scale":
        return _grade(min(1.0, max(0.0, worth[first])))
    if schema:
        return ModelAnswer(json.dumps({"order": names}))
    return ModelAnswer(" > ".join(f"[{name}]" for name in names))


def _one_of_two(likely: dict[str, float], other: str) -> ModelAnswer:
    both = {**likely, other: 1.0 - sum(likely.values())}
    ranked = sorted(((w, p * 0.98) for w, p in both.items()), key=lambda pair: -pair[1])
    return ModelAnswer(ranked[0][0], ((*ranked, ("The", 0.01), ("", 0.005)),))


def _grade(worth: float) -> ModelAnswer:
    weights = {g: math.exp(-((g - 10 * worth) ** 2) / 2) for g in range(11)}
    total = sum(weights.values())
    ranked = sorted(((str(g), w / total) for g, w in weights.items()), key=lambda pair: -pair[1])
    return ModelAnswer(ranked[0][0], (tuple(ranked),))


def _malformed(answer: ModelAnswer, names: list[str], rng: random.Random) -> ModelAnswer:
    """One of the ways in which models get it wrong."""
    cut = names[: max(1, len(names) // 2)]
    ways = (
        "Passage 2 of the 3 is the best, I think, because it has 10 facts.",
        f"<think>[{names[-1]}] > [{names[0]}], or 4 of them",
        "",
        "I'm sorry, but I cannot rank these passages.",
        answer.text[: len(answer.text) // 2],
        " > ".join(f"[{name}]" for name in cut),
        " > ".join(f"[{name}]" for name in [*names[:1], *names, "zz9"]),
        "\n".join(f"{i}. {name}" for i, name in enumerate(names, 1)),
        "Doc: 0, Relevance: 9\nDoc: -5, Relevance: 3",
    )
    return ModelAnswer(rng.choice(ways))
