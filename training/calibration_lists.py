"""Lists of candidates to fit and measure a calibrator on, from the training data alone.

Three kinds, because relevance is not one thing, and a probability depends on the list:

* "answer": a labelled query with the BM25 best of its own source. Its own passage is the relevant
  one, where BM25 finds it; others of its group (the article) are left out, for nobody judged them.
* "pool": a labelled query with sentences of its own article, in no order: few, all on the topic,
  as where somebody judged the passages of one page.
* "topic": a request in the words of a passage (its first sentences) with the BM25 best of its
  domain. What comes from the same article is relevant, as where subject specialists judged.

Groups are dealt by hash (`pairs`): what fits, what measures and what trained share no article.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pairs

from secondpass import Candidate, JudgedQuery, Ranking
from secondpass.evaluate.bm25_index import BM25Index

DEPTH = 20
COLLECTION = 2000
"""Passages of a source that BM25 searches: as many as small collections have."""
LEAST_GROUP, MOST_GROUP = 5, 40
"""Passages of an article that is a topic."""
UNSEEN = ("py-docstrings", "py")
"""A source and a domain that nothing is fitted on: benchmarks/starting_threshold.py measures on
them, as on a collection."""
MOST_TOPICS = 20
"""Of a domain."""
POOLED = ("squad-sent", "qamr-wiki", "covid-qa", "nq-clapnq", "factbook", "rails-guides")
"""Sources whose articles have passages that answer one question each."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


@dataclass(frozen=True, slots=True)
class List:
    """A judged query, the kind of its list, and the source that it comes from."""

    judged: JudgedQuery
    kind: str
    source: str


def make_lists(
    rows: Sequence[pairs.Row], unlabelled: Iterable[tuple[str, str]], which: int, each: int
) -> list[List]:
    """Lists of one part of the groups; fewer of each source are the first of more.

    Args:
        rows: All labelled pairs.
        unlabelled: Text and group of each further passage.
        which: The part, `pairs.FIT` or `pairs.MEASURE`.
        each: Queries of a source or domain, of each kind, at most.
    """
    if each < 1:
        return []
    by_source: dict[str, list[pairs.Row]] = defaultdict(list)
    for row in rows:
        by_source[row.source].append(row)
    made: list[List] = []
    for source in sorted(by_source.keys() - {*UNSEEN}):
        own, asked = by_source[source], [row for row in by_source[source] if row.part == which]
        random.Random(source).shuffle(asked)
        if not asked:
            continue
        made += _answers(source, own, asked, each)
        if source in POOLED:
            made += _pools(source, own, asked[:each])
    for domain, passages in _domains(rows, unlabelled).items():
        made += _topics(domain, passages, which, each)
    return made


def _answers(
    source: str, own: Sequence[pairs.Row], asked: Sequence[pairs.Row], each: int
) -> list[List]:
    others = list(own)
    random.Random(source).shuffle(others)
    every = {row.positive: row for row in [*asked[: COLLECTION // 2], *others]}
    passages = list(every.values())[:COLLECTION]
    asked = asked[: min(each, COLLECTION // 2)]
    index = BM25Index([row.positive for row in passages])
    right: dict[str, set[str]] = defaultdict(set)
    for row in own:
        right[row.query].add(row.positive)
    made = []
    best = index.search([row.query for row in asked], 4 * DEPTH)
    for row, found in zip(asked, best, strict=True):
        texts = [
            passages[i].positive
            for i, _ in found
            if passages[i].group != row.group or passages[i].positive in right[row.query]
        ][:DEPTH]
        if len(texts) > 1:
            labels = [text in right[row.query] for text in texts]
            made.append(_list(row.query, texts, labels, "answer", source))
    return made


def _pools(source: str, own: Sequence[pairs.Row], asked: Sequence[pairs.Row]) -> list[List]:
    groups: dict[str, dict[str, None]] = defaultdict(dict)
    for row in own:
        groups[row.group][row.positive] = None
    right: dict[str, set[str]] = defaultdict(set)
    for row in own:
        right[row.query].add(row.positive)
    made = []
    for row in asked:
        g = random.Random(row.query)
        others = [text for text in groups[row.group] if text not in right[row.query]]
        texts = [row.positive, *g.sample(others, min(g.randint(3, 15), len(others)))]
        g.shuffle(texts)
        if len(texts) > 3:
            labels = [text in right[row.query] for text in texts]
            made.append(_list(row.query, texts, labels, "pool", source))
    return made


def _domains(
    rows: Sequence[pairs.Row], unlabelled: Iterable[tuple[str, str]]
) -> dict[str, list[tuple[str, str]]]:
    """Text and group of the passages of each domain (what a group's name begins with)."""
    domains: dict[str, dict[str, str]] = defaultdict(dict)
    for text, group in [*((row.positive, row.group) for row in rows), *unlabelled]:
        domains[group.partition(":")[0]].setdefault(text, group)
    return {domain: list(domains[domain].items()) for domain in sorted(domains.keys() - {*UNSEEN})}


def _topics(domain: str, passages: Sequence[tuple[str, str]], which: int, each: int) -> list[List]:
    groups: dict[str, list[str]] = defaultdict(list)
    for text, group in passages:
        groups[group].append(text)
    fitting = [
        group
        for group, texts in groups.items()
        if LEAST_GROUP <= len(texts) <= MOST_GROUP and pairs.part_of(group) == which
    ]
    if len(groups) < 2 * LEAST_GROUP or not fitting:
        return []
    random.Random(domain).shuffle(fitting)
    others = sorted(groups.keys() - set(fitting))
    random.Random(domain).shuffle(others)
    collection: list[tuple[str, str]] = []
    for group in [*fitting[:MOST_TOPICS], *others]:
        if len(collection) < COLLECTION:
            collection += [(text, group) for text in groups[group]]
    index = BM25Index([text for text, _ in collection])
    asked = []
    for group in fitting[: min(each, MOST_TOPICS)]:
        g = random.Random(group)
        text = g.choice(groups[group])
        query = _opening(text, g.randint(8, 50))
        if query:
            asked.append((query, text, group))
    made = []
    best = index.search([query for query, _, _ in asked], 2 * DEPTH) if asked else []
    for (query, text, group), found in zip(asked, best, strict=True):
        kept = [collection[i] for i, _ in found if collection[i][0] != text][:DEPTH]
        if len(kept) > 1:
            labels = [of == group for _, of in kept]
            made.append(_list(query, [t for t, _ in kept], labels, "topic", domain))
    return made


def _opening(text: str, words: int) -> str:
    """The first sentences, until they have so many words; none where they are no prose."""
    sentences = _SENTENCE.split(" ".join(text.split()))
    taken: list[str] = []
    while sentences and len(" ".join(taken).split()) < words:
        taken.append(sentences.pop(0))
    opening = " ".join(taken)
    return opening if 6 <= len(opening.split()) <= 90 and "|" not in opening else ""


def _list(query: str, texts: Sequence[str], labels: Sequence[bool], kind: str, source: str) -> List:
    candidates = [Candidate(str(i), text) for i, text in enumerate(texts)]
    relevant = frozenset(str(i) for i, label in enumerate(labels) if label)
    return List(JudgedQuery(Ranking.of(query, candidates), relevant), kind, source)
