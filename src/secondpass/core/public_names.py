"""Every public name of the library, one line each.

`secondpass` imports a name from here when it is first used, recipes learn here which classes they
may name, and tests compare the pages of the reference and what type checkers see with it. So a new
public stage is its file, one line here, and its docs.

A line has the module below `secondpass`, and the arguments that a recipe may hold, in the order of
the constructor: "" where it takes none, None where no recipe may name it. What the documented
packages export besides (`secondpass.judge.Tournament`) has no line here; recipes find those that
they may name in `secondpass.core.recipe.schema`.
"""

from __future__ import annotations

_INFERENCE = "revision file max_length token_budget threads verify"

PUBLIC_NAMES: dict[str, tuple[str, str | None]] = {
    # the ways in
    "rerank": ("_rerank", None),
    "arerank": ("_rerank", None),
    "load": ("models.load", None),
    "as_stage": ("models.load", None),
    "Recipe": ("core.recipe", None),
    # what moves
    "Ranking": ("core.ranking", None),
    "Scale": ("core.candidate", None),
    "Candidate": ("core.candidate", None),
    "Mark": ("core.candidate", None),
    "Event": ("core.event", None),
    # stages
    "Stage": ("core.stage", None),
    "Pipeline": ("core.stage", "stages"),
    "Score": ("stages.score", "scorer"),
    "Compare": ("stages.compare", "comparer algorithm budget concurrency"),
    "Order": ("stages.order", "judge algorithm budget concurrency"),
    "Rate": ("stages.order", "rater budget concurrency"),
    "Top": ("stages.cut", "k"),
    "Refine": ("stages.cut", "stage k"),
    "Fuse": ("stages.fuse.fuse", "members weights normalise missing k"),
    "learn_fusion": ("stages.fuse.learned", None),
    "Threshold": ("stages.threshold", "at_least scale keep_at_least"),
    "Abstain": ("stages.threshold", "at_least"),
    "TokenBudget": ("stages.cut", "tokens"),
    # what stages take
    "Scorer": ("stages.score", None),
    "CandidateScorer": ("stages.score", None),
    "Comparer": ("stages.compare", None),
    "Judge": ("stages.order", None),
    "Recency": ("stages.metadata_scorers", "field half_life now missing"),
    "FieldWeight": ("stages.metadata_scorers", "field weights missing"),
    "FunctionScorer": ("stages.metadata_scorers", None),
    "TrailScore": ("stages.metadata_scorers", "stage"),
    # models
    "BM25": ("models.bm25", "statistics k1 b language"),
    "OnnxCrossEncoder": ("models.onnx.cross_encoder", f"model {_INFERENCE}"),
    "LateInteraction": ("models.onnx.late_interaction", f"model {_INFERENCE} chunks"),
    "OpenVinoCrossEncoder": ("models.openvino.cross_encoder", f"model precision {_INFERENCE}"),
    "TorchCrossEncoder": (
        "models.torch.cross_encoder",
        "model device dtype attention revision max_length token_budget verify",
    ),
    "Cached": ("models.cache.scores", "scorer size"),
    # judges
    "ChatJudge": (
        "judge.chat.chat_judge",
        "chat prompts rating structured repairs floor passage_tokens thinking_tokens seed",
    ),
    "OpenAIChat": ("models.openai.client", "model base_url timeout max_retries temperature"),
    "Budget": ("judge.budget", "max_calls max_tokens max_usd deadline prices"),
    "TopDown": ("judge.algorithms.top_down", "window pivot exact votes"),
    "SlidingWindow": ("judge.algorithms.sliding_window", "window stride"),
    # labelled queries, calibration
    "JudgedQuery": ("calibrate", None),
    "read_judged": ("calibrate", None),
    "calibrated": ("calibrate", None),
    "Calibrate": ("calibrate", "calibrator fitted_on queries base_rate choice"),
    "Platt": ("calibrate", "slope bias"),
    "Temperature": ("calibrate", "temperature"),
    "Beta": ("calibrate", "a b c centre spread"),
    "Isotonic": ("calibrate", "scores probabilities"),
    # thresholds and guarantees
    "choose_threshold": ("thresholds", None),
    "BestF": ("thresholds", None),
    "PrecisionAtLeast": ("thresholds", None),
    "RecallAtLeast": ("thresholds", None),
    "guaranteed": ("thresholds.guarantee", None),
    "Risk": ("thresholds.guarantee", None),
    # errors
    "SecondPassError": ("core.errors", None),
    "InvalidInputError": ("core.errors", None),
    "WrongCallError": ("core.errors", None),
    "UnknownModelError": ("core.errors", None),
    "ModelError": ("core.errors", None),
    "MissingExtraError": ("core.errors", None),
    "ScoreError": ("core.errors", None),
    "OrderError": ("core.errors", None),
    "NoScoresError": ("core.errors", None),
    "NotCalibratedError": ("core.errors", None),
    "CalibrationError": ("core.errors", None),
    "GuaranteeError": ("core.errors", None),
    "RecipeError": ("core.errors", None),
}

PACKAGES = (
    "bench", "calibrate", "evaluate", "judge", "models", "report", "serve", "stages", "testing",
    "thresholds", "tracing", "train",
)  # fmt: skip
"""Documented packages; the names that they export are imported from them."""
