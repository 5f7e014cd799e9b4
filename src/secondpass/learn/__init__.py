"""Fusion with learned weights: `Fuse.learn` is the way in."""

from secondpass.learn.evidence import FusionEvidence, FusionRival
from secondpass.learn.features import Features
from secondpass.learn.fields import CategoryField, DateField, NumberField
from secondpass.learn.lambdamart import LambdaMartModel
from secondpass.learn.logistic import LogisticModel
from secondpass.learn.stage import LearnedFuse
from secondpass.learn.trees import Tree

__all__ = [
    "CategoryField",
    "DateField",
    "Features",
    "FusionEvidence",
    "FusionRival",
    "LambdaMartModel",
    "LearnedFuse",
    "LogisticModel",
    "NumberField",
    "Tree",
]
