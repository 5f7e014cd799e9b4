"""What acts on a ranking: score, compare, order, cut, fuse."""

from secondpass.core.event import Note
from secondpass.stages.compare import ScorerComparer
from secondpass.stages.early_exit import EarlyExit
from secondpass.stages.exit_margin import ExitMargin
from secondpass.stages.fuse.learned import FusionBaseline, FusionEvidence, LearnedFuse
from secondpass.stages.score import NotedScorer, Pair

__all__ = [
    "EarlyExit",
    "ExitMargin",
    "FusionBaseline",
    "FusionEvidence",
    "LearnedFuse",
    "Note",
    "NotedScorer",
    "Pair",
    "ScorerComparer",
]
