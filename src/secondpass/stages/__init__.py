"""What acts on a ranking: score, compare, order, cut, fuse."""

from secondpass.core.event import Note
from secondpass.stages.compare import ScorerComparer
from secondpass.stages.fuse.learned import FusionBaseline, FusionEvidence, LearnedFuse
from secondpass.stages.score import NotedScorer, Pair

__all__ = [
    "FusionBaseline",
    "FusionEvidence",
    "LearnedFuse",
    "Note",
    "NotedScorer",
    "Pair",
    "ScorerComparer",
]
