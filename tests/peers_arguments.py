"""The arguments of langchain-community's rerankers: taken by ours, or answered with what to write.

Not collected by itself, since langchain-community is archived and no dependency; `peers.py` runs
it beside the real classes.
"""

from __future__ import annotations

from typing import Any

import pytest
from langchain_classic.retrievers.document_compressors import CrossEncoderReranker
from langchain_community.cross_encoders import FakeCrossEncoder, HuggingFaceCrossEncoder
from langchain_community.document_compressors import FlashrankRerank
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import Document
from langchain_secondpass import SecondPassRerank

from secondpass import WrongCallError

SAME = {"model", "top_n"}
"""What means the same there and here."""
THEIRS = [
    (of, name)
    for of in (CrossEncoderReranker, FlashrankRerank, HuggingFaceCrossEncoder)
    for name in of.model_fields
]


@pytest.mark.parametrize(("of", "name"), THEIRS, ids=lambda one: getattr(one, "__name__", one))
def test_each_argument_is_taken_or_answered(of: Any, name: str) -> None:
    if name in SAME:
        value = FakeCrossEncoder() if name == "model" else 3
        assert SecondPassRerank(**{name: value})
        return
    with pytest.raises(WrongCallError, match=f"no keyword '{name}'; ") as caught:
        SecondPassRerank(**{name: None})
    assert "; it has" not in str(caught.value), "it only lists what there is"


def test_a_cross_encoder_of_theirs_gives_theirs_order() -> None:
    assert issubclass(HuggingFaceCrossEncoder, BaseCrossEncoder)
    texts = ["aaa1", "bbb1", "aaa2", "bbb2"]
    documents = [Document(page_content=text) for text in texts]
    encoder = FakeCrossEncoder()
    theirs = CrossEncoderReranker(model=encoder).compress_documents(documents, "bbb2")
    ours = SecondPassRerank(model=encoder, top_n=3).compress_documents(documents, "bbb2")
    assert [d.page_content for d in ours] == [d.page_content for d in theirs]
