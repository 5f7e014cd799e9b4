"""The ingredients as LangChain wants them: embeddings, a chat model, and passages with numbers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk, ChatResult
from pydantic import Field

from ingredients.answerer import answerer
from ingredients.vectors import embed


class MiniLMEmbeddings(Embeddings):
    """all-MiniLM-L6-v2 from the installed package."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)

    def embed_query(self, text: str) -> list[float]:
        return embed([text])[0]


class AnswererChatModel(BaseChatModel):
    """Any answerer as a LangChain chat model; your own model if the environment names one."""

    by: Any = Field(default_factory=answerer)

    @property
    def _llm_type(self) -> str:
        return "answerer"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _said(self.by.reply(_texts(messages)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return _said(await self.by.areply(_texts(messages)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for piece in self.by.stream(_texts(messages)):
            yield ChatGenerationChunk(message=AIMessageChunk(piece))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for piece in self.by.astream(_texts(messages)):
            yield ChatGenerationChunk(message=AIMessageChunk(piece))


def numbered(documents: Sequence[Document]) -> str:
    """Documents for the prompt, as [1], [2], ..., so an answer can cite them."""
    return "\n\n".join(
        f"[{i}] {d.metadata['title']}\n\n{d.page_content}" for i, d in enumerate(documents, start=1)
    )


def _texts(messages: Sequence[BaseMessage]) -> list[str]:
    return [str(message.text) for message in messages]


def _said(text: str) -> ChatResult:
    return ChatResult(generations=[ChatGeneration(message=AIMessage(text))])
