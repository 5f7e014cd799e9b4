"""BM25 over a whole corpus: the first stage of collections that have no run of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError


class BM25Index:
    """Lucene's BM25 with k1=0.9 and b=0.4 (bm25s), words stemmed by Porter2 or its relatives.

    Args:
        texts: The corpus.
        language: Of the stemmer; "english" leaves out stop words too.
        backend: Of bm25s; "numba" must be installed separately, and is faster on large corpora.

    Raises:
        InvalidInputError: There is no stemmer for the language.
        MissingExtraError: bm25s is not installed.
    """

    def __init__(
        self,
        texts: Sequence[str],
        *,
        language: str = "english",
        backend: Literal["numpy", "numba"] = "numpy",
    ) -> None:
        try:
            import bm25s
            import Stemmer
        except ImportError as error:
            raise MissingExtraError("a BM25 index", "bm25") from error
        if language not in Stemmer.algorithms():
            raise InvalidInputError(
                f"language={language!r}: one of {', '.join(sorted(Stemmer.algorithms()))}"
            )
        self._language, self._stemmer, self._size = language, Stemmer.Stemmer(language), len(texts)
        self._index = bm25s.BM25(method="lucene", k1=0.9, b=0.4, backend=backend)
        self._index.index(self._tokenize(texts), show_progress=False)

    def search(self, queries: Sequence[str], depth: int) -> list[list[tuple[int, float]]]:
        """For each query the indices of its best texts and their scores, best first.

        Args:
            queries: What to look for.
            depth: The number of texts per query; all if there are fewer. Texts that share no word
                with the query score 0 and are left out.
        """
        indices, scores = self._index.retrieve(
            self._tokenize(queries), k=min(depth, self._size), show_progress=False
        )
        return [
            [(int(i), float(s)) for i, s in zip(row, of_row, strict=True) if s > 0]
            for row, of_row in zip(indices, scores, strict=True)
        ]

    def _tokenize(self, texts: Sequence[str]) -> Any:
        import bm25s

        stopwords = "en" if self._language == "english" else []
        return bm25s.tokenize(
            list(texts), stopwords=stopwords, stemmer=self._stemmer, show_progress=False
        )


def bm25_candidates(
    texts: Mapping[str, str], queries: Mapping[str, str], depth: int
) -> dict[str, list[Candidate]]:
    """The best documents of the corpus for each query, with their BM25 scores.

    Args:
        texts: The corpus by document id.
        queries: By query id.
        depth: Candidates of each query at most; documents that score 0 are not candidates.

    Raises:
        MissingExtraError: bm25s is not installed.
    """
    ids, bodies = list(texts), list(texts.values())
    results = BM25Index(bodies).search(list(queries.values()), depth)
    return {
        q: [Candidate(ids[i], bodies[i], score=score) for i, score in row]
        for q, row in zip(queries, results, strict=True)
    }
