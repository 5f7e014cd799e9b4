"""For your own tests: conformance checks, the laws they check, and test doubles."""

from secondpass.testing.checks import (
    check_comparer,
    check_judge,
    check_scorer,
    check_stage,
    samples,
)
from secondpass.testing.doubles import FakeComparer, FakeJudge, FakeScorer, overlap

__all__ = [
    "FakeComparer",
    "FakeJudge",
    "FakeScorer",
    "check_comparer",
    "check_judge",
    "check_scorer",
    "check_stage",
    "overlap",
    "samples",
]
