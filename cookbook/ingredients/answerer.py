"""What writes the answer: your own OpenAI-compatible model, or, without one, the best sentences."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Protocol

from secondpass import Candidate, Ranking, Stage, load

INSTRUCTIONS = """Answer the question in a few sentences, from the passages alone, and cite them as
[1]. If they do not hold the answer, say so.

Passages:
{context_str}"""

PROMPT = INSTRUCTIONS + "\n\nQuestion: {query_str}"


class Answerer(Protocol):
    """Chat messages in, the answer's text out, whole or in pieces, waiting or not."""

    name: str

    def reply(self, messages: Sequence[str]) -> str: ...
    def stream(self, messages: Sequence[str]) -> Iterator[str]: ...
    async def areply(self, messages: Sequence[str]) -> str: ...
    def astream(self, messages: Sequence[str]) -> AsyncIterator[str]: ...


def answerer() -> Answerer:
    """Your model if OPENAI_API_KEY or OPENAI_BASE_URL is set, else the extractive one."""
    if os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"):
        from ingredients.openai_answerer import OpenAIAnswerer

        return OpenAIAnswerer(os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
    return ExtractiveAnswerer()


def prompt(question: str, passages: Sequence[str]) -> str:
    """The one prompt of all notebooks, passages numbered from 1."""
    context = "\n\n".join(f"[{i}] {text}" for i, text in enumerate(passages, start=1))
    return PROMPT.format(context_str=context, query_str=question)


def answer(question: str, passages: Sequence[str], by: Answerer | None = None) -> str:
    """An answer from the passages, best first, with citations such as [1]."""
    return (by or answerer()).reply([prompt(question, passages)])


class ExtractiveAnswerer:
    """Not a language model: it quotes the passages' best sentences, each with its passage.

    The built-in reranker reads each sentence with the question. Where none is likely to answer
    it, the answer says so.

    Args:
        sentences: How many to quote at most.
        at_least: P(relevant) below which a sentence is not quoted.
    """

    def __init__(self, sentences: int = 2, at_least: float = 0.05) -> None:
        self.name = "extractive (no language model)"
        self.sentences, self.at_least = sentences, at_least
        self._read: Stage | None = None

    def reply(self, messages: Sequence[str]) -> str:
        question, passages = _parsed(messages)
        said = [
            Candidate(f"{number}.{place}", sentence, payload=number)
            for number, text in enumerate(passages, start=1)
            for place, sentence in enumerate(_sentences(text))
        ]
        self._read = self._read or load("builtin", cache=10_000)
        best = self._read(Ranking.of(question, said))[: self.sentences]
        kept = [c for c in best if c.score is not None and c.score >= self.at_least]
        if not kept:
            return "(extractive, no LLM) Nothing in the passages answers this."
        quotes = (f"“{_plain(c.text)}” [{c.payload}]" for c in kept)
        return f"(extractive, no LLM) {' '.join(quotes)}"

    def stream(self, messages: Sequence[str]) -> Iterator[str]:
        yield from re.findall(r"\S+\s*", self.reply(messages))

    async def areply(self, messages: Sequence[str]) -> str:
        return await asyncio.to_thread(self.reply, messages)  # it computes, so in a thread

    async def astream(self, messages: Sequence[str]) -> AsyncIterator[str]:
        for word in re.findall(r"\S+\s*", await self.areply(messages)):
            yield word


def _parsed(messages: Sequence[str]) -> tuple[str, list[str]]:
    """The question and the passages out of a prompt, or out of a chat that ends with a question."""
    question = messages[-1].rpartition("Question: ")[2].strip()
    holding = next((text for text in messages if "Passages:\n" in text), "")
    context = holding.partition("Passages:\n")[2]
    context = context.rpartition("\n\nQuestion: ")[0] or context
    starts, at = list[tuple[int, int]](), 0
    while found := re.compile(rf"^\[{len(starts) + 1}\] ", re.MULTILINE).search(context, at):
        starts.append((found.start(), at := found.end()))
    ends = [*(start for start, _ in starts), len(context)][1:]
    return question, [context[a:b].strip() for (_, a), b in zip(starts, ends, strict=True)]


def _sentences(text: str) -> list[str]:
    """Sentences and table rows of some length; code is left out, it does not read as an answer."""
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    split = re.split(r"(?<=[.!?])\s+(?=[A-Z*`])|\n\s*\n|\n(?=[*|])|\n(?=\w+:)", prose)
    return [" ".join(s.split()) for s in split if len(s.split()) >= 5]


def _plain(sentence: str) -> str:
    return sentence.strip("|* ").replace("**", "")
