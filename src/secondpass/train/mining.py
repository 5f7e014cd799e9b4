"""Hard negatives: texts that a retriever finds for a query and that are not labelled as answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal

from secondpass.calibrate import JudgedQuery
from secondpass.core.candidate import Candidate
from secondpass.core.errors import InvalidInputError
from secondpass.stages.score import Scorer
from secondpass.train.pairs import QueryPairs

Search = Callable[[str, int], Sequence[str]]
"""From a query and a number to as many texts, best first."""


def mine_negatives(
    pairs: Iterable[QueryPairs],
    source: Literal["bm25"] | Mapping[str, Sequence[str]] | Search = "bm25",
    *,
    per_query: int = 15,
    skip_top: int = 0,
    scorer: Scorer | None = None,
    margin: float = 0.0,
    language: str = "english",
) -> list[JudgedQuery]:
    """Judged lists from pairs: their positives and negatives, and negatives that a retriever finds.

    The candidates of a list are ordered by a hash, so that ties do not favour the relevant ones.

    Args:
        pairs: Queries with their positives.
        source: "bm25" over all texts of `pairs`; a run, from each query to the texts that your
            retriever found, best first; or the retriever, a function of a query and a number.
        per_query: Maximum number of negatives in a list, those of the pairs first.
        skip_top: The number of top results to leave out, where unlabelled answers are likeliest.
        scorer: Leave out what this model takes for an answer, see `without_false_negatives`.
            Only for lists that you train on: measured on such lists, that model looks perfect.
            `fine_tune(false_negative_margin=...)` filters its training part alone.
        margin: Of that filter, in raw scores.
        language: Of BM25's stemmer and stop words.

    Raises:
        InvalidInputError: No pairs, a query that the run lacks, numbers out of range, or no
            negative found for any query.
        MissingExtraError: BM25 is not installed.
    """
    pairs = list(pairs)
    if not pairs:
        raise InvalidInputError("no pairs, so there is nothing to mine negatives for")
    if per_query < 1 or skip_top < 0:
        raise InvalidInputError(
            f"per_query={per_query} must be at least 1, skip_top={skip_top} at least 0"
        )
    search = _search(pairs, source, language)
    judged = []
    for pair in pairs:
        negatives = dict.fromkeys(pair.negatives[:per_query])
        # positives are among the results too: ask for as many more
        results = search(pair.query, skip_top + per_query + len(pair.positives))[skip_top:]
        for text in results:
            if len(negatives) == per_query:
                break
            if text not in pair.positives and text.strip():
                negatives[text] = None
        judged.append(_judged_list(pair, list(negatives)))
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
    """The same lists without unlabelled candidates that are probably answers.

    Those are the ones that `scorer` puts above the query's best positive less `margin`: the
    positive-aware filter of Moreira et al. 2024, "NV-Retriever" (arXiv:2407.15831).

    Args:
        judged: Lists whose candidates that are not relevant were mined, not judged.
        scorer: The current model, or a better one.
        margin: In raw scores; above 0 drops more, below 0 fewer.
    """
    pairs = [(j.ranking.query, c.text) for j in judged for c in j.ranking]
    all_scores = iter(scorer.score(pairs))
    filtered = []
    for j in judged:
        scores = {c.id: next(all_scores) for c in j.ranking}
        best = max((scores[id] for id in j.relevant), default=float("inf"))
        docs = [c for c in j.ranking if c.id in j.relevant or scores[c.id] <= best - margin]
        filtered.append(JudgedQuery.of(j.ranking.query, docs, j.relevant))
    return filtered


def _judged_list(pair: QueryPairs, negatives: list[str]) -> JudgedQuery:
    texts = [(t, True) for t in dict.fromkeys(pair.positives)] + [(t, False) for t in negatives]
    order = sorted(texts, key=lambda item: _hash(pair.query, item[0]))
    docs = [Candidate(str(i), text) for i, (text, _) in enumerate(order)]
    relevant = [str(i) for i, (_, positive) in enumerate(order) if positive]
    return JudgedQuery.of(pair.query, docs, relevant)


def _hash(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _search(
    pairs: list[QueryPairs],
    source: Literal["bm25"] | Mapping[str, Sequence[str]] | Search,
    language: str,
) -> Search:
    if source == "bm25":
        return _bm25_search(pairs, language)
    if isinstance(source, Mapping):
        run = source
        missing = [p.query for p in pairs if p.query not in run]
        if missing:
            raise InvalidInputError(
                f"the run lacks {len(missing)} of {len(pairs)} queries, such as {missing[0]!r}"
            )
        return lambda query, number: run[query][:number]
    if callable(source):
        return source
    raise InvalidInputError(f"source={source!r}: 'bm25', a run, or a function (query, number)")


def _bm25_search(pairs: list[QueryPairs], language: str) -> Search:
    from secondpass.evaluate.bm25_index import BM25Index

    texts = list(dict.fromkeys(t for p in pairs for t in (*p.positives, *p.negatives)))
    index = BM25Index(texts, language=language)

    def search(query: str, number: int) -> list[str]:
        (matches,) = index.search([query], number)
        return [texts[i] for i, _ in matches]

    return search
