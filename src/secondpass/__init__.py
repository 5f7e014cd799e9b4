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
    from secondpass._rerank import arerank as arerank
    from secondpass._rerank import rerank as rerank
    from secondpass.calibrate import Beta as Beta
    from secondpass.calibrate import BrierDecomposition as BrierDecomposition
    from secondpass.calibrate import ByRank as ByRank
    from secondpass.calibrate import Calibrate as Calibrate
    from secondpass.calibrate import CalibrateOrder as CalibrateOrder
    from secondpass.calibrate import CalibrationMetrics as CalibrationMetrics
    from secondpass.calibrate import Calibrator as Calibrator
    from secondpass.calibrate import Isotonic as Isotonic
    from secondpass.calibrate import JudgedQuery as JudgedQuery
    from secondpass.calibrate import MethodChoice as MethodChoice
    from secondpass.calibrate import Platt as Platt
    from secondpass.calibrate import PriorShift as PriorShift
    from secondpass.calibrate import ReliabilityPoint as ReliabilityPoint
    from secondpass.calibrate import Temperature as Temperature
    from secondpass.calibrate import adapted as adapted
    from secondpass.calibrate import brier_decomposition as brier_decomposition
    from secondpass.calibrate import brier_score as brier_score
    from secondpass.calibrate import calibrated as calibrated
    from secondpass.calibrate import (
        class_balanced_calibration_error as class_balanced_calibration_error,
    )
    from secondpass.calibrate import expected_calibration_error as expected_calibration_error
    from secondpass.calibrate import log_loss as log_loss
    from secondpass.calibrate import read_judged as read_judged
    from secondpass.calibrate import reliability_curve as reliability_curve
    from secondpass.calibrate.learning_curve import LabelCurve as LabelCurve
    from secondpass.calibrate.learning_curve import LabelPoint as LabelPoint
    from secondpass.calibrate.learning_curve import label_learning_curve as label_learning_curve
    from secondpass.calibrate.report import CalibrationReport as CalibrationReport
    from secondpass.calibrate.report import MethodReport as MethodReport
    from secondpass.calibrate.report import calibration_report as calibration_report
    from secondpass.calibrate.transfer import Transfer as Transfer
    from secondpass.calibrate.transfer import TransferTable as TransferTable
    from secondpass.calibrate.transfer import transfer_table as transfer_table
    from secondpass.core.candidate import Candidate as Candidate
    from secondpass.core.candidate import Mark as Mark
    from secondpass.core.candidate import Note as Note
    from secondpass.core.errors import CalibrationError as CalibrationError
    from secondpass.core.errors import GuaranteeError as GuaranteeError
    from secondpass.core.errors import InvalidInputError as InvalidInputError
    from secondpass.core.errors import MissingExtraError as MissingExtraError
    from secondpass.core.errors import ModelError as ModelError
    from secondpass.core.errors import NoScoresError as NoScoresError
    from secondpass.core.errors import NotCalibratedError as NotCalibratedError
    from secondpass.core.errors import OrderError as OrderError
    from secondpass.core.errors import RecipeError as RecipeError
    from secondpass.core.errors import ScoreError as ScoreError
    from secondpass.core.errors import SecondPassError as SecondPassError
    from secondpass.core.errors import UnknownModelError as UnknownModelError
    from secondpass.core.errors import WrongCallError as WrongCallError
    from secondpass.core.event import Event as Event
    from secondpass.core.ranking import Ranking as Ranking
    from secondpass.core.ranking import Scale as Scale
    from secondpass.core.stage import Composite as Composite
    from secondpass.core.stage import Pipeline as Pipeline
    from secondpass.core.stage import Stage as Stage
    from secondpass.judge.algorithms.all_pairs import AllPairs as AllPairs
    from secondpass.judge.algorithms.heapsort import Heapsort as Heapsort
    from secondpass.judge.algorithms.protocol import Algorithm as Algorithm
    from secondpass.judge.algorithms.protocol import Round as Round
    from secondpass.judge.algorithms.protocol import Verdict as Verdict
    from secondpass.judge.algorithms.self_consistent import SelfConsistent as SelfConsistent
    from secondpass.judge.algorithms.setwise import SetwiseHeapsort as SetwiseHeapsort
    from secondpass.judge.algorithms.setwise import SetwiseInsertion as SetwiseInsertion
    from secondpass.judge.algorithms.sliding_pairs import SlidingPairs as SlidingPairs
    from secondpass.judge.algorithms.sliding_window import SlidingWindow as SlidingWindow
    from secondpass.judge.algorithms.top_down import TopDown as TopDown
    from secondpass.judge.algorithms.tournament import Tournament as Tournament
    from secondpass.judge.budget import Budget as Budget
    from secondpass.judge.budget import Prices as Prices
    from secondpass.judge.chat.chat_judge import ChatJudge as ChatJudge
    from secondpass.judge.chat.prompts import Prompts as Prompts
    from secondpass.judge.chat.protocol import Chat as Chat
    from secondpass.judge.chat.protocol import ChatError as ChatError
    from secondpass.judge.chat.protocol import Completion as Completion
    from secondpass.judge.chat.protocol import TokenLogprob as TokenLogprob
    from secondpass.judge.cost_estimate import CostEstimate as CostEstimate
    from secondpass.judge.cost_estimate import CostEvent as CostEvent
    from secondpass.judge.protocols import Answer as Answer
    from secondpass.judge.protocols import AsyncComparer as AsyncComparer
    from secondpass.judge.protocols import AsyncJudge as AsyncJudge
    from secondpass.judge.protocols import AsyncPicker as AsyncPicker
    from secondpass.judge.protocols import AsyncScorer as AsyncScorer
    from secondpass.judge.protocols import Usage as Usage
    from secondpass.models.bm25 import BM25 as BM25
    from secondpass.models.bm25 import CorpusStatistics as CorpusStatistics
    from secondpass.models.cache.scores import Cached as Cached
    from secondpass.models.load import load as load
    from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder as OnnxCrossEncoder
    from secondpass.models.onnx.late_interaction import LateInteraction as LateInteraction
    from secondpass.models.openai.client import OpenAIChat as OpenAIChat
    from secondpass.models.openvino.cross_encoder import (
        OpenVinoCrossEncoder as OpenVinoCrossEncoder,
    )
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder as TorchCrossEncoder
    from secondpass.recipe import Recipe as Recipe
    from secondpass.recipe import as_stage as as_stage
    from secondpass.stages.abstain import Abstain as Abstain
    from secondpass.stages.compare import Compare as Compare
    from secondpass.stages.compare import Comparer as Comparer
    from secondpass.stages.compare import ScorerComparer as ScorerComparer
    from secondpass.stages.cut import Refine as Refine
    from secondpass.stages.cut import Top as Top
    from secondpass.stages.early_exit import EarlyExit as EarlyExit
    from secondpass.stages.exit_margin import ExitMargin as ExitMargin
    from secondpass.stages.fuse.fuse import Fuse as Fuse
    from secondpass.stages.fuse.learned import FusionBaseline as FusionBaseline
    from secondpass.stages.fuse.learned import FusionEvidence as FusionEvidence
    from secondpass.stages.fuse.learned import LearnedFuse as LearnedFuse
    from secondpass.stages.metadata_scorers import FieldWeight as FieldWeight
    from secondpass.stages.metadata_scorers import FunctionScorer as FunctionScorer
    from secondpass.stages.metadata_scorers import Recency as Recency
    from secondpass.stages.metadata_scorers import TrailScore as TrailScore
    from secondpass.stages.order import Judge as Judge
    from secondpass.stages.order import Order as Order
    from secondpass.stages.rate import Rate as Rate
    from secondpass.stages.score import CandidateScorer as CandidateScorer
    from secondpass.stages.score import NotedScorer as NotedScorer
    from secondpass.stages.score import Pair as Pair
    from secondpass.stages.score import Score as Score
    from secondpass.stages.score import Scorer as Scorer
    from secondpass.stages.threshold import Threshold as Threshold
    from secondpass.stages.token_budget import TokenBudget as TokenBudget
    from secondpass.thresholds import BestF as BestF
    from secondpass.thresholds import ChosenThreshold as ChosenThreshold
    from secondpass.thresholds import CurvePoint as CurvePoint
    from secondpass.thresholds import Goal as Goal
    from secondpass.thresholds import Outcome as Outcome
    from secondpass.thresholds import PrecisionAtLeast as PrecisionAtLeast
    from secondpass.thresholds import RecallAtLeast as RecallAtLeast
    from secondpass.thresholds import ThresholdEvidence as ThresholdEvidence
    from secondpass.thresholds import TokensAtMost as TokensAtMost
    from secondpass.thresholds import choose_threshold as choose_threshold
    from secondpass.thresholds.guarantee import Guarantee as Guarantee
    from secondpass.thresholds.guarantee import GuaranteedThreshold as GuaranteedThreshold
    from secondpass.thresholds.guarantee import KeptAndDropped as KeptAndDropped
    from secondpass.thresholds.guarantee import Risk as Risk
    from secondpass.thresholds.guarantee import RiskBound as RiskBound
    from secondpass.thresholds.guarantee import guaranteed as guaranteed

