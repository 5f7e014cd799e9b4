"""Models that weigh a row of features: logistic regression, and boosted trees (LambdaMART)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import Any

from secondpass.calibrate.metrics.log_loss import total_log_loss
from secondpass.core.errors import CalibrationError, MissingExtraError
from secondpass.core.formulas import ndcg
from secondpass.core.printing import short_repr
from secondpass.stages.fuse.learned.data import Examples

STRENGTHS = (10.0, 1.0, 0.1, 0.01)
"""Inverse strengths of regularisation that are tried, the weakest first."""
ROUNDS = range(10, 121, 10)
"""Numbers of trees that are tried."""
INNER_FOLDS = 3


@short_repr
@dataclass(frozen=True, slots=True)
class LogisticModel:
    """ln(odds of relevance) = bias + sum of weight * feature.

    Attributes:
        weights: One per feature, in log-odds per unit of it.
        bias: Log-odds where all features are 0.
        strength: scikit-learn's C, chosen by cross-validation; small values shrink the weights.
    """

    weights: tuple[float, ...]
    bias: float
    strength: float

    @classmethod
    def fit(cls, examples: Examples, seed: int = 0) -> LogisticModel:
        """Fit with the strength of least log loss, cross-validated by query.

        Raises:
            CalibrationError: One class only.
            MissingExtraError: scikit-learn is not installed.
        """
        losses = dict.fromkeys(STRENGTHS, 0.0)
        for others, own in examples.splits(INNER_FOLDS, seed):
            if len(set(others.y)) < 2 or not len(own.y):
                continue
            for strength in STRENGTHS:
                model = _fit_logistic(others, strength)
                losses[strength] += total_log_loss(model.probabilities(own), own.y.tolist())
        return _fit_logistic(examples, min(losses, key=lambda c: losses[c]))

    @property
    def importance(self) -> tuple[float, ...]:
        """The weights."""
        return self.weights

    def scores(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """Log-odds of each row."""
        return [
            self.bias + sum(w * x for w, x in zip(self.weights, row, strict=True)) for row in rows
        ]

    def probabilities(self, examples: Examples) -> list[float]:
        """P(relevant) of each row."""
        import numpy as np

        z = examples.x @ np.array(self.weights) + self.bias
        return [float(p) for p in 1 / (1 + np.exp(-np.clip(z, -700, 700)))]


def _fit_logistic(examples: Examples, strength: float) -> LogisticModel:
    import numpy as np

    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError as error:
        raise MissingExtraError("learning a fusion", "learn") from error
    x, y = examples.x, examples.y
    if len(set(y)) < 2:
        raise CalibrationError(
            f"all {len(y)} labelled pairs are {'relevant' if y[0] else 'not relevant'}, and "
            "weights are learned from the contrast; add queries that have both"
        )
    mean, spread = x.mean(axis=0), x.std(axis=0)
    spread = np.where(spread > 1e-12 * np.maximum(1, np.abs(mean)), spread, np.inf)
    fit = LogisticRegression(C=strength, max_iter=2000, tol=1e-6).fit((x - mean) / spread, y)
    weights = fit.coef_[0] / spread  # 0 for a feature that never varied
    bias = float(fit.intercept_[0] - weights @ mean)
    return LogisticModel(tuple(float(w) for w in weights), bias, strength)


@short_repr
@dataclass(frozen=True, slots=True)
class Tree:
    """The numbers of a regression tree: left where row[feature] <= threshold, until a leaf.

    Attributes:
        features: For each inner node the feature that it splits; none where the tree is one leaf.
        thresholds: For each inner node.
        left: For each inner node the next one, or ~leaf, which is negative.
        right: The same where the value is greater.
        leaves: Values.

    Raises:
        CalibrationError: Numbers that do not make a tree, such as those of a damaged recipe.
    """

    features: tuple[int, ...]
    thresholds: tuple[float, ...]
    left: tuple[int, ...]
    right: tuple[int, ...]
    leaves: tuple[float, ...]

    def __post_init__(self) -> None:
        n = len(self.features)
        lengths = {len(self.thresholds), len(self.left), len(self.right), len(self.leaves) - 1}
        # a child comes after its parent, so no walk goes in circles
        fits = all(
            -len(self.leaves) <= child < n and (child < 0 or child > parent)
            for children in (self.left, self.right)
            for parent, child in enumerate(children)
        )
        if lengths != {n} or not fits or any(f < 0 for f in self.features):
            raise CalibrationError("this recipe's learned fusion is damaged: a tree is not a tree")

    @classmethod
    def of_text(cls, text: str) -> Tree:
        """A tree of LightGBM's text format."""
        parts = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
        return cls(
            features=tuple(map(int, parts.get("split_feature", "").split())),
            thresholds=tuple(map(float, parts.get("threshold", "").split())),
            left=tuple(map(int, parts.get("left_child", "").split())),
            right=tuple(map(int, parts.get("right_child", "").split())),
            leaves=tuple(map(float, parts["leaf_value"].split())),
        )

    def to_text(self, index: int) -> str:
        """The tree in LightGBM's text format."""
        numbers = {
            "num_leaves": [len(self.leaves)], "num_cat": [0], "split_feature": self.features,
            "threshold": self.thresholds, "decision_type": [0] * len(self.features),
            "left_child": self.left, "right_child": self.right, "leaf_value": self.leaves,
            "shrinkage": [1],
        }  # fmt: skip
        lines = [f"{name}={' '.join(map(repr, each))}" for name, each in numbers.items()]
        return "\n".join([f"Tree={index}", *lines]) + "\n\n"


