"""A chat model behind an OpenAI-compatible API."""