__version__ = "0.1.0"

_HOMES = {
    "_rerank": "arerank rerank",
    "calibrate": "Beta BrierDecomposition ByRank Calibrate CalibrateOrder CalibrationMetrics "
    "Calibrator Isotonic JudgedQuery MethodChoice Platt PriorShift ReliabilityPoint "
    "Temperature adapted brier_decomposition brier_score calibrated "
    "class_balanced_calibration_error expected_calibration_error log_loss read_judged "
    "reliability_curve",
    "calibrate.learning_curve": "LabelCurve LabelPoint label_learning_curve",
    "calibrate.report": "CalibrationReport MethodReport calibration_report",
    "calibrate.transfer": "Transfer TransferTable transfer_table",
    "core.candidate": "Candidate Mark Note",
    "core.errors": "CalibrationError GuaranteeError InvalidInputError MissingExtraError ModelError "
    "NoScoresError NotCalibratedError OrderError RecipeError ScoreError SecondPassError "
    "UnknownModelError WrongCallError",
    "core.event": "Event",
    "core.ranking": "Ranking Scale",
    "core.stage": "Composite Pipeline Stage",
    "judge.algorithms.all_pairs": "AllPairs",
    "judge.algorithms.heapsort": "Heapsort",
    "judge.algorithms.protocol": "Algorithm Round Verdict",
    "judge.algorithms.self_consistent": "SelfConsistent",
    "judge.algorithms.setwise": "SetwiseHeapsort SetwiseInsertion",
    "judge.algorithms.sliding_pairs": "SlidingPairs",
    "judge.algorithms.sliding_window": "SlidingWindow",
    "judge.algorithms.top_down": "TopDown",
    "judge.algorithms.tournament": "Tournament",
    "judge.budget": "Budget Prices",
    "judge.chat.chat_judge": "ChatJudge",
    "judge.chat.prompts": "Prompts",
    "judge.chat.protocol": "Chat ChatError Completion TokenLogprob",
    "judge.cost_estimate": "CostEstimate CostEvent",
    "judge.protocols": "Answer AsyncComparer AsyncJudge AsyncPicker AsyncScorer Usage",
    "models.bm25": "BM25 CorpusStatistics",
    "models.cache.scores": "Cached",
    "models.load": "load",
    "models.onnx.cross_encoder": "OnnxCrossEncoder",
    "models.onnx.late_interaction": "LateInteraction",
    "models.openai.client": "OpenAIChat",
    "models.openvino.cross_encoder": "OpenVinoCrossEncoder",
    "models.torch.cross_encoder": "TorchCrossEncoder",
    "recipe": "Recipe as_stage",
    "stages.abstain": "Abstain",
    "stages.compare": "Compare Comparer ScorerComparer",
    "stages.cut": "Refine Top",
    "stages.early_exit": "EarlyExit",
    "stages.exit_margin": "ExitMargin",
    "stages.fuse.fuse": "Fuse",
    "stages.fuse.learned": "FusionBaseline FusionEvidence LearnedFuse",
    "stages.metadata_scorers": "FieldWeight FunctionScorer Recency TrailScore",
    "stages.order": "Judge Order",
    "stages.rate": "Rate",
    "stages.score": "CandidateScorer NotedScorer Pair Score Scorer",
    "stages.threshold": "Threshold",
    "stages.token_budget": "TokenBudget",
    "thresholds": "BestF ChosenThreshold CurvePoint Goal Outcome PrecisionAtLeast RecallAtLeast "
    "ThresholdEvidence TokensAtMost choose_threshold",
    "thresholds.guarantee": "Guarantee GuaranteedThreshold KeptAndDropped Risk RiskBound "
    "guaranteed",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}

__all__ = sorted(_HOME_OF)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'secondpass' has no attribute {name!r}")
    try:
        module = import_module(f"secondpass.{_HOME_OF[name]}")
    except ImportError as error:
        from secondpass.core.errors import MissingExtraError

        if not isinstance(error, MissingExtraError):
            raise
        from secondpass.core.missing_extra import missing_extra

        return missing_extra(name, error)  # not kept: it may be installed later
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
