"""secondpass where other libraries look for their own reranker.

Drop-ins have the classes and methods of another library, so that only an import changes:
`sentence_transformers`, `fastembed`, `flashrank`, `rerankers`, `cohere`. They need none of those
libraries, and take any model or stage. Parts for a framework need it: `dspy`, `lancedb`,
`pydantic_ai`, `pyterrier`, `mcp`. `results` reads what databases return, and `tools` ranks tools.

Each is a module of its own, imported when it is used:

    from secondpass.integrations.sentence_transformers import CrossEncoder
"""
