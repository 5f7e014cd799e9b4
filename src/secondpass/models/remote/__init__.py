"""Rerankers behind a URL: `dialects` says how each API is spoken, `reranker` asks, `http` sends."""
