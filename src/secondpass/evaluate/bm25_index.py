"""BM25 over a whole corpus, for collections that bring no run of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import MissingExtraError


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
    ids, bodies = list(texts), list(texts.values())
    best = best_matches(bodies, list(queries.values()), depth)
    return {
        q: [Candidate(ids[i], bodies[i], score=score) for i, score in row if score > 0]
        for q, row in zip(queries, best, strict=True)
    }


def best_matches(
    texts: Sequence[str], queries: Sequence[str], depth: int, *, backend: str = "numpy"
) -> list[list[tuple[int, float]]]:
    """For each query the places of its best texts and their scores, best first.

    Args:
        texts: The corpus.
        queries: What to look for.
        depth: So many for each query, or all texts if they are fewer; some may score 0.
        backend: Of bm25s, "numpy" or "numba", which must then be installed.

    Raises:
        MissingExtraError: bm25s is not installed.
    """
    try:
        import bm25s
        import Stemmer
    except ImportError as error:
        raise MissingExtraError("BM25 as the first stage", "bm25") from error
    stemmer = Stemmer.Stemmer("english")

    def words(given: Sequence[str]) -> Any:
        return bm25s.tokenize(list(given), stopwords="en", stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend=backend)
    index.index(words(texts), show_progress=False)
    most = min(depth, len(texts))
    places, scores = index.retrieve(words(queries), k=most, show_progress=False)
    return [
        [(int(i), float(s)) for i, s in zip(row, found, strict=True)]
        for row, found in zip(places, scores, strict=True)
    ]
