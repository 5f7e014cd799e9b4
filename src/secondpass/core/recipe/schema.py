"""What a recipe may hold: classes and their arguments.

A class is one line, in `PUBLIC_NAMES` or here in `_PARTS`, and brings the types of its arguments
with it; `bounds` has their bounds. An argument that is not on its class's line does not exist for a
recipe.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from typing import Any, get_type_hints

from secondpass.core.public_names import PUBLIC_NAMES

_PARTS = {
    # class: module, arguments; in the order of the constructor
    "ScorerComparer": ("stages.compare", "scorer"),
    "Tournament": ("judge.algorithms.tournament", "window keep"),
    "SetwiseHeapsort": ("judge.algorithms.setwise", "children k"),
    "SetwiseInsertion": ("judge.algorithms.setwise", "children k"),
    "SelfConsistent": ("judge.algorithms.self_consistent", "algorithm shuffles aggregate seed"),
    "AllPairs": ("judge.algorithms.pairwise", "aggregate"),
    "Heapsort": ("judge.algorithms.pairwise", "k"),
    "SlidingPairs": ("judge.algorithms.pairwise", "k"),
    "Prices": ("judge.budget", "prompt completion"),
    "Prompts": ("judge.chat.prompts", "version system order best compare relevant scale repair"),
    "LearnedFuse": ("stages.fuse.learned", "members features model fitted_on queries evidence"),
    "Features": ("stages.fuse.learned", "members scales kinds fields missing k imputed"),
    "NumberField": ("stages.fuse.learned", "field"),
    "DateField": ("stages.fuse.learned", "field now"),
    "CategoryField": ("stages.fuse.learned", "field categories"),
    "LogisticModel": ("stages.fuse.learned", "weights bias strength"),
    "LambdaMartModel": ("stages.fuse.learned", "trees importance"),
    "Tree": ("stages.fuse.learned", "features thresholds left right leaves"),
    "FusionEvidence": (
        "stages.fuse.learned",
        "method ndcg log_loss baselines queries answerable pairs notes weights",
    ),
    "FusionBaseline": ("stages.fuse.learned", "name ndcg log_loss difference low high"),
    "CalibrateOrder": ("calibrate", "calibrator fitted_on queries base_rate"),
    "CalibrateInList": ("calibrate", "calibrator fitted_on queries base_rate"),
    "InList": ("calibrate", "features weights bias centre spread least most"),
    "ByRank": ("calibrate", "log_slope slope incoming_slope bias incoming"),
    "MethodChoice": ("calibrate", "chosen log_loss behind standard_error queries folds"),
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
    "CorpusStatistics": ("models.bm25", "documents mean_length document_frequency"),
    "Chunks": ("stages.chunks", "stage tokens overlap combine at_most language"),
    "GroupBy": ("stages.group", "by k"),
    "Joined": ("stages.group", "stage by"),
    "Evidence": ("stages.evidence", "scorer at_most language"),
    "Prune": ("stages.prune", "at_least keep_at_least around ellipsis language from_best"),
    "Within": ("core.within", "stage seconds"),
    "Fallback": ("stages.fallback", "stages keep_order reserve"),
    "Breaker": ("stages.fallback", "stage failures rest"),
    "Hedge": ("stages.fallback", "stage after"),
    "TopForLatency": ("stages.latency", "stage seconds first_estimate"),
    "Affordable": ("stages.latency", "stages seconds"),
    "ScoreHealth": ("stages.score_health", "sketch refuse canaries"),
    "ScoreCanaries": ("stages.canaries", "queries texts scores tolerance"),
    "ScoreSketch": ("stages.score_health", "quantiles size"),
    "RemoteReranker": (
        "models.remote.reranker",
        "dialect model timeout max_retries concurrency documents_per_request spans",
    ),
    "BedrockReranker": (
        "models.remote.bedrock",
        "model timeout max_retries concurrency documents_per_request",
    ),
    "VertexReranker": (
        "models.remote.vertex",
        "model timeout max_retries concurrency documents_per_request",
    ),
    "DecisionJudge": (
        "models.remote.decision",
        "model wire timeout max_retries concurrency state_tokens questions both_orders statement",
    ),
    "Builtin": ("models.builtin.model", "max_length token_budget threads chunks"),
    "BuiltinTiny": ("models.builtin.model", "max_length token_budget threads chunks"),
    "BuiltinMultilingual": (
        "models.builtin.multilingual",
        "max_length token_budget threads chunks",
    ),
}
"""What recipes may name besides the public names that have arguments there."""

_CLASSES = {
    **{
        name: (module, arguments)
        for name, (module, arguments) in PUBLIC_NAMES.items()
        if arguments is not None
    },
    **_PARTS,
}

REFUSED = {
    "api_key": "a key is a secret",
    "clock": "a function is code",
    "count_tokens": "a function is code",
    "disk": "it names a file to write",
    "disk_size": "it belongs to disk, a file to write",
    "on_progress": "a function is code",
    "trust_remote_code": "it runs Python code that came with a model",
    "extra": "it changes what is sent",
    "location": "it says where texts are read",
    "project": "it says who pays",
    "region": "it says where texts are read",
    "url": "it says where texts are sent",
    "vectors": "it names a file to write",
}
"""Arguments that no file may hold, and why; who builds a recipe gives them in code."""

WEIGHTS = (
    "Builtin", "BuiltinMultilingual", "BuiltinTiny", "LateInteraction", "OnnxCrossEncoder",
    "OpenVinoCrossEncoder", "TorchCrossEncoder",
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


FORMER_NAMES = {
    "Trail": "TrailScore", "Promise": "RiskBound", "FusionRival": "FusionBaseline",
    "Abstain.below": "at_least", "Features.aspects": "kinds", "Features.usual": "imputed",
    "FusionEvidence.rivals": "baselines", "TokenBudget.count": "count_tokens",
}  # fmt: skip
"""Classes, and arguments of classes, that recipes of earlier versions name otherwise."""

REMOVED = {
    **dict.fromkeys(
        ("Calibrate.shift", "CalibrateOrder.shift"),
        "prior-shift correction was removed because it made probabilities worse: over 61 pairs of "
        "collections the mean calibration error rose from .161 to .344. Fit the calibrator again "
        "with calibrated(stage, judged), or set this to null for the probabilities as first fitted",
    ),
    **dict.fromkeys(
        ("EarlyExit", "ExitMargin"),
        "early exit was removed because its gain was mixed; rank with a cheap stage first, and its "
        "best with this one: Refine(stage, k)",
    ),
}
"""What only earlier versions have, and why; an argument of them may still be null."""


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
    hints = get_type_hints(make.__init__, localns=_Classes())
    parameters = inspect.signature(make).parameters.values()
    return Schema(
        make,
        {name: hints[name] for name in arguments.split()},
        {p.name: p.default for p in parameters if p.name in REFUSED},
        next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None),
    )


class _Classes(dict[str, Any]):
    """Classes that a module names in its types and imports for the type checker only."""

    def __missing__(self, name: str) -> Any:
        if name not in _CLASSES:
            raise KeyError(name)
        return getattr(import_module(f"secondpass.{_CLASSES[name][0]}"), name)
