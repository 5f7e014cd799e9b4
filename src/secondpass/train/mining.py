"""Hard negatives: what a retriever finds for a query and nobody said answers it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.stages.score import Scorer
from secondpass.train.pairs import QueryPairs

Retriever = Callable[[str, int], Sequence[str]]
"""A query and a number to the texts found, best first."""


def mine_negatives(
    pairs: Iterable[QueryPairs],
    source: Literal["bm25"] | Mapping[str, Sequence[str]] | Retriever = "bm25",
    *,
    per_query: int = 15,
    skip_top: int = 0,
    scorer: Scorer | None = None,
    margin: float = 0.0,
    language: str = "english",
) -> list[JudgedQuery]:
    """Judged lists from pairs: their positives and negatives, and what a retriever finds besides.

    The candidates of a list stand in an order that says nothing (by a hash), so that ties do not
    favour the relevant.

    Args:
        pairs: Queries with their positives.
        source: "bm25" over all texts of `pairs`; a run, from each query to the texts that your
            retriever found, best first; or the retriever, a function of a query and a number.
        per_query: Negatives of each list at most, those given with the pairs first.
        skip_top: Leave out so many of the best found, where unjudged answers are likeliest.
        scorer: Leave out what this model takes for an answer, see `without_false_negatives`.
            Only for lists that you train on: measured on such lists that model looks perfect.
            `fine_tune(false_negative_margin=...)` filters its training part alone.
        margin: Of that filter, in raw scores.
        language: Of BM25's stemmer and stop words.

    Raises:
        InvalidInputError: No pairs, a query that the run lacks, numbers out of range, or no
            negative found for any query.
        MissingExtraError: BM25 is not installed.
    """
    known = list(pairs)
    if not known:
        raise InvalidInputError("no pairs, so there is nothing to mine negatives for")
    if per_query < 1 or skip_top < 0:
        raise InvalidInputError(
            f"per_query={per_query} must be at least 1, skip_top={skip_top} at least 0"
        )
    find = _retriever(known, source, language)
    judged = []
    for pair in known:
        taken = dict.fromkeys(pair.negatives[:per_query])
        # positives are found too: ask for as many more
        found = find(pair.query, skip_top + per_query + len(pair.positives))[skip_top:]
        fresh = (t for t in found if t not in pair.positives and t.strip())
        for text in fresh:
            if len(taken) == per_query:
                break
            taken[text] = None
        judged.append(_list(pair, list(taken)))
    if scorer is not None:
        judged = without_false_negatives(judged, scorer, margin)
    if all(len(j.relevant) == len(j.ranking) for j in judged):
        raise InvalidInputError(
            f"no negative was found for any of {len(judged)} queries; give more texts, your "
            "retriever's run, or negatives in the file"
        )
    return judged


def without_false_negatives(
    judged: Sequence[JudgedQuery], scorer: Scorer, margin: float = 0.0
) -> list[JudgedQuery]:
    """The same lists without unjudged candidates that are probably answers.

    Those are the ones that `scorer` puts above the query's best positive less `margin`: the
    positive-aware filter of Moreira et al. 2024, "NV-Retriever" (arXiv:2407.15831).

    Args:
        judged: Lists whose candidates that are not relevant were mined, not judged.
        scorer: The model of the moment, or a better one.
        margin: In raw scores; above 0 drops more, below 0 fewer.
    """
    pairs = [(j.ranking.query, c.text) for j in judged for c in j.ranking]
    scores = iter(scorer.score(pairs))
    kept = []
    for j in judged:
        said = {c.id: next(scores) for c in j.ranking}
        best = max((said[i] for i in j.relevant), default=float("inf"))
        some = [c for c in j.ranking if c.id in j.relevant or said[c.id] <= best - margin]
        kept.append(JudgedQuery.of(j.ranking.query, some, j.relevant))
    return kept


def _list(pair: QueryPairs, negatives: list[str]) -> JudgedQuery:
    texts = [(t, True) for t in dict.fromkeys(pair.positives)] + [(t, False) for t in negatives]
    order = sorted(texts, key=lambda item: _hash(pair.query, item[0]))
    docs = [Candidate(str(i), text) for i, (text, _) in enumerate(order)]
    relevant = [str(i) for i, (_, positive) in enumerate(order) if positive]
    return JudgedQuery.of(pair.query, docs, relevant)


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _retriever(
    pairs: list[QueryPairs],
    source: Literal["bm25"] | Mapping[str, Sequence[str]] | Retriever,
    language: str,
) -> Retriever:
    if source == "bm25":
        texts = dict.fromkeys(t for p in pairs for t in (*p.positives, *p.negatives))
        return _bm25(list(texts), language)
    if isinstance(source, Mapping):
        run = source
        lacking = [p.query for p in pairs if p.query not in run]
        if lacking:
            raise InvalidInputError(
                f"the run lacks {len(lacking)} of {len(pairs)} queries, such as {lacking[0]!r}"
            )
        return lambda query, number: run[query][:number]
    if callable(source):
        return source
    raise InvalidInputError(f"source={source!r}: 'bm25', a run, or a function (query, number)")


def _bm25(texts: list[str], language: str) -> Retriever:
    try:
        import bm25s
        import Stemmer
    except ImportError as error:
        raise MissingExtraError("mining negatives with BM25", "bm25") from error
    if language not in Stemmer.algorithms():
        raise InvalidInputError(
            f"language={language!r}: one of {', '.join(sorted(Stemmer.algorithms()))}"
        )
    stemmer = Stemmer.Stemmer(language)

    def words(given: list[str]) -> Any:
        stop = language if language == "english" else []
        return bm25s.tokenize(given, stopwords=stop, stemmer=stemmer, show_progress=False)

    index = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    index.index(words(texts), show_progress=False)

    def find(query: str, number: int) -> list[str]:
        places, scores = index.retrieve(
            words([query]), k=min(number, len(texts)), show_progress=False
        )
        return [texts[i] for i, s in zip(places[0], scores[0], strict=True) if s > 0]

    return find
