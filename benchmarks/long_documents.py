"""Which way of reading long documents finds the right ones, and does it matter where the answer is?

Long documents are made of short ones:

* xquad-en: the five paragraphs of each article, joined in their order; 48 documents, and the right
  one is the article that the question was asked about.
* nq-gold: blocks of 20 passages that follow each other in the file; the right one holds the gold
  passage.
* trec-dl19: each passage that BM25 found, with the five before and the five after it in the file;
  the grade is that of the passage in the middle, whatever its neighbours are.

They are read whole, in chunks of some sizes, by the built-in model, and the scores of the chunks
are combined in different ways. Cutting reads the first 510 tokens; first and last reads the first
and the last chunk. The position test puts the paragraph of XQuAD that answers at 10 places of a
document of 15 paragraphs, the others of other articles, among 60 documents without it.

Behind each figure stands how far it is from that of one way, the best of chunks of 256 tokens, as
the mean of the queries' differences with 1.96 standard errors.
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from data import EVAL, Qrels, candidates, ndcg, ndcg_by_query, needed, read
from results_file import markdown_table, parser, write_results

from secondpass.models.builtin.model import Builtin
from secondpass.models.onnx.segment_scorer import CHUNK
from secondpass.stages.combine import combination
from secondpass.stages.split_chunks import split_chunks

SIZES = (128, 256, 510)
REFERENCE = "max, 256"
OWN_WAY = f"max, {CHUNK}"
"""How the built-in model reads."""
PARAGRAPHS, PLACES, BACKGROUNDS = 15, 10, 8
Scores = Sequence[float]
WAYS: dict[str, Callable[[Scores], float]] = {
    "first and last": lambda scores: max(scores[0], scores[-1]),
    **{name: combination(name) for name in (
        "max", "mean of best 2", "mean of best 3", "mean", "log-sum-exp",
    )},
}  # fmt: skip
Documents = dict[str, str]
Asked = dict[str, tuple[str, list[str]]]
"""By query id the query and the ids of its candidates."""


class Reader:
    """The built-in model, which keeps the vectors of every chunk that it has read."""

    def __init__(self, folder: Path) -> None:
        self.model = Builtin(vectors=folder / "vectors.db", chunks=1)
        self._places: dict[tuple[str, int], list[str]] = {}

    def chunks(self, text: str, size: int) -> list[str]:
        """Texts of the chunks."""
        key = text, size
        if key not in self._places:
            places = split_chunks(text, size, 0, self.model.count_tokens)
            self._places[key] = [text[start:end] for start, end in places]
        return self._places[key]

    def scores(
        self, query: str, texts: Sequence[str], size: int, most: int | None = None
    ) -> list[list[float]]:
        """Of the chunks of each text, from its beginning."""
        split = [self.chunks(text, size)[:most] for text in texts]
        found = iter(self.model.score([(query, chunk) for own in split for chunk in own]))
        return [[next(found) for _ in own] for own in split]


def xquad(most: int) -> tuple[Documents, Asked, Qrels]:
    corpus, queries, qrels = read(EVAL / "xquad-en")
    ids = list(corpus)
    articles = [ids[i : i + 5] for i in range(0, len(ids), 5)]
    return joined(corpus, queries, qrels, articles, most)


def nq(most: int) -> tuple[Documents, Asked, Qrels]:
    corpus, queries, qrels = read(EVAL / "nq-gold")
    ids = list(corpus)[:1000]
    blocks = [ids[i : i + 20] for i in range(0, len(ids), 20)]
    return joined(corpus, queries, qrels, blocks, most)


def joined(
    corpus: Documents, queries: Documents, qrels: Qrels, blocks: Sequence[Sequence[str]], most: int
) -> tuple[Documents, Asked, Qrels]:
    """Blocks of passages as documents, and a sample of the queries whose passage is in one."""
    block_of = {id: f"d{number}" for number, block in enumerate(blocks) for id in block}
    documents = {
        f"d{number}": "\n\n".join(corpus[id] for id in block) for number, block in enumerate(blocks)
    }
    asked = [q for q, grades in qrels.items() if set(grades) <= set(block_of)]
    random.Random(0).shuffle(asked)
    asked = asked[:most]
    every = list(documents)
    return (
        documents,
        {q: (queries[q], every) for q in asked},
        {q: {block_of[id]: grade for id, grade in qrels[q].items()} for q in asked},
    )


def trec(most: int) -> tuple[Documents, Asked, Qrels]:
    corpus, queries, qrels = read(EVAL / "trec-dl19")
    lists = candidates(EVAL / "trec-dl19", corpus, queries, qrels, 20)
    ids = list(corpus)
    place = {id: i for i, id in enumerate(ids)}
    asked = {q: (queries[q], [d for d in lists[q] if d in place]) for q in list(lists)[:most]}
    documents = {
        id: "\n\n".join(
            corpus[ids[i]] for i in range(max(0, place[id] - 5), place[id] + 6) if i < len(ids)
        )
        for _, found in asked.values()
        for id in found
    }
    return documents, asked, {q: qrels[q] for q in asked}


def compare_ways(
    reader: Reader, documents: Documents, asked: Asked, qrels: Qrels
) -> dict[str, Any]:
    """nDCG@10 by size of the chunks and by way of combining."""
    row: dict[str, Any] = {"documents": len(documents), "queries": len(asked)}
    row["tokens"] = fmean(reader.model.count_tokens(list(documents.values())))
    orders: dict[str, dict[str, list[str]]] = {}
    for query_id, (query, found) in asked.items():
        texts = [documents[id] for id in found]
        for size in SIZES:
            scores = reader.scores(query, texts, size)
            for way, combine in WAYS.items():
                values = [combine(own) for own in scores]
                orders.setdefault(f"{way}, {size}", {})[query_id] = in_order(found, values)
            if size == SIZES[-1]:
                values = [own[0] for own in scores]
                orders.setdefault("cut", {})[query_id] = in_order(found, values)
    by_query = {way: ndcg_by_query(qrels, lists) for way, lists in orders.items()}
    row["nDCG@10"] = {way: fmean(values) for way, values in by_query.items()}
    row["difference"] = {
        way: difference(values, by_query[REFERENCE]) for way, values in by_query.items()
    }
    return row


def difference(values: Scores, own: Scores) -> tuple[float, float]:
    """Mean of the queries' differences, and 1.96 standard errors of it."""
    apart = [one - other for one, other in zip(values, own, strict=True)]
    return fmean(apart), 1.96 * stdev(apart) / len(apart) ** 0.5


