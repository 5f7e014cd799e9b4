"""Judges: language models that rate, compare or order texts, and the algorithms that ask them."""

from secondpass.judge.algorithms.pairwise import AllPairs, Heapsort, SlidingPairs
from secondpass.judge.algorithms.protocol import Algorithm, Round, Verdict
from secondpass.judge.algorithms.self_consistent import SelfConsistent
from secondpass.judge.algorithms.setwise import SetwiseHeapsort, SetwiseInsertion
from secondpass.judge.algorithms.tournament import Tournament
from secondpass.judge.budget import Prices
from secondpass.judge.chat.prompts import Prompts
from secondpass.judge.chat.protocol import Chat, ChatError, Completion, TokenLogprob
from secondpass.judge.cost_estimate import CostEstimate, CostEvent
from secondpass.judge.protocols import (
    Answer,
    AsyncComparer,
    AsyncJudge,
    AsyncPicker,
    AsyncScorer,
    Usage,
)

__all__ = [
    "Algorithm",
    "AllPairs",
    "Answer",
    "AsyncComparer",
    "AsyncJudge",
    "AsyncPicker",
    "AsyncScorer",
    "Chat",
    "ChatError",
    "Completion",
    "CostEstimate",
    "CostEvent",
    "Heapsort",
    "Prices",
    "Prompts",
    "Round",
    "SelfConsistent",
    "SetwiseHeapsort",
    "SetwiseInsertion",
    "SlidingPairs",
    "TokenLogprob",
    "Tournament",
    "Usage",
    "Verdict",
]
