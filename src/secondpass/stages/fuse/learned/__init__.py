"""Fusion with learned weights: `learn_fusion` is the way in."""

from secondpass.stages.fuse.learned.evidence import FusionBaseline, FusionEvidence
from secondpass.stages.fuse.learned.features import Features
from secondpass.stages.fuse.learned.fit import learn_fusion
from secondpass.stages.fuse.learned.learned_fuse import LearnedFuse
from secondpass.stages.fuse.learned.metadata_features import CategoryField, DateField, NumberField
from secondpass.stages.fuse.learned.models import LambdaMartModel, LogisticModel, Tree

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
    "learn_fusion",
]