def in_order(ids: Sequence[str], values: Scores) -> list[str]:
    """Best first."""
    return [ids[i] for i in sorted(range(len(ids)), key=lambda i: -values[i])]


def positions(reader: Reader, most: int, count: int) -> dict[str, list[float]]:
    """nDCG@10 with the answer at each place: cut, and in the built-in model's own way."""
    corpus, queries, qrels = read(EVAL / "xquad-en")
    ids = list(corpus)
    article = {id: number // 5 for number, id in enumerate(ids)}
    chosen = random.Random(1)
    asked = chosen.sample(list(qrels), most)
    others = [chosen.sample(ids, PARAGRAPHS) for _ in range(count)]
    backgrounds = [chosen.sample(ids, PARAGRAPHS - 1) for _ in range(BACKGROUNDS)]
    found: dict[str, list[float]] = {"cut": [], OWN_WAY: []}
    for place in range(PLACES):
        at = round(place * (PARAGRAPHS - 1) / (PLACES - 1))
        ranked: dict[str, dict[str, list[str]]] = {way: {} for way in found}
        for query_id in asked:
            (gold,) = qrels[query_id]
            around = next(
                one for one in backgrounds if article[gold] not in {article[id] for id in one}
            )
            lists = [
                [*around[:at], gold, *around[at:]],
                *(one for one in others if gold not in one),
            ]
            texts = ["\n\n".join(corpus[id] for id in one) for one in lists]
            names = ["gold", *(f"other{i}" for i in range(1, len(texts)))]
            heads = reader.scores(queries[query_id], texts, SIZES[-1], 1)
            ranked["cut"][query_id] = in_order(names, [own[0] for own in heads])
            scores = reader.scores(queries[query_id], texts, CHUNK)
            ranked[OWN_WAY][query_id] = in_order(names, [max(own) for own in scores])
        for way, of_way in ranked.items():
            found[way].append(ndcg({q: {"gold": 1} for q in asked}, of_way))
        print(place, {way: values[-1] for way, values in found.items()}, flush=True)
    return found


def shown(row: dict[str, Any], way: str) -> str:
    """A figure, and its distance from the one of the reference."""
    mean, error = row["difference"][way]
    apart = "" if way == REFERENCE else f" ({mean:+.3f} ± {error:.3f})"
    return f"{row['nDCG@10'][way]:.3f}{apart}"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--vectors", type=Path, help="folder that keeps what was read, to go on")
    options.add_argument("--queries", type=int, default=80, help="of xquad-en and nq-gold")
    options.add_argument("--collections", nargs="*", default=("xquad-en", "nq-gold", "trec-dl19"))
    options.add_argument("--others", type=int, default=60, help="documents of the position test")
    options.add_argument("--trec", type=int, default=8, help="queries of trec-dl19")
    options.add_argument("--position", type=int, default=30, help="queries of the position test")
    arguments = options.parse_args()
    needed(EVAL / "xquad-en", EVAL / "nq-gold", EVAL / "trec-dl19")
    with tempfile.TemporaryDirectory() as folder:
        reader = Reader(arguments.vectors or Path(folder))
        rows = {}
        for name in arguments.collections:
            make = {"xquad-en": xquad, "nq-gold": nq, "trec-dl19": trec}[name]
            number = arguments.trec if name == "trec-dl19" else arguments.queries
            documents, asked, qrels = make(number)
            rows[name] = compare_ways(reader, documents, asked, qrels)
            print(name, rows[name], flush=True)
        places = positions(reader, arguments.position, arguments.others)
    write(reader.model.name, rows, places, arguments.results)


def write(model: str, rows: dict[str, Any], places: dict[str, list[float]], folder: Path) -> None:
    """The results of both parts."""
    report = {"model": model, "collections": rows, "positions": places}
    ways = list(next(iter(rows.values()))["nDCG@10"])
    lines = ["# Long documents", "", "nDCG@10 of the built-in model, by way of reading.", ""]
    lines += markdown_table(
        ["way, tokens of a chunk", *rows],
        [[way, *(shown(row, way) for row in rows.values())] for way in ways],
    )
    for name, row in rows.items():
        lines.append(
            f"\n{name}: {row['documents']} documents of {row['tokens']:.0f} tokens, "
            f"{row['queries']} queries."
        )
    lines += ["", f"The answer at {PLACES} places of {PARAGRAPHS} paragraphs, nDCG@10.", ""]
    lines += markdown_table(
        ["way", *range(1, PLACES + 1)],
        [[way, *(f"{value:.3f}" for value in values)] for way, values in places.items()],
    )
    write_results("long_documents", report, lines, folder)


if __name__ == "__main__":
    main()
