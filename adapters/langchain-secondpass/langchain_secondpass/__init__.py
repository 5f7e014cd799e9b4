"""secondpass for LangChain: the reranking stage as a document compressor and a runnable."""

from langchain_secondpass.cross_encoder import SecondPassCrossEncoder
from langchain_secondpass.rerank import SecondPassRerank

__all__ = ["SecondPassCrossEncoder", "SecondPassRerank"]