@short_repr
@dataclass(frozen=True)
class LambdaMartModel:
    """A sum of trees. Burges 2010, "From RankNet to LambdaRank to LambdaMART: An Overview".

    LightGBM fits and evaluates them. What is stored are the numbers of each tree, which can be
    checked, and not LightGBM's own text: reading a damaged one ends the process or never ends.

    Attributes:
        trees: The number that cross-validates best.
        importance: The share of each feature in the trees' gain.

    Raises:
        CalibrationError: A tree that does not fit the number of features.
        MissingExtraError: LightGBM is not installed.
    """

    trees: tuple[Tree, ...]
    importance: tuple[float, ...]

    def __post_init__(self) -> None:
        count = len(self.importance)
        if any(feature >= count for tree in self.trees for feature in tree.features):
            raise CalibrationError(
                f"this recipe's learned fusion is damaged: a tree has more than {count} features"
            )
        _lightgbm()  # now, and not at the first query

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
        values: dict[int, list[float]] = {n: [] for n in ROUNDS}
        for others, own in examples.splits(INNER_FOLDS, seed):
            if not any(0 < sum(y) < len(y) for y in others.labels):
                continue
            booster = train_booster(others, ROUNDS[-1], seed)
            for n in ROUNDS:
                values[n] += _ndcg_by_query(booster, n, own)
        best = max(ROUNDS, key=lambda n: (fmean(values[n]) if values[n] else 0.0, -n))
        booster = train_booster(examples, best, seed)
        gains = booster.feature_importance("gain")
        shares = gains / (gains.sum() or 1.0)
        trees = booster.model_to_string().split("\nTree=")[1:]
        return cls(tuple(map(Tree.of_text, trees)), tuple(map(float, shares)))

    def scores(self, rows: Sequence[Sequence[float]]) -> list[float]:
        """The trees' sum for each row."""
        if not rows or not self.trees:
            return [0.0] * len(rows)
        return [float(score) for score in self._booster.predict(rows, num_threads=1)]

    @cached_property
    def _booster(self) -> Any:
        count = len(self.importance)
        trees = [tree.to_text(i) for i, tree in enumerate(self.trees)]
        return _lightgbm().Booster(
            model_str="tree\nversion=v4\nnum_class=1\nnum_tree_per_iteration=1\nlabel_index=0\n"
            f"max_feature_idx={count - 1}\nobjective=lambdarank\n"
            f"feature_names={' '.join(f'f{i}' for i in range(count))}\n"
            f"feature_infos={' '.join(['none'] * count)}\n\n{''.join(trees)}end of trees\n"
        )


def train_booster(examples: Examples, rounds: int, seed: int) -> Any:
    """Fit LightGBM's model with this number of trees."""
    quiet = {"verbosity": -1, "num_threads": 1}
    settings = {
        "objective": "lambdarank", "learning_rate": 0.1, "num_leaves": 7, "min_data_in_leaf": 20,
        "lambda_l2": 1.0, "lambdarank_truncation_level": 15, "use_missing": False,
        "deterministic": True, "force_row_wise": True, "seed": seed, **quiet,
    }  # fmt: skip
    data = _lightgbm().Dataset(
        examples.x,
        label=examples.y,
        group=[len(y) for y in examples.labels if len(y)],
        params=quiet,
    )
    return _lightgbm().train(settings, data, num_boost_round=rounds)


def _ndcg_by_query(booster: Any, rounds: int, examples: Examples) -> list[float]:
    """Of each query that has a relevant candidate."""
    values = []
    for rows, labels in zip(examples.rows, examples.labels, strict=True):
        if any(labels):
            scores = booster.predict(rows, num_iteration=rounds, num_threads=1)
            order = sorted(range(len(labels)), key=lambda i: -scores[i])
            values.append(ndcg([labels[i] for i in order], sum(labels)))
    return values


def _lightgbm() -> Any:
    try:
        import lightgbm
    except ImportError as error:
        raise MissingExtraError("a fusion learned with LambdaMART", "learn") from error
    return lightgbm
