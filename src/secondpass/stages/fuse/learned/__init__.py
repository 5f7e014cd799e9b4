"""Fusion with learned weights: `Fuse.learn` is the way in."""

from secondpass.stages.fuse.learned.evidence import FusionBaseline, FusionEvidence
from secondpass.stages.fuse.learned.features import Features
from secondpass.stages.fuse.learned.lambdamart import LambdaMartModel
from secondpass.stages.fuse.learned.learned_fuse import LearnedFuse
from secondpass.stages.fuse.learned.logistic import LogisticModel
from secondpass.stages.fuse.learned.metadata_features import CategoryField, DateField, NumberField
from secondpass.stages.fuse.learned.trees import Tree

__all__ = [
    "CategoryField",
    "DateField",
    "Features",
    "FusionBaseline",
    "FusionEvidence",
    "LambdaMartModel",
    "LearnedFuse",
    "LogisticModel",
    "NumberField",
    "Tree",
]
