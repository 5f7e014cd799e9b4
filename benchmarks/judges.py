"""A SIMULATION of judging algorithms: quality against calls, rounds, tokens and time.

    python benchmarks/judges.py

No language model is asked. A stand-in judge answers about the BM25 top 100 of TREC Deep Learning
2019 (passages) from NIST's grades, 0 to 3, plus Gaussian noise (one draw for each passage that
stays, as a model's wrong opinion, and one for each time that it is shown) and a liking for what is
shown first. So the figures compare algorithms with each other, and say nothing of any model.

Time comes from the library's own concurrency on a virtual clock, on which every call takes as
long; only the ten queries side by side are real time, with a judge that sleeps. Needs the
collection in ../shared and skips without it. Writes judges.json, .md and .png in
benchmarks/results, figures only.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import data
import matplotlib
from results_file import markdown_table, parser, write_results

from secondpass import Candidate, Compare, Order, Ranking, Rate, SlidingWindow, Stage, TopDown
from secondpass.judge import (
    AllPairs,
    Answer,
    CostEvent,
    Heapsort,
    SelfConsistent,
    SetwiseHeapsort,
    SetwiseInsertion,
    SlidingPairs,
    Tournament,
    Usage,
)
from secondpass.judge.cost_estimate import estimate_usage

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DATA = data.EVAL / "trec-dl19"
SEEDS = range(200, 220)  # defaults were chosen while looking at 0 to 9, so these are fresh
FEW = 3  # seeds for all pairs, 9900 calls a query
OPINION, NOISE, BIAS = 0.5, 0.5, 0.25  # in grades; the bias from the first place to the last
LATENCY, CONCURRENCY = 1.0, 10
SIDE_BY_SIDE = "ten queries side by side"


class StandIn:
    """A judge of passages, whose texts are their ids here, by their grades."""

    def __init__(self, grades: dict[tuple[str, str], int], tokens: dict[str, int], seed: int):
        self.grades, self.tokens, self.name = grades, tokens, "stand-in"
        self.seed, self.random = seed, random.Random(seed)
        self.opinions: dict[tuple[str, str], float] = {}
        self.latency = LATENCY

    async def aorder(self, query: str, texts: Sequence[str]) -> Answer[Sequence[int]]:
        values = await self._values(query, texts)
        order = sorted(range(len(texts)), key=lambda i: -values[i])
        return Answer(order, self._usage("order", texts))

    async def abest(self, query: str, texts: Sequence[str]) -> Answer[int]:
        values = await self._values(query, texts)
        return Answer(values.index(max(values)), self._usage("best", texts))

    async def acompare(self, query: str, first: str, second: str) -> Answer[float]:
        a, b = await self._values(query, (first, second))
        return Answer(float(a > b), self._usage("compare", (first, second)))

    async def arate(self, query: str, text: str) -> Answer[float]:
        (value,) = await self._values(query, (text,))
        return Answer(value, self._usage("rate", (text,)))

    async def _values(self, query: str, texts: Sequence[str]) -> list[float]:
        await asyncio.sleep(self.latency)
        gauss, last = self.random.gauss, max(1, len(texts) - 1)
        return [
            self._opinion(query, text) + gauss(0, NOISE) + BIAS * (0.5 - place / last)
            for place, text in enumerate(texts)
        ]

    def _opinion(self, query: str, text: str) -> float:
        key = query, text
        if key not in self.opinions:  # by its own seed, so it is the same for every algorithm
            own = random.Random(f"{self.seed} {query} {text}")
            self.opinions[key] = self.grades.get(key, 0) + own.gauss(0, OPINION)
        return self.opinions[key]

    def _usage(self, asks: Any, texts: Sequence[str]) -> Usage:
        return estimate_usage(asks, len(texts), sum(self.tokens[t] for t in texts))


def virtual_loop() -> asyncio.AbstractEventLoop:
    """An event loop whose sleeps take no time: its clock jumps to the next thing to do."""
    loop = asyncio.SelectorEventLoop()
    now = 0.0
    select = loop._selector.select  # type: ignore[attr-defined]

    def jump(timeout: float | None = None) -> Any:
        nonlocal now
        now += timeout or 0.0
        return select(0)

    loop._selector.select = jump  # type: ignore[attr-defined]
    loop.time = lambda: now  # type: ignore[method-assign]
    return loop


def collection() -> tuple[list[Ranking], dict[tuple[str, str], int], dict[str, int], data.Qrels]:
    """BM25's rankings (ids in place of queries and texts), grades, tokens of passages, qrels."""
    corpus, queries, qrels = data.read(DATA)
    run = data.candidates(DATA, corpus, queries, qrels, 100)
    grades = {(q, d): grade for q, judged in qrels.items() for d, grade in judged.items()}
    tokens = {d: len(text) // 4 for d, text in corpus.items()}
    return (
        [Ranking.of(q, [Candidate(d, d) for d in docs]) for q, docs in run.items()],
        grades, tokens, qrels,
    )  # fmt: skip


def ndcg(rankings: Sequence[Ranking], qrels: data.Qrels) -> float:
    """nDCG@10."""
    return data.ndcg(qrels, {r.query: r.ids for r in rankings})


def stages(judge: StandIn) -> dict[str, tuple[str, Stage]]:
    """Family and stage of each algorithm."""
    order = {
        "sliding window (20, 10)": SlidingWindow(),
        "top-down (20, pivot 10)": TopDown(),
        "top-down (20, pivot 5)": TopDown(pivot=5),
        "top-down (20, pivot 10, 3 votes)": TopDown(votes=3),
        "top-down (20, pivot 10, exact)": TopDown(exact=True),
        "tournament (20, keep 8)": Tournament(),
        "tournament (20, keep 4)": Tournament(keep=4),
        "sliding window, 5 shuffles, Kemeny": SelfConsistent(SlidingWindow()),
        "tournament, 5 shuffles, Kemeny": SelfConsistent(Tournament()),
        "tournament, 5 shuffles, Borda": SelfConsistent(Tournament(), aggregate="borda"),
    }
    setwise = {
        "setwise heapsort (3 children)": SetwiseHeapsort(3),
        "setwise heapsort (9 children)": SetwiseHeapsort(9),
        "setwise insertion (3 children)": SetwiseInsertion(3),
        "setwise insertion (9 children)": SetwiseInsertion(9),
    }
    pairs = {
        "pairwise heapsort (k 10)": Heapsort(),
        "pairwise sliding (k 5)": SlidingPairs(5),
        "pairwise sliding (k 10)": SlidingPairs(10),
        "all pairs, Copeland": AllPairs(),
        "all pairs, Bradley-Terry": AllPairs("bradley-terry"),
    }
    c = CONCURRENCY
    return {
        "pointwise rating": ("pointwise", Rate(judge, concurrency=c)),
        **{n: ("listwise", Order(judge, a, concurrency=c)) for n, a in order.items()},
        **{n: ("setwise", Order(judge, a, concurrency=c)) for n, a in setwise.items()},
        **{n: ("pairwise", Compare(judge, a, concurrency=c)) for n, a in pairs.items()},
    }


async def one_by_one(stage: Stage, rankings: list[Ranking]) -> tuple[list[Ranking], float]:
    """Each query by itself, and the mean time of one on the loop's clock."""
    clock = asyncio.get_running_loop().time
    start = clock()
    done = [await stage.acall(r) for r in rankings]
    return done, (clock() - start) / len(rankings)


def simulated(name: str, known: Any) -> dict[str, Any]:
    """Means over queries and seeds of one algorithm."""
    rankings, grades, tokens, judged = known
    rows = []
    for seed in SEEDS[:FEW] if name.startswith("all pairs") else SEEDS:
        judge = StandIn(grades, tokens, seed)
        family, stage = stages(judge)[name]
        with asyncio.Runner(loop_factory=virtual_loop) as runner:
            done, seconds = runner.run(one_by_one(stage, rankings))
        costs = [e.cost for r in done for e in r.events if isinstance(e, CostEvent)]
        mean = {
            key: statistics.fmean(asdict(c)[key] for c in costs)
            for key in ("calls", "rounds", "prompt_tokens", "completion_tokens")
        }
        rows.append({"ndcg@10": ndcg(done, judged), **mean, "seconds": seconds})
    plan = asdict(stage.plan(100, statistics.fmean(tokens.values())))  # type: ignore[attr-defined]
    return {
        "family": family,
        **{key: statistics.fmean(row[key] for row in rows) for key in rows[0]},
        "ndcg@10_sd_of_seeds": statistics.stdev(row["ndcg@10"] for row in rows),
        "ndcg@10_by_seed": [row["ndcg@10"] for row in rows],
        "planned": plan,
    }


def parallel(known: Any, latency: float = 0.2) -> dict[str, float]:
    """Ten queries side by side against one after another, in real seconds, windows of 20."""
    rankings, grades, tokens, _ = known
    judge = StandIn(grades, tokens, 0)
    judge.latency = latency
    stage, ten = Order(judge, concurrency=CONCURRENCY), rankings[:10]

    async def timed() -> tuple[float, float]:
        start = time.perf_counter()
        for r in ten:
            await stage.acall(r)
        middle = time.perf_counter()
        await stage.arun(ten)
        return middle - start, time.perf_counter() - middle

    apart, together = asyncio.run(timed())
    return {
        "latency_seconds": latency,
        "one_after_another_seconds": apart,
        "side_by_side_seconds": together,
        "ratio": apart / together,
    }


def linear() -> dict[str, list[int]]:
    """Calls of pairwise sliding with k = 10 at several n, at worst and as planned."""
    stage = Compare(StandIn({}, {}, 0), SlidingPairs(10))
    sizes = [25, 50, 100, 200, 400]
    return {
        "n": sizes,
        "most_calls_2k(n-1)": [20 * (n - 1) for n in sizes],
        "planned_calls": [stage.plan(n).calls for n in sizes],
    }


def targets(result: dict[str, Any]) -> list[str]:
    """What was to be shown, with the figures, and whether it was."""
    rows, verdicts = result["algorithms"], []
    base = rows["sliding window (20, 10)"]
    for name in (
        "top-down (20, pivot 10)", "top-down (20, pivot 10, 3 votes)", "tournament (20, keep 8)",
        "tournament (20, keep 4)",
    ):  # fmt: skip
        row = rows[name]
        by_seed = zip(row["ndcg@10_by_seed"], base["ndcg@10_by_seed"], strict=True)
        gains = [a - b for a, b in by_seed]
        lost, error = -statistics.fmean(gains), statistics.stdev(gains) / len(gains) ** 0.5
        calls, rounds = row["calls"] / base["calls"], row["rounds"] / base["rounds"]
        met = lost <= 0.01 and (calls <= 0.7 or rounds <= 1 / 3)
        verdicts.append(
            f"{name}: nDCG@10 {-lost:+.4f} (standard error of seeds {error:.4f}) against the "
            f"sliding window, {calls:.0%} of its calls, "
            f"{rounds:.0%} of its rounds: {'met' if met else 'NOT met'}"
        )
    pairs = rows["pairwise sliding (k 10)"]["calls"]
    verdicts.append(
        f"pairwise sliding, k = 10: {pairs:.0f} calls at n = 100; the bound 2k(n - 1) is 1980: "
        f"{'met' if pairs <= 1980 else 'NOT met'}"
    )
    ratio = result[SIDE_BY_SIDE]["ratio"]
    verdicts.append(
        f"{SIDE_BY_SIDE} with a judge that takes 200 ms: {ratio:.1f} times as fast as one after "
        f"another: {'met' if ratio >= 5 else 'NOT met'}"
    )
    return verdicts


def page(result: dict[str, Any]) -> list[str]:
    """The figures in Markdown."""
    head = [
        "algorithm", "family", "nDCG@10", "sd of seeds", "calls", "rounds", "prompt tokens",
        "completion tokens", "seconds", "planned calls", "planned rounds",
    ]  # fmt: skip
    rows = [
        [
            name, row["family"], f"{row['ndcg@10']:.4f}", f"{row['ndcg@10_sd_of_seeds']:.4f}",
            f"{row['calls']:.1f}", f"{row['rounds']:.1f}", f"{row['prompt_tokens']:.0f}",
            f"{row['completion_tokens']:.0f}", f"{row['seconds']:.1f}", row["planned"]["calls"],
            row["planned"]["rounds"],
        ]
        for name, row in result["algorithms"].items()
    ]  # fmt: skip
    empty = [""] * (len(head) - 3)
    bm25 = ["BM25", "", f"{result['bm25']:.4f}", *empty]
    ideal = ["the grades themselves", "", f"{result['ideal']:.4f}", *empty]
    by_n = result["pairwise sliding by n"]
    return [
        "# Judging algorithms: a simulation",
        "",
        "No language model was asked. A stand-in judge answers about the BM25 top 100 of trec-dl19 "
        "(43 queries) from NIST's grades (0 to 3; not judged is 0) plus Gaussian noise "
        f"(standard deviation {OPINION:g} for each passage, that stays, and {NOISE:g} each time "
        f"it is shown) and a bias of {BIAS:g} grades from the first place to the last. The "
        f"figures compare algorithms, not models. Means over queries and {len(SEEDS)} seeds "
        f"({FEW} for all pairs), none of which was seen while defaults were chosen; "
        "tokens are estimates at 4 characters each; seconds are of one query by itself, on "
        f"a virtual clock on which a call takes {LATENCY:g} s, at most {CONCURRENCY} at once.",
        "",
        *markdown_table(head, [bm25, *rows, ideal]),
        "",
        "Targets:",
        "",
        *(f"- {line}" for line in result["targets"]),
        "",
        f"Pairwise sliding with k = 10, calls planned at n = {by_n['n']}: "
        f"{by_n['planned_calls']}, at most {by_n['most_calls_2k(n-1)']}.",
        "",
        "![nDCG@10 against calls](judges.png)",
    ]


def chart(result: dict[str, Any], path: Path) -> None:
    """Quality against calls."""
    colours = {"pointwise": "tab:gray", "listwise": "tab:blue", "setwise": "tab:green",
               "pairwise": "tab:red"}  # fmt: skip
    figure, axes = plt.subplots(figsize=(10, 6))
    markers = {family: iter("os^vDP*X<>") for family in colours}
    for name, row in result["algorithms"].items():
        axes.errorbar(
            row["calls"], row["ndcg@10"], row["ndcg@10_sd_of_seeds"],
            fmt=next(markers[row["family"]]),
            color=colours[row["family"]], markersize=8, alpha=0.7, linewidth=0.8, label=name,
        )  # fmt: skip
    axes.axhline(result["bm25"], color="black", linewidth=0.8, linestyle=":", label="BM25")
    axes.set(
        xscale="log", xlabel="calls per query (log scale)", ylabel="nDCG@10",
        title="A simulation: judging the BM25 top 100 of trec-dl19 by its grades plus noise",
    )  # fmt: skip
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8, frameon=False)
    figure.savefig(path, dpi=120, bbox_inches="tight")


