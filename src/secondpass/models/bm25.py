"""BM25: the number of the query's words in a text, rare ones counting more."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.core.printing import short_repr

try:
    import bm25s
    import Stemmer
except ImportError as error:
    raise MissingExtraError("BM25", "bm25") from error


@short_repr
@dataclass(frozen=True, slots=True)
class CorpusStatistics:
    """Word statistics of a collection.

    Attributes:
        documents: The number of documents.
        mean_length: Their mean length in words.
        document_frequency: The number of documents that each word is in.
    """

    documents: int
    mean_length: float
    document_frequency: Mapping[str, int]

    @classmethod
    def of(cls, texts: Iterable[str], language: str = "english") -> CorpusStatistics:
        """Count a collection; the texts are not needed again.

        Raises:
            InvalidInputError: No text, or an unknown language.
        """
        return cls._count(_words(list(texts), language))

    @classmethod
    def _count(cls, documents: Sequence[Sequence[str]]) -> CorpusStatistics:
        if not documents:
            raise InvalidInputError("BM25 statistics need at least one text")
        frequency = Counter(word for words in documents for word in set(words))
        return cls(len(documents), sum(map(len, documents)) / len(documents), dict(frequency))


class BM25:
    """Lucene's BM25, on words that bm25s tokenises, stems and rids of stop words.

    score = sum over query words of ln(1 + (N - df + .5) / (df + .5)) * tf / (tf + k1 * (1 - b + b
    * length / mean length)); Robertson and Zaragoza 2009, and Kamphuis et al. 2020 for the variant.

    Args:
        statistics: Of the collection the candidates come from. If None they are taken from the
            candidates of each query: then a word that all candidates share counts for little,
            and scores depend on the other candidates.
        k1: How soon repetitions of a word stop counting.
        b: How much long texts are penalised; 0 is not at all.
        language: Of stemmer and stop words, in English ("english", "german", ...).

    Raises:
        InvalidInputError: An unknown language, k1 or b out of range.
        MissingExtraError: bm25s is not installed.
    """

    def __init__(
        self,
        statistics: CorpusStatistics | None = None,
        *,
        k1: float = 0.9,
        b: float = 0.4,
        language: str = "english",
    ) -> None:
        if k1 < 0 or not 0 <= b <= 1:
            raise InvalidInputError(f"k1={k1}, b={b}: k1 is 0 or more, b is in [0, 1]")
        _words([], language)
        self.statistics, self.k1, self.b, self.language = statistics, k1, b, language
        source = "candidates" if statistics is None else f"corpus of {statistics.documents}"
        self.name = f"bm25({source}, {k1:g}, {b:g})"

    def score_candidates(self, query: str, candidates: Sequence[Candidate]) -> list[float]:
        """One score per candidate, 0 where it has none of the query's words."""
        if not candidates:
            return []
        query_words = _words([query], self.language)[0]
        documents = _words([c.text for c in candidates], self.language)
        statistics = self.statistics or CorpusStatistics._count(documents)
        return [self._score(query_words, words, statistics) for words in documents]

    def _score(
        self, query_words: Sequence[str], words: Sequence[str], statistics: CorpusStatistics
    ) -> float:
        counts = Counter(words)
        relative_length = len(words) / statistics.mean_length if statistics.mean_length else 1.0
        damping = self.k1 * (1 - self.b + self.b * relative_length)
        total = 0.0
        for word in query_words:
            if tf := counts[word]:
                # a word that the collection lacks is as rare as one that it has once
                df = min(statistics.document_frequency.get(word, 1), statistics.documents)
                total += (
                    math.log(1 + (statistics.documents - df + 0.5) / (df + 0.5))
                    * tf
                    / (tf + damping)
                )
        return total


def _words(texts: list[str], language: str) -> list[list[str]]:
    if language not in Stemmer.algorithms():
        raise InvalidInputError(
            f"language={language!r}: one of {', '.join(sorted(Stemmer.algorithms()))}"
        )
    if not texts:
        return []
    stop: Any = language if language in _STOP_WORDS else []
    tokens: Any = bm25s.tokenize(
        texts,
        stopwords=stop,
        stemmer=Stemmer.Stemmer(language),
        return_ids=False,
        show_progress=False,
    )
    return [list(words) for words in tokens]


_STOP_WORDS = frozenset(
    ("english", "german", "dutch", "french", "spanish", "portuguese", "italian", "russian",
     "swedish", "norwegian", "chinese", "turkish")
)  # fmt: skip
"""Languages that bm25s has stop words for."""
