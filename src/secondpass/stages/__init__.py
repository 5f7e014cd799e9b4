"""What acts on a ranking: score, compare, order, cut, fuse."""

from secondpass.core.event import Note
from secondpass.core.stage import Composite
from secondpass.core.within import Within
from secondpass.stages.canaries import CanaryShift, ScoreCanaries
from secondpass.stages.compare import ScorerComparer
from secondpass.stages.fallback import Breaker, CircuitOpenError, Fallback, Hedge
from secondpass.stages.fuse.learned import FusionBaseline, FusionEvidence, LearnedFuse
from secondpass.stages.latency import Affordable, TopForLatency
from secondpass.stages.score import NotedScorer, Pair
from secondpass.stages.score_health import ScoreHealth, ScoreSketch, UnhealthyScoresError

__all__ = [
    "Affordable",
    "Breaker",
    "CanaryShift",
    "CircuitOpenError",
    "Composite",
    "Fallback",
    "FusionBaseline",
    "FusionEvidence",
    "Hedge",
    "LearnedFuse",
    "Note",
    "NotedScorer",
    "Pair",
    "ScoreCanaries",
    "ScoreHealth",
    "ScoreSketch",
    "ScorerComparer",
    "TopForLatency",
    "UnhealthyScoresError",
    "Within",
]
