"""What a recipe may hold: classes and their arguments.

A class is one line in `_CLASSES` and brings the types of its arguments with it; `recipe_bounds` has
their bounds. An argument that is not on its class's line does not exist for a recipe.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, get_type_hints

_CLASSES = {
    # class: module, arguments; in the order of the constructor
    "Pipeline": ("core.stage", "stages"),
    "Score": ("stages.score", "scorer"),
    "Compare": ("stages.compare", "comparer algorithm budget concurrency"),
    "ScorerComparer": ("stages.compare", "scorer"),
    "Order": ("stages.order", "judge algorithm budget concurrency"),
    "Rate": ("stages.rate", "rater budget concurrency"),
    "SlidingWindow": ("judge.algorithms.sliding_window", "window stride"),
    "TopDown": ("judge.algorithms.top_down", "window pivot exact votes"),
    "Tournament": ("judge.algorithms.tournament", "window keep"),
    "SetwiseHeapsort": ("judge.algorithms.setwise", "children k"),
    "SetwiseInsertion": ("judge.algorithms.setwise", "children k"),
    "SelfConsistent": ("judge.algorithms.self_consistent", "algorithm shuffles aggregate seed"),
    "AllPairs": ("judge.algorithms.all_pairs", "aggregate"),
    "Heapsort": ("judge.algorithms.heapsort", "k"),
    "SlidingPairs": ("judge.algorithms.sliding_pairs", "k"),
    "Budget": ("judge.budget", "max_calls max_tokens max_usd deadline prices"),
    "Prices": ("judge.budget", "prompt completion"),
    "ChatJudge": (
        "judge.chat.chat_judge",
        "chat prompts rating structured repairs floor passage_tokens thinking_tokens seed",
    ),
    "OpenAIChat": ("models.openai.client", "model base_url timeout max_retries temperature"),
    "Prompts": ("judge.chat.prompts", "version system order best compare relevant scale repair"),
    "Top": ("stages.cut", "k"),
    "Refine": ("stages.cut", "stage k"),
    "EarlyExit": ("stages.early_exit", "stage margin cheap rest batch"),
    "ExitMargin": ("stages.exit_margin", "value k prefix fitted_on coverage members"),
    "Fuse": ("stages.fuse.fuse", "members weights normalise missing k"),
    "LearnedFuse": ("stages.fuse.learned", "members features model fitted_on queries evidence"),
    "Features": ("stages.fuse.learned", "members scales aspects fields missing k usual"),
    "NumberField": ("stages.fuse.learned", "field"),
    "DateField": ("stages.fuse.learned", "field now"),
    "CategoryField": ("stages.fuse.learned", "field categories"),
    "LogisticModel": ("stages.fuse.learned", "weights bias strength"),
    "LambdaMartModel": ("stages.fuse.learned", "trees importance"),
    "Tree": ("stages.fuse.learned", "features thresholds left right leaves"),
    "FusionEvidence": (
        "stages.fuse.learned",
        "method ndcg log_loss rivals queries answerable pairs notes",
    ),
    "FusionBaseline": ("stages.fuse.learned", "name ndcg log_loss difference low high"),
    "Calibrate": ("calibrate", "calibrator fitted_on queries base_rate shift choice"),
    "CalibrateOrder": ("calibrate", "calibrator fitted_on queries base_rate shift"),
    "ByRank": ("calibrate", "log_slope slope incoming_slope bias incoming"),
    "MethodChoice": ("calibrate", "chosen log_loss behind standard_error queries folds"),
    "PriorShift": ("calibrate", "fitted_rate new_rate standard_error rankings candidates"),
    "Platt": ("calibrate", "slope bias"),
    "Temperature": ("calibrate", "temperature"),
    "Isotonic": ("calibrate", "scores probabilities"),
    "Beta": ("calibrate", "a b c centre spread"),
    "Threshold": ("stages.threshold", "at_least scale keep_at_least"),
    "Abstain": ("stages.abstain", "below"),
    "TokenBudget": ("stages.token_budget", "tokens"),
    "GuaranteedThreshold": (
        "thresholds.guarantee",
        "at_least scale guarantee fitted_on trail queries",
    ),
    "Guarantee": (
        "thresholds.guarantee",
        "promises confidence bound queries without_relevant candidates kept safe pipeline "
        "unchecked",
    ),
    "RiskBound": ("thresholds.guarantee", "risk at_most observed p_value"),
    "Cached": ("models.cache.scores", "scorer size"),
    "Recency": ("stages.metadata_scorers", "field half_life now missing"),
    "FieldWeight": ("stages.metadata_scorers", "field weights missing"),
    "TrailScore": ("stages.metadata_scorers", "stage"),
    "BM25": ("models.bm25", "statistics k1 b language"),
    "CorpusStatistics": ("models.bm25", "documents mean_length document_frequency"),
    "OnnxCrossEncoder": (
        "models.onnx.cross_encoder",
        "model revision file max_length token_budget threads verify",
    ),
    "LateInteraction": (
        "models.onnx.late_interaction",
        "model revision file max_length token_budget threads verify",
    ),
    "OpenVinoCrossEncoder": (
        "models.openvino.cross_encoder",
        "model precision revision file max_length token_budget threads verify",
    ),
    "TorchCrossEncoder": (
        "models.torch.cross_encoder",
        "model device dtype attention revision max_length token_budget verify",
    ),
    "Builtin": ("models.builtin.model", "max_length token_budget threads"),
}

REFUSED = {
    "api_key": "a key is a secret",
    "count": "a function is code",
    "count_tokens": "a function is code",
    "disk": "it names a file to write",
    "disk_size": "it belongs to disk, a file to write",
    "on_progress": "a function is code",
    "trust_remote_code": "it runs Python code that came with a model",
    "vectors": "it names a file to write",
}
"""Arguments that no file may hold, and why; who builds a recipe gives them in code."""

WEIGHTS = (
    "Builtin", "LateInteraction", "OnnxCrossEncoder", "OpenVinoCrossEncoder", "TorchCrossEncoder",
)  # fmt: skip
"""Classes that load weights."""


@dataclass(frozen=True, slots=True)
class Schema:
    """What a recipe may say of one class.

    Attributes:
        make: The class.
        types: The type of each argument that may stand in a file.
        refused: Its arguments that may not, with their defaults.
        several: The argument that takes any number of stages, if one does.
    """

    make: Any
    types: Mapping[str, Any]
    refused: Mapping[str, Any]
    several: str | None = None


FORMER_NAMES = {"Trail": "TrailScore", "Promise": "RiskBound", "FusionRival": "FusionBaseline"}
"""Classes that recipes of earlier versions name otherwise."""


def class_names() -> list[str]:
    """All that a recipe may name."""
    return list(_CLASSES)


@lru_cache(maxsize=256)
def schema_of(kind: str) -> Schema | None:
    """Of a class that a recipe may name; None for any other. Imports its module, nothing else.

    Raises:
        MissingExtraError: The class needs a package that is not installed.
    """
    kind = FORMER_NAMES.get(kind, kind)
    if kind not in _CLASSES:
        return None
    module, arguments = _CLASSES[kind]
    make = getattr(import_module(f"secondpass.{module}"), kind)
    hints = get_type_hints(make.__init__, localns=_Known())
    parameters = inspect.signature(make).parameters.values()
    return Schema(
        make,
        {name: hints[name] for name in arguments.split()},
        {p.name: p.default for p in parameters if p.name in REFUSED},
        next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None),
    )


class _Known(dict[str, Any]):
    """Classes that a module names in its types and imports for the type checker only."""

    def __missing__(self, name: str) -> Any:
        if name not in _CLASSES:
            raise KeyError(name)
        return getattr(import_module(f"secondpass.{_CLASSES[name][0]}"), name)
