"""What acts on a ranking: score, compare, order, cut, fuse."""

from secondpass.core.event import Note
from secondpass.core.evidence import Span
from secondpass.core.stage import Composite
from secondpass.core.within import Within
from secondpass.stages.canaries import CanaryShift, ScoreCanaries
from secondpass.stages.chunks import Chunks
from secondpass.stages.compare import ScorerComparer
from secondpass.stages.evidence import Evidence, SpanRequest, SpanScorer
from secondpass.stages.fallback import Breaker, CircuitOpenError, Fallback, Hedge
from secondpass.stages.fuse.learned import FusionBaseline, FusionEvidence, LearnedFuse
from secondpass.stages.group import GroupBy, Joined
from secondpass.stages.judged_sentences import judged_sentences, sentence_scores
from secondpass.stages.latency import Affordable, TopForLatency
from secondpass.stages.prune import Prune
from secondpass.stages.score import NotedScorer, Pair
from secondpass.stages.score_health import ScoreHealth, ScoreSketch, UnhealthyScoresError

__all__ = [
    "Affordable",
    "Breaker",
    "CanaryShift",
    "Chunks",
    "CircuitOpenError",
    "Composite",
    "Evidence",
    "Fallback",
    "FusionBaseline",
    "FusionEvidence",
    "GroupBy",
    "Hedge",
    "Joined",
    "LearnedFuse",
    "Note",
    "NotedScorer",
    "Pair",
    "Prune",
    "ScoreCanaries",
    "ScoreHealth",
    "ScoreSketch",
    "ScorerComparer",
    "Span",
    "SpanRequest",
    "SpanScorer",
    "TopForLatency",
    "UnhealthyScoresError",
    "Within",
    "judged_sentences",
    "sentence_scores",
]
