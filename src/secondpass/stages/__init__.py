"""What acts on a ranking: score, compare, order, cut, fuse."""

from secondpass.core.event import Note
from secondpass.core.stage import Composite
from secondpass.stages.compare import ScorerComparer
from secondpass.stages.fuse.learned import FusionBaseline, FusionEvidence, LearnedFuse
from secondpass.stages.score import NotedScorer, Pair

__all__ = [
    "Composite",
    "FusionBaseline",
    "FusionEvidence",
    "LearnedFuse",
    "Note",
    "NotedScorer",
    "Pair",
    "ScorerComparer",
]
