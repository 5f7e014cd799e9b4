"""BM25 over a whole corpus, for collections that bring no run of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from secondpass.candidate import Candidate
from secondpass.errors import MissingExtraError


def bm25_candidates(
    texts: Mapping[str, str], queries: Mapping[str, str], depth: int
) -> dict[str, list[Candidate]]:
    """The best of the corpus for each query, by Lucene's BM25 (k1=0.9, b=0.4, Porter2, English).

    Args:
        texts: The corpus by document id.
        queries: By query id.
        depth: Candidates of each query; documents that score 0 are no candidates.

    Raises:
        MissingExtraError: bm25s is not installed.
    """
    try:
        import bm25s
        import Stemmer
    except ImportError as error:
        raise MissingExtraError("BM25 as the first stage", "bm25") from error
    stemmer, ids = Stemmer.Stemmer("english"), list(texts)

    def words(given: list[str]) -> Any:
        return bm25s.tokenize(given, stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(words(list(texts.values())), show_progress=False)
    most = min(depth, len(ids))
    places, scores = index.retrieve(words(list(queries.values())), k=most, show_progress=False)
    return {
        q: [
            Candidate(ids[i], texts[ids[i]], score=float(s))
            for i, s in zip(row, found, strict=True)
            if s > 0
        ]
        for q, row, found in zip(queries, places, scores, strict=True)
    }
