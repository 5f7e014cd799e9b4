"""Fit the calibrators that ship with a built-in model, on training lists held out for them.

    python training/calibrate_builtin.py [--model builtin] [--data ../shared/data]

`calibration_lists` makes the lists, of three kinds, from articles that training never read. Each
kind of calibrator in `KINDS` is judged on sources that it was not fitted on, a tenth of them in
turn, and, fitted on all, on the lists of other articles. The first candidates of each query alone
are lists too (`PREFIXES`), since users rerank short ones.

Scores are kept in `training/runs`, so an interrupted run goes on where it stopped.

Writes calibrator.json beside the model's weights (all kinds; `ships` says which is the default)
and training/results/calibrator.json (or calibrator-MODEL.json).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pairs
from calibration_lists import List, make_lists

from secondpass import Beta, Cached, Ranking, Score, load
from secondpass.calibrate import InList, brier_score, expected_calibration_error, log_loss
from secondpass.calibrate.methods.in_list import OF_LIST, OF_PAIR, POINTWISE

KINDS: dict[str, tuple[str, ...] | None] = {
    "beta": None,
    "by_query": POINTWISE,
    "in_list": OF_PAIR + OF_LIST,
}
"""The calibrators by their names in calibrator.json, and the features that each may see."""
PREFIXES = (1, 3, 5, 10)
"""Lengths at which lists are cut, besides their own, when a calibrator is fitted."""
Fitted = Beta | InList
Observed = tuple[List, Ranking]
Judged = tuple[str, float, bool]
"""The kind of list, the probability of a candidate, and whether it is relevant."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=pairs.DATA)
    parser.add_argument("--model", default="builtin", help="a built-in model's string")
    parser.add_argument("--each", type=int, default=6, help="queries a source and kind of list")
    parser.add_argument("--measure", type=int, default=3, help="the same, of other articles")
    parser.add_argument("--folds", type=int, default=10, help="of sources; 0 leaves this out")
    parser.add_argument("--ships", choices=tuple(KINDS), default="beta", help="the default")
    given = parser.parse_args()

    stage = load(f"{given.model}:raw")
    assert isinstance(stage, Score)
    runs = pairs.ROOT / "training/runs"
    runs.mkdir(exist_ok=True)
    cached = Score(Cached(stage.scorer, disk=runs / "calibration-scores.sqlite"))  # type: ignore[arg-type]
    rows = pairs.rows(given.data / "train")
    unlabelled = pairs.unlabelled_passages(given.data)
    fit, measure = (
        score_lists(cached, make_lists(rows, unlabelled, part, each))
        for part, each in ((pairs.FIT, given.each), (pairs.MEASURE, given.measure))
    )
    fitted = {kind: fit_kind(kind, fit) for kind in KINDS}
    report = {
        "command": f"python training/calibrate_builtin.py --model {given.model} "
        f"--each {given.each} --measure {given.measure} --ships {given.ships}",
        "model": stage.name,
        "ships": given.ships,
        "lists": {part: counts(lists) for part, lists in (("fit", fit), ("measure", measure))},
        "on_the_part_held_out_from_the_fit": {
            kind: quality_by_kind(judge(calibrator, measure)) for kind, calibrator in fitted.items()
        },
        "on_sources_held_out": {
            kind: leave_sources_out(kind, fit, given.folds) for kind in KINDS if given.folds
        },
        "parameters": {kind: asdict(calibrator) for kind, calibrator in fitted.items()},
    }
    print(json.dumps({k: v for k, v in report.items() if k != "parameters"}, indent=2))
    folder = Path(stage.scorer.folder)  # type: ignore[union-attr]
    flat = [y for list_, ranking in fit for y in labels(list_, ranking)]
    shipped = {
        "fitted_on": stage.name,
        "base_rate": round(sum(flat) / len(flat), 6),
        "ships": given.ships,
        **report["parameters"],
    }
    write(folder / "calibrator.json", shipped)
    suffix = "" if given.model == "builtin" else f"-{given.model}"
    write(pairs.ROOT / f"training/results/calibrator{suffix}.json", report)