def main(arguments: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(arguments)
    data.needed(DATA)
    known = collection()
    rankings, grades, tokens, judged = known
    ideal = [
        replace(r, candidates=tuple(sorted(r, key=lambda c: -grades.get((r.query, c.id), 0))))
        for r in rankings
    ]
    names = list(stages(StandIn(grades, tokens, 0)))
    result: dict[str, Any] = {
        "what": "a simulation: a stand-in judge answers from grades plus noise; no model was asked",
        "queries": len(rankings), "candidates": 100, "seeds": list(SEEDS),
        "opinion_sd": OPINION, "noise_sd": NOISE, "position_bias": BIAS,
        "latency_seconds": LATENCY, "concurrency": CONCURRENCY, "clock": "virtual",
        "bm25": ndcg(rankings, judged), "ideal": ndcg(ideal, judged),
        "algorithms": {}, SIDE_BY_SIDE: parallel(known), "pairwise sliding by n": linear(),
    }  # fmt: skip
    for name in names:
        result["algorithms"][name] = row = simulated(name, known)
        print(f"{name:40} {row['ndcg@10']:.4f} {row['calls']:8.1f} {row['rounds']:6.1f}")
    result["targets"] = targets(result)
    print("\n".join(result["targets"]))
    write_results("judges", result, page(result), options.results)
    chart(result, options.results / "judges.png")


if __name__ == "__main__":
    main()
