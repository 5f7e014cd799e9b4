"""Any OpenAI-compatible chat model as the answerer: OpenAI, vLLM, llama.cpp, Ollama, a gateway."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator, Sequence

from openai import AsyncOpenAI, OpenAI


class OpenAIAnswerer:
    """Reads OPENAI_API_KEY and OPENAI_BASE_URL, as the openai package does.

    Args:
        model: Its name at that endpoint.
    """

    def __init__(self, model: str) -> None:
        self.name = model
        self._key = os.environ.get("OPENAI_API_KEY") or "none"  # a local server asks for none

    def reply(self, messages: Sequence[str]) -> str:
        return "".join(self.stream(messages))

    def stream(self, messages: Sequence[str]) -> Iterator[str]:
        with OpenAI(api_key=self._key) as client:
            asked = client.chat.completions.create(
                model=self.name, messages=_chat(messages), stream=True
            )
            for piece in asked:
                yield (piece.choices[0].delta.content or "") if piece.choices else ""

    async def areply(self, messages: Sequence[str]) -> str:
        return "".join([piece async for piece in self.astream(messages)])

    async def astream(self, messages: Sequence[str]) -> AsyncIterator[str]:
        async with AsyncOpenAI(api_key=self._key) as client:
            asked = await client.chat.completions.create(
                model=self.name, messages=_chat(messages), stream=True
            )
            async for piece in asked:
                yield (piece.choices[0].delta.content or "") if piece.choices else ""


def _chat(messages: Sequence[str]) -> list[dict[str, str]]:
    """What stands before the last message tells the model what it is to know."""
    *before, last = messages
    told = [{"role": "system", "content": "\n\n".join(before)}] if before else []
    return [*told, {"role": "user", "content": last}]
