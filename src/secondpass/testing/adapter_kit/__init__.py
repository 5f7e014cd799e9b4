"""One suite of tests that every adapter for a framework passes.

    from secondpass.testing.adapter_kit import AdapterContract, Found

    class TestContract(AdapterContract):
        adapter = SecondPassRerank

        def documents(self, given):
            return [Document(g.text, id=g.id, metadata=dict(g.metadata)) for g in given]

        def run(self, reranker, query, documents):
            return reranker.compress_documents(documents, query)

        def read(self, result):
            return [Found(d.id, d.page_content, d.metadata, d.score) for d in result]

pytest collects it by its name. What a framework does not have is named in `without`, with the
reason, and the tests that need it are skipped with that reason.
"""

from secondpass.testing.adapter_kit.adapter import Found, Given, Trace, caught
from secondpass.testing.adapter_kit.contract import AdapterContract

__all__ = ["AdapterContract", "Found", "Given", "Trace", "caught"]
