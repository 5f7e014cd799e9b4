"""secondpass: the second pass of a search.

A fast retriever brings rough candidates; secondpass puts the right ones on top, says how likely
each is to be relevant, and keeps only what the generator should read.

    from secondpass import rerank
    for candidate in rerank("who wrote Faust?", texts, top_k=5):
        print(candidate.score, candidate.text)

Names are imported when they are first used, so importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from secondpass.abstain import Abstain as Abstain
    from secondpass.cache import Cached as Cached
    from secondpass.calibrate import Beta as Beta
    from secondpass.calibrate import BrierParts as BrierParts
    from secondpass.calibrate import ByRank as ByRank
    from secondpass.calibrate import Calibrate as Calibrate
    from secondpass.calibrate import CalibrateOrder as CalibrateOrder
    from secondpass.calibrate import Calibrator as Calibrator
    from secondpass.calibrate import Isotonic as Isotonic
    from secondpass.calibrate import Judged as Judged
    from secondpass.calibrate import MethodChoice as MethodChoice
    from secondpass.calibrate import Platt as Platt
    from secondpass.calibrate import PriorShift as PriorShift
    from secondpass.calibrate import Quality as Quality
    from secondpass.calibrate import ReliabilityPoint as ReliabilityPoint
    from secondpass.calibrate import Temperature as Temperature
    from secondpass.calibrate import adapted as adapted
    from secondpass.calibrate import brier_parts as brier_parts
    from secondpass.calibrate import brier_score as brier_score
    from secondpass.calibrate import calibrated as calibrated
    from secondpass.calibrate import (
        class_balanced_calibration_error as class_balanced_calibration_error,
    )
    from secondpass.calibrate import expected_calibration_error as expected_calibration_error
    from secondpass.calibrate import log_loss as log_loss
    from secondpass.calibrate import read_judged as read_judged
    from secondpass.calibrate import reliability_curve as reliability_curve
    from secondpass.calibrate.label_curve import labels_needed as labels_needed
    from secondpass.calibrate.label_points import LabelCurve as LabelCurve
    from secondpass.calibrate.label_points import LabelPoint as LabelPoint
    from secondpass.calibrate.report import CalibrationReport as CalibrationReport
    from secondpass.calibrate.report import MethodReport as MethodReport
    from secondpass.calibrate.report import calibration_report as calibration_report
    from secondpass.calibrate.transfer import Transfer as Transfer
    from secondpass.calibrate.transfer import TransferTable as TransferTable
    from secondpass.calibrate.transfer import transfer_table as transfer_table
    from secondpass.candidate import Candidate as Candidate
    from secondpass.candidate import Mark as Mark
    from secondpass.candidate import Note as Note
    from secondpass.choose import BestF as BestF
    from secondpass.choose import ChosenThreshold as ChosenThreshold
    from secondpass.choose import CurvePoint as CurvePoint
    from secondpass.choose import Goal as Goal
    from secondpass.choose import Outcome as Outcome
    from secondpass.choose import PrecisionAtLeast as PrecisionAtLeast
    from secondpass.choose import RecallAtLeast as RecallAtLeast
    from secondpass.choose import ThresholdEvidence as ThresholdEvidence
    from secondpass.choose import TokensAtMost as TokensAtMost
    from secondpass.choose import choose_threshold as choose_threshold
    from secondpass.compare import Compare as Compare
    from secondpass.compare import Comparer as Comparer
    from secondpass.compare import ScorerComparer as ScorerComparer
    from secondpass.cut import Refine as Refine
    from secondpass.cut import Top as Top
    from secondpass.early_exit import EarlyExit as EarlyExit
    from secondpass.errors import CalibrationError as CalibrationError
    from secondpass.errors import GuaranteeError as GuaranteeError
    from secondpass.errors import InvalidInputError as InvalidInputError
    from secondpass.errors import MissingExtraError as MissingExtraError
    from secondpass.errors import ModelError as ModelError
    from secondpass.errors import NoScoresError as NoScoresError
    from secondpass.errors import NotCalibratedError as NotCalibratedError
    from secondpass.errors import OrderError as OrderError
    from secondpass.errors import RecipeError as RecipeError
    from secondpass.errors import ScoreError as ScoreError
    from secondpass.errors import SecondPassError as SecondPassError
    from secondpass.errors import UnknownModelError as UnknownModelError
    from secondpass.errors import WrongCallError as WrongCallError
    from secondpass.event import Event as Event
    from secondpass.exit_margin import ExitMargin as ExitMargin
    from secondpass.fuse import Fuse as Fuse
    from secondpass.guarantee import Counts as Counts
    from secondpass.guarantee import Guarantee as Guarantee
    from secondpass.guarantee import GuaranteedThreshold as GuaranteedThreshold
    from secondpass.guarantee import Promise as Promise
    from secondpass.guarantee import Risk as Risk
    from secondpass.guarantee import guaranteed as guaranteed
    from secondpass.judge.all_pairs import AllPairs as AllPairs
    from secondpass.judge.answer import Answer as Answer
    from secondpass.judge.answer import AsyncComparer as AsyncComparer
    from secondpass.judge.answer import AsyncJudge as AsyncJudge
    from secondpass.judge.answer import AsyncPicker as AsyncPicker
    from secondpass.judge.answer import AsyncRater as AsyncRater
    from secondpass.judge.answer import Usage as Usage
    from secondpass.judge.asking import Algorithm as Algorithm
    from secondpass.judge.asking import Round as Round
    from secondpass.judge.asking import Verdict as Verdict
    from secondpass.judge.budget import Budget as Budget
    from secondpass.judge.budget import Prices as Prices
    from secondpass.judge.chat import Chat as Chat
    from secondpass.judge.chat import ChatError as ChatError
    from secondpass.judge.chat import Completion as Completion
    from secondpass.judge.chat import Token as Token
    from secondpass.judge.chat_judge import ChatJudge as ChatJudge
    from secondpass.judge.heapsort import Heapsort as Heapsort
    from secondpass.judge.plan import Plan as Plan
    from secondpass.judge.plan import Spent as Spent
    from secondpass.judge.prompts import Prompts as Prompts
    from secondpass.judge.self_consistent import SelfConsistent as SelfConsistent
    from secondpass.judge.setwise import SetwiseHeapsort as SetwiseHeapsort
    from secondpass.judge.setwise import SetwiseInsertion as SetwiseInsertion
    from secondpass.judge.sliding_pairs import SlidingPairs as SlidingPairs
    from secondpass.judge.sliding_window import SlidingWindow as SlidingWindow
    from secondpass.judge.top_down import TopDown as TopDown
    from secondpass.judge.tournament import Tournament as Tournament
    from secondpass.learn import FusionEvidence as FusionEvidence
    from secondpass.learn import FusionRival as FusionRival
    from secondpass.learn import LearnedFuse as LearnedFuse
    from secondpass.metadata import Custom as Custom
    from secondpass.metadata import FieldWeight as FieldWeight
    from secondpass.metadata import Recency as Recency
    from secondpass.metadata import Trail as Trail
    from secondpass.models.bm25 import BM25 as BM25
    from secondpass.models.bm25 import CorpusStatistics as CorpusStatistics
    from secondpass.models.chat import OpenAIChat as OpenAIChat
    from secondpass.models.cross_encoder import TorchCrossEncoder as TorchCrossEncoder
    from secondpass.models.late_interaction_onnx import LateInteraction as LateInteraction
    from secondpass.models.load import load as load
    from secondpass.models.onnx import OnnxCrossEncoder as OnnxCrossEncoder
    from secondpass.models.openvino import OpenVinoCrossEncoder as OpenVinoCrossEncoder
    from secondpass.oneline import arerank as arerank
    from secondpass.oneline import rerank as rerank
    from secondpass.order import Judge as Judge
    from secondpass.order import Order as Order
    from secondpass.ranking import Ranking as Ranking
    from secondpass.ranking import Scale as Scale
    from secondpass.rate import Rate as Rate
    from secondpass.recipe import Recipe as Recipe
    from secondpass.recipe import as_stage as as_stage
    from secondpass.score import CandidateScorer as CandidateScorer
    from secondpass.score import NotedScorer as NotedScorer
    from secondpass.score import Pair as Pair
    from secondpass.score import Score as Score
    from secondpass.score import Scorer as Scorer
    from secondpass.stage import Composite as Composite
    from secondpass.stage import Pipeline as Pipeline
    from secondpass.stage import Stage as Stage
    from secondpass.threshold import Threshold as Threshold
    from secondpass.token_budget import TokenBudget as TokenBudget

__version__ = "0.1.0"

_HOMES = {
    "cache": "Cached",
    "abstain": "Abstain",
    "calibrate": "Beta BrierParts ByRank Calibrate CalibrateOrder Calibrator Isotonic Judged "
    "MethodChoice Platt PriorShift Quality ReliabilityPoint Temperature adapted brier_parts "
    "brier_score calibrated class_balanced_calibration_error expected_calibration_error log_loss "
    "read_judged reliability_curve",
    "calibrate.label_curve": "labels_needed",
    "calibrate.label_points": "LabelCurve LabelPoint",
    "calibrate.report": "CalibrationReport MethodReport calibration_report",
    "calibrate.transfer": "Transfer TransferTable transfer_table",
    "choose": "BestF ChosenThreshold CurvePoint Goal Outcome PrecisionAtLeast RecallAtLeast "
    "ThresholdEvidence TokensAtMost choose_threshold",
    "compare": "Compare Comparer ScorerComparer",
    "cut": "Refine Top",
    "early_exit": "EarlyExit",
    "exit_margin": "ExitMargin",
    "errors": "CalibrationError GuaranteeError InvalidInputError MissingExtraError ModelError "
    "NoScoresError NotCalibratedError OrderError RecipeError ScoreError SecondPassError "
    "UnknownModelError WrongCallError",
    "fuse": "Fuse",
    "guarantee": "Counts Guarantee GuaranteedThreshold Promise Risk guaranteed",
    "judge.all_pairs": "AllPairs",
    "judge.answer": "Answer AsyncComparer AsyncJudge AsyncPicker AsyncRater Usage",
    "judge.asking": "Algorithm Round Verdict",
    "judge.chat": "Chat ChatError Completion Token",
    "judge.chat_judge": "ChatJudge",
    "judge.prompts": "Prompts",
    "models.chat": "OpenAIChat",
    "judge.budget": "Budget Prices",
    "judge.heapsort": "Heapsort",
    "judge.plan": "Plan Spent",
    "judge.self_consistent": "SelfConsistent",
    "judge.setwise": "SetwiseHeapsort SetwiseInsertion",
    "judge.sliding_pairs": "SlidingPairs",
    "judge.sliding_window": "SlidingWindow",
    "judge.top_down": "TopDown",
    "judge.tournament": "Tournament",
    "learn": "FusionEvidence FusionRival LearnedFuse",
    "metadata": "Custom FieldWeight Recency Trail",
    "models.bm25": "BM25 CorpusStatistics",
    "models.cross_encoder": "TorchCrossEncoder",
    "models.load": "load",
    "models.late_interaction_onnx": "LateInteraction",
    "models.onnx": "OnnxCrossEncoder",
    "models.openvino": "OpenVinoCrossEncoder",
    "order": "Judge Order",
    "candidate": "Candidate Mark Note",
    "event": "Event",
    "ranking": "Ranking Scale",
    "rate": "Rate",
    "recipe": "Recipe as_stage",
    "oneline": "arerank rerank",
    "score": "CandidateScorer NotedScorer Pair Score Scorer",
    "stage": "Composite Pipeline Stage",
    "threshold": "Threshold",
    "token_budget": "TokenBudget",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'secondpass' has no attribute {name!r}")
    try:
        module = import_module(f"secondpass.{_HOME_OF[name]}")
    except ImportError as error:
        from secondpass.errors import MissingExtraError

        if not isinstance(error, MissingExtraError):
            raise
        from secondpass.missing_extra import missing_extra

        return missing_extra(name, error)  # not kept: it may be installed later
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