def score_lists(stage: Score, lists: Sequence[List]) -> list[Observed]:
    rankings = []
    for i in range(0, len(lists), 8):  # what was scored is kept, so not all at once
        rankings += stage.run([one.judged.ranking for one in lists[i : i + 8]])
        print(f"{len(rankings)} of {len(lists)} lists scored", flush=True)
    return list(zip(lists, rankings, strict=True))


def fit_kind(kind: str, observed: Sequence[Observed]) -> Fitted:
    """Of lists as they are, and cut short."""
    features = KINDS[kind]
    whole = [(list_.judged.relevant, ranking) for list_, ranking in observed]
    if features is None:
        scores = [s for _, r in whole for s in r.scores]
        return Beta.fit(scores, [c.id in ids for ids, r in whole for c in r])
    short = [(ids, cut_short(r, n)) for ids, r in whole for n in PREFIXES if n < len(r)]
    every = [*whole, *short]
    return InList.fit([r for _, r in every], [ids for ids, _ in every], features)


def cut_short(ranking: Ranking, size: int) -> Ranking:
    """The candidates that the first stage had on its first places; their ids are its ranks."""
    first = sorted(ranking, key=lambda c: int(c.id))[:size]
    kept = {c.id for c in first}
    return replace(ranking, candidates=tuple(c for c in ranking if c.id in kept))


def leave_sources_out(
    kind: str, observed: Sequence[Observed], folds: int
) -> dict[str, dict[str, float]]:
    """Each source judged by a fit on others; by kind of list, and of all."""
    sources = sorted({list_.source for list_, _ in observed})
    judged: list[Judged] = []
    for fold in range(folds):
        inside = set(sources[fold::folds])
        held_out = [one for one in observed if one[0].source in inside]
        if held_out:
            others = [one for one in observed if one[0].source not in inside]
            judged += judge(fit_kind(kind, others), held_out)
    return quality_by_kind(judged)


def judge(fitted: Fitted, observed: Sequence[Observed]) -> list[Judged]:
    return [
        (list_.kind, p, label)
        for list_, ranking in observed
        for p, label in zip(probabilities(fitted, ranking), labels(list_, ranking), strict=True)
    ]


def quality_by_kind(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    kinds = sorted({kind for kind, _, _ in judged})
    by_kind = {kind: [one for one in judged if one[0] == kind] for kind in kinds}
    return {kind: quality(pairs_) for kind, pairs_ in {**by_kind, "all": judged}.items() if pairs_}


def quality(judged: Sequence[Judged]) -> dict[str, float]:
    p, y = [one[1] for one in judged], [one[2] for one in judged]
    return {
        "expected_calibration_error": round(expected_calibration_error(p, y), 4),
        "log_loss": round(log_loss(p, y), 4),
        "brier_score": round(brier_score(p, y), 4),
    }


def probabilities(fitted: Fitted, ranking: Ranking) -> list[float]:
    if isinstance(fitted, InList):
        return fitted.probabilities(ranking)
    return [fitted.probability(score) for score in ranking.scores]


def labels(list_: List, ranking: Ranking) -> list[bool]:
    return [c.id in list_.judged.relevant for c in ranking]


def counts(observed: Sequence[Observed]) -> dict[str, Any]:
    """Lists, pairs and the share of relevant ones, by kind."""
    found = {}
    for kind in sorted({list_.kind for list_, _ in observed}):
        own = [labels(list_, ranking) for list_, ranking in observed if list_.kind == kind]
        size = sum(map(len, own))
        found[kind] = {
            "lists": len(own), "pairs": size, "base_rate": round(sum(map(sum, own)) / size, 4)
        }  # fmt: skip
    return found


def write(path: Path, values: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
