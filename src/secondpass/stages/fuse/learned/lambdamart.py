"""Boosted trees whose goal is the order: LambdaMART, fitted by LightGBM."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from secondpass.core.errors import CalibrationError, MissingExtraError
from secondpass.core.short_repr import short_repr
from secondpass.stages.fuse.learned.examples import Examples
from secondpass.stages.fuse.learned.ndcg import ndcg
from secondpass.stages.fuse.learned.trees import Tree

MOST_ROUNDS, STEP, INNER_FOLDS = 120, 10, 3


@short_repr
@dataclass(frozen=True, slots=True)
class LambdaMartModel:
    """A sum of trees. Burges 2010, "From RankNet to LambdaRank to LambdaMART: An Overview".

    The trees are plain numbers, so that a stored model needs no LightGBM, and a damaged one is an
    error: LightGBM's own reader ends the whole process on a damaged text.

    Attributes:
        trees: As many as cross-validate best.
        importance: Of each feature the share of the trees' gain.
    """

    trees: tuple[Tree, ...]
    importance: tuple[float, ...]

    @classmethod
    def fit(cls, examples: Examples, seed: int = 0) -> LambdaMartModel:
        """Fit with the number of trees of best nDCG@10, cross-validated by query.

        Raises:
            CalibrationError: No query has relevant and other candidates.
            MissingExtraError: LightGBM is not installed.
        """
        if not any(0 < sum(y) < len(y) for y in examples.labels):
            raise CalibrationError(
                "no labelled query has a relevant and another candidate, and an order is learned "
                "from the contrast; add queries that have both"
            )
        rounds = range(STEP, MOST_ROUNDS + 1, STEP)
        found: dict[int, list[float]] = {n: [] for n in rounds}
        for others, own in examples.splits(INNER_FOLDS, seed):
            if not any(0 < sum(y) < len(y) for y in others.labels):
                continue
            booster = _trained(others, MOST_ROUNDS, seed)
            for n in rounds:
                found[n] += _ndcgs(booster, n, own)
        best = max(rounds, key=lambda n: (fmean(found[n]) if found[n] else 0.0, -n))
        booster = _trained(examples, best, seed)
        gains = booster.feature_importance("gain")
        total = float(gains.sum()) or 1.0
        trees = booster.dump_model()["tree_info"]
        return cls(tuple(map(Tree.of, trees)), tuple(float(g) / total for g in gains))

    def score(self, row: Sequence[float]) -> float:
        """The trees' sum for one row."""
        return sum(tree.value(row) for tree in self.trees)


def _trained(examples: Examples, rounds: int, seed: int) -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError("learning a fusion with LambdaMART", "learn") from error
    settings = {
        "objective": "lambdarank", "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 20,
        "lambda_l2": 1.0, "lambdarank_truncation_level": 15, "use_missing": False,
        "deterministic": True, "force_row_wise": True, "num_threads": 1, "seed": seed,
        "verbosity": -1,
    }  # fmt: skip
    data = lightgbm.Dataset(
        examples.x,
        label=examples.y,
        group=[len(y) for y in examples.labels if len(y)],
        params={"verbosity": -1, "num_threads": 1},
    )
    return lightgbm.train(settings, data, num_boost_round=rounds)


def _ndcgs(booster: Any, rounds: int, examples: Examples) -> list[float]:
    """Of each query that has a relevant candidate."""
    found = []
    for rows, labels in zip(examples.rows, examples.labels, strict=True):
        if any(labels):
            scores = booster.predict(rows, num_iteration=rounds, num_threads=1)
            order = sorted(range(len(labels)), key=lambda i: -scores[i])
            found.append(ndcg([labels[i] for i in order], sum(labels)))
    return found
