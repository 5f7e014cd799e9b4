"""Contenders in turn, round after round: short passages, long documents, ten candidates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from statistics import median
from typing import Any

from rounds import percentile

from speed.arena import Arena
from speed.sizes import Sizes
from speed.workloads import List


def short(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """The first stage's candidates of every query, the queries dealt out over the rounds; the
    orders together give nDCG@10."""
    lists = arena.workloads["short"]
    rounds = min(sizes.rounds, len(lists))
    dealt = [list(range(r, len(lists), rounds)) for r in range(rounds)]
    taken = _in_turn(arena, "short", dealt)
    rows = _rates(taken, lists, dealt)
    for name, row in rows.items():
        row["ndcg"] = _ndcg(arena, lists, taken[name]["orders"])
    start = {one["of"]: one["ids"] for one in lists}
    return {
        "rows": rows, "candidates": arena.source.name, "queries": len(lists),
        "pairs": sum(len(one["texts"]) for one in lists),
        "ndcg_before": arena.source.ndcg(start), **_lengths(lists),
    }  # fmt: skip


def long(arena: Arena, _: Sizes) -> dict[str, Any]:
    """Mixed documents of 10 to 2,000 words, another list each round."""
    lists = arena.workloads["long"]
    dealt = [[i] for i in range(len(lists))]
    taken = _in_turn(arena, "long", dealt)
    rows = _rates(taken, lists, dealt)
    return {"rows": rows, "pairs": sum(len(one["texts"]) for one in lists), **_lengths(lists)}


def ten(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """Ten candidates, one query after the other: what an interactive user waits for."""
    lists = arena.workloads["ten"]
    rounds = min(sizes.rounds, len(lists))
    taken = _in_turn(arena, "ten", [list(range(r, len(lists), rounds)) for r in range(rounds)])
    rows = {
        name: {
            "p50_ms": round(1000 * median(all_of := list(chain.from_iterable(one["seconds"]))), 2),
            "p95_ms": round(1000 * percentile(all_of, 0.95), 2),
        }
        for name, one in taken.items()
    }
    return {"rows": rows, "queries": len(lists)}


def _in_turn(
    arena: Arena, workload: str, dealt: Sequence[Sequence[int]]
) -> dict[str, dict[str, list[Any]]]:
    """Seconds and orders of each contender and round; only of those that finished every round."""
    warm = arena.workloads["ten"][:1]
    for who in arena.present():
        arena.ask(who, {"do": "rank", "workload": "ten", "lists": list(range(len(warm)))})
    taken: dict[str, dict[str, list[Any]]] = {}
    for number, lists in enumerate(dealt):
        arena.tell(f"  {workload}, round {number + 1} of {len(dealt)}")
        for who in arena.present():
            done = arena.ask(who, {"do": "rank", "workload": workload, "lists": list(lists)})
            if done is not None:
                of = taken.setdefault(who.name, {"seconds": [], "orders": []})
                of["seconds"].append(done["seconds"])
                of["orders"].append(list(zip(lists, done["orders"], strict=True)))
    return {name: of for name, of in taken.items() if len(of["seconds"]) == len(dealt)}


def _rates(
    taken: dict[str, dict[str, list[Any]]], lists: Sequence[List], dealt: Sequence[Sequence[int]]
) -> dict[str, dict[str, Any]]:
    pairs = [sum(len(lists[i]["texts"]) for i in of) for of in dealt]
    tokens = [sum(lists[i]["tokens"] for i in of) for of in dealt]
    rows: dict[str, dict[str, Any]] = {}
    for name, of in taken.items():
        seconds = [sum(one) for one in of["seconds"]]
        rates = [p / s for p, s in zip(pairs, seconds, strict=True)]
        rows[name] = {
            "rounds": [round(r, 3) for r in rates],
            "pairs_per_second": round(median(rates), 1),
            "tokens_per_second": round(median(t / s for t, s in zip(tokens, seconds, strict=True))),
        }
    return rows


def _ndcg(arena: Arena, lists: Sequence[List], rounds: Sequence[Sequence[Any]]) -> float | None:
    orders = {
        lists[i]["of"]: [lists[i]["ids"][place] for place in order]
        for one in rounds for i, order in one
    }  # fmt: skip
    value = arena.source.ndcg(orders)
    return None if value is None else round(value, 4)


def _lengths(lists: Sequence[List]) -> dict[str, float]:
    """Mean tokens of a pair, and the mean length that a token meets in attention."""
    tokens = sum(one["tokens"] for one in lists)
    return {
        "tokens_per_pair": round(tokens / sum(len(one["texts"]) for one in lists), 1),
        "attended": round(sum(one["squares"] for one in lists) / tokens, 1),
    }
