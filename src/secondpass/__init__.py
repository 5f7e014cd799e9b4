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

from secondpass.core.public_names import PACKAGES, PUBLIC_NAMES

if TYPE_CHECKING:  # written by `make names` from PUBLIC_NAMES
    from secondpass import bench as bench
    from secondpass import calibrate as calibrate
    from secondpass import evaluate as evaluate
    from secondpass import judge as judge
    from secondpass import models as models
    from secondpass import report as report
    from secondpass import serve as serve
    from secondpass import stages as stages
    from secondpass import testing as testing
    from secondpass import thresholds as thresholds
    from secondpass import tracing as tracing
    from secondpass import train as train
    from secondpass._rerank import arerank as arerank
    from secondpass._rerank import rerank as rerank
    from secondpass.calibrate import Beta as Beta
    from secondpass.calibrate import Calibrate as Calibrate
    from secondpass.calibrate import Isotonic as Isotonic
    from secondpass.calibrate import JudgedQuery as JudgedQuery
    from secondpass.calibrate import Platt as Platt
    from secondpass.calibrate import Temperature as Temperature
    from secondpass.calibrate import calibrated as calibrated
    from secondpass.calibrate import read_judged as read_judged
    from secondpass.core.candidate import Candidate as Candidate
    from secondpass.core.candidate import Mark as Mark
    from secondpass.core.candidate import Scale as Scale
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
    from secondpass.core.recipe import Recipe as Recipe
    from secondpass.core.stage import Pipeline as Pipeline
    from secondpass.core.stage import Stage as Stage
    from secondpass.judge.algorithms.sliding_window import SlidingWindow as SlidingWindow
    from secondpass.judge.algorithms.top_down import TopDown as TopDown
    from secondpass.judge.budget import Budget as Budget
    from secondpass.judge.chat.chat_judge import ChatJudge as ChatJudge
    from secondpass.models.bm25 import BM25 as BM25
    from secondpass.models.cache.scores import Cached as Cached
    from secondpass.models.load import as_stage as as_stage
    from secondpass.models.load import load as load
    from secondpass.models.onnx.cross_encoder import OnnxCrossEncoder as OnnxCrossEncoder
    from secondpass.models.onnx.late_interaction import LateInteraction as LateInteraction
    from secondpass.models.openai.client import OpenAIChat as OpenAIChat
    from secondpass.models.openvino.cross_encoder import (
        OpenVinoCrossEncoder as OpenVinoCrossEncoder,
    )
    from secondpass.models.torch.cross_encoder import TorchCrossEncoder as TorchCrossEncoder
    from secondpass.stages.compare import Compare as Compare
    from secondpass.stages.compare import Comparer as Comparer
    from secondpass.stages.cut import Refine as Refine
    from secondpass.stages.cut import TokenBudget as TokenBudget
    from secondpass.stages.cut import Top as Top
    from secondpass.stages.fuse.fuse import Fuse as Fuse
    from secondpass.stages.fuse.learned import learn_fusion as learn_fusion
    from secondpass.stages.metadata_scorers import FieldWeight as FieldWeight
    from secondpass.stages.metadata_scorers import FunctionScorer as FunctionScorer
    from secondpass.stages.metadata_scorers import Recency as Recency
    from secondpass.stages.metadata_scorers import TrailScore as TrailScore
    from secondpass.stages.order import Judge as Judge
    from secondpass.stages.order import Order as Order
    from secondpass.stages.order import Rate as Rate
    from secondpass.stages.score import CandidateScorer as CandidateScorer
    from secondpass.stages.score import Score as Score
    from secondpass.stages.score import Scorer as Scorer
    from secondpass.stages.threshold import Abstain as Abstain
    from secondpass.stages.threshold import Threshold as Threshold
    from secondpass.thresholds import BestF as BestF
    from secondpass.thresholds import PrecisionAtLeast as PrecisionAtLeast
    from secondpass.thresholds import RecallAtLeast as RecallAtLeast
    from secondpass.thresholds import choose_threshold as choose_threshold
    from secondpass.thresholds.guarantee import Risk as Risk
    from secondpass.thresholds.guarantee import guaranteed as guaranteed

__version__ = "0.1.0"

__all__ = sorted(PUBLIC_NAMES)  # noqa: PLE0605


def __getattr__(name: str) -> object:
    if name in PACKAGES:
        return import_module(f"secondpass.{name}")
    if name not in PUBLIC_NAMES:
        raise AttributeError(f"module 'secondpass' has no attribute {name!r}")
    try:
        module = import_module(f"secondpass.{PUBLIC_NAMES[name][0]}")
    except ImportError as error:
        from secondpass.core.errors import MissingExtraError, missing_class

        if not isinstance(error, MissingExtraError):
            raise
        return missing_class(name, error)  # not kept: it may be installed later
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
