"""The ingredients as LlamaIndex wants them: an embedding, an LLM, and passages with numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.embeddings import BaseEmbedding
from llama_index.core.llms import CustomLLM
from llama_index.core.llms.callbacks import llm_chat_callback
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import NodeWithScore, QueryBundle
from pydantic import Field

from ingredients.answerer import answerer
from ingredients.vectors import embed


class MiniLMEmbedding(BaseEmbedding):
    """all-MiniLM-L6-v2 from the installed package."""

    model_name: str = "all-MiniLM-L6-v2"

    def _get_query_embedding(self, query: str) -> list[float]:
        return embed([query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return await asyncio.to_thread(self._get_query_embedding, query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return embed([text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return embed(texts)


class AnswererLLM(CustomLLM):
    """Any answerer as a LlamaIndex LLM; your own model if the environment names one."""

    by: Any = Field(default_factory=answerer)

    @property
    def metadata(self) -> LLMMetadata:
        name = self.by.name
        return LLMMetadata(context_window=32_000, is_chat_model=True, model_name=name)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return _said(self.by.reply(_texts(messages)))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        def pieces() -> ChatResponseGen:
            so_far = ""
            for piece in self.by.stream(_texts(messages)):
                so_far += piece
                yield _said(so_far, piece)

        return pieces()

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        return _said(await self.by.areply(_texts(messages)))

    @llm_chat_callback()
    async def astream_chat(
        self, messages: Sequence[ChatMessage], **kwargs: Any
    ) -> ChatResponseAsyncGen:
        async def pieces() -> ChatResponseAsyncGen:
            so_far = ""
            async for piece in self.by.astream(_texts(messages)):
                so_far += piece
                yield _said(so_far, piece)

        return pieces()

    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        return CompletionResponse(text=self.by.reply([prompt]))

    def stream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseGen:
        so_far = ""
        for piece in self.by.stream([prompt]):
            so_far += piece
            yield CompletionResponse(text=so_far, delta=piece)


class Numbered(BaseNodePostprocessor):
    """Puts [1], [2], ... before the passages in the prompt, so an answer can cite them."""

    def _postprocess_nodes(
        self, nodes: list[NodeWithScore], query_bundle: QueryBundle | None = None
    ) -> list[NodeWithScore]:
        numbered = []
        for i, n in enumerate(nodes, start=1):
            told = {"text_template": f"[{i}] {{metadata_str}}\n\n{{content}}"}
            hidden = ["source", *n.node.excluded_llm_metadata_keys]
            told |= {"metadata_template": "{value}", "excluded_llm_metadata_keys": hidden}
            numbered.append(NodeWithScore(node=n.node.model_copy(update=told), score=n.score))
        return numbered


def _texts(messages: Sequence[ChatMessage]) -> list[str]:
    return [message.content or "" for message in messages]


def _said(text: str, piece: str | None = None) -> ChatResponse:
    return ChatResponse(message=ChatMessage(role="assistant", content=text), delta=piece)
