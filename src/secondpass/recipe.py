"""Any pipeline as one JSON file, and back.

A recipe holds what the constructors were given: stages, options, model names with the revision of
their weights, and the numbers of fitted calibrators. It holds no weights and no code.
"""

from __future__ import annotations

import inspect
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from secondpass.errors import InvalidInputError, RecipeError, SecondPassError
from secondpass.models.load import load
from secondpass.short_repr import short_repr
from secondpass.stage import Stage

FORMAT = 1

_HOMES = {
    "stage": "Pipeline",
    "score": "Score",
    "compare": "Compare ScorerComparer",
    "order": "Order",
    "rate": "Rate",
    "judge.sliding_window": "SlidingWindow",
    "judge.top_down": "TopDown",
    "judge.tournament": "Tournament",
    "judge.setwise": "SetwiseHeapsort SetwiseInsertion",
    "judge.self_consistent": "SelfConsistent",
    "judge.all_pairs": "AllPairs",
    "judge.heapsort": "Heapsort",
    "judge.sliding_pairs": "SlidingPairs",
    "judge.budget": "Budget Prices",
    "cut": "Top Refine",
    "early_exit": "EarlyExit",
    "exit_margin": "ExitMargin",
    "fuse": "Fuse",
    "learn": "LearnedFuse Features NumberField DateField CategoryField "
    "LogisticModel LambdaMartModel Tree FusionEvidence FusionRival",
    "calibrate": "Calibrate CalibrateOrder ByRank MethodChoice "
    "PriorShift Platt Temperature Isotonic Beta",
    "judge.chat_judge": "ChatJudge",
    "models.chat": "OpenAIChat",
    "judge.prompts": "Prompts",
    "threshold": "Threshold",
    "abstain": "Abstain",
    "token_budget": "TokenBudget",
    "guarantee": "GuaranteedThreshold Guarantee Promise",
    "cache": "Cached",
    "metadata": "Recency FieldWeight Trail",
    "models.bm25": "BM25 CorpusStatistics",
    "models.onnx": "OnnxCrossEncoder",
    "models.late_interaction_onnx": "LateInteraction",
    "models.openvino": "OpenVinoCrossEncoder",
    "models.cross_encoder": "TorchCrossEncoder",
    "models.builtin": "Builtin",
}
_HOME_OF = {name: module for module, names in _HOMES.items() for name in names.split()}
"""What a recipe may name. Nothing else is imported, so a recipe from a stranger runs no code."""


def _timedelta(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _datetime(iso: str) -> datetime:
    return datetime.fromisoformat(iso)


_VALUES = {"timedelta": _timedelta, "datetime": _datetime}
_NOT_STORED = ("on_progress", "api_key", "disk", "disk_size")
"""A callback is code, a key is a secret, and where a machine keeps its cache is its own affair:
a recipe from a stranger must not name files to write."""


@short_repr
@dataclass(frozen=True, slots=True)
class Recipe:
    """A pipeline written down: `Recipe.of(stage).save(path)`, `Recipe.read(path).stage()`.

    Attributes:
        pipeline: The outermost stage, as plain JSON values.
    """

    pipeline: Mapping[str, Any]

    @classmethod
    def of(cls, stage: Stage) -> Recipe:
        """Write a stage down.

        Raises:
            RecipeError: It holds something that is not made of constructor arguments, such as a
                function or an object of your own.
        """
        if not isinstance(stage, Stage):
            raise RecipeError(f"a recipe is made of a stage, got {stage!r}")
        return cls(_written(stage, "the pipeline"))

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """What `to_dict` gave.

        Raises:
            RecipeError: Not a recipe, or one of a newer version.
        """
        if not isinstance(data, Mapping) or "secondpass_recipe" not in data:
            raise RecipeError("this is no secondpass recipe: it has no field 'secondpass_recipe'")
        if data["secondpass_recipe"] != FORMAT:
            raise RecipeError(
                f"this recipe has format {data['secondpass_recipe']!r} and this version reads "
                f"{FORMAT}; upgrade secondpass"
            )
        if not isinstance(data.get("pipeline"), Mapping):
            raise RecipeError("this recipe has no field 'pipeline'")
        return cls(data["pipeline"])

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recipe:
        """A recipe from a JSON file.

        Raises:
            RecipeError: Unreadable, not JSON, or not a recipe; names the file.
        """
        try:
            return cls.of_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:  # RecipeError is a ValueError too
            raise RecipeError(f"cannot read the recipe {os.fspath(path)!r}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the format's number."""
        return {"secondpass_recipe": FORMAT, "pipeline": self.pipeline}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file, indented, for people and for git."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def stage(self, known: Sequence[type] = ()) -> Stage:
        """Build the pipeline; models are loaded.

        Args:
            known: Classes of your own that the recipe may name.

        Raises:
            RecipeError: An unknown class or argument, or a model whose weights are not those that
                the recipe was made with.
            SecondPassError: What loading the models may raise.
        """
        built = _built(self.pipeline, {kind.__name__: kind for kind in known})
        if not isinstance(built, Stage):
            raise RecipeError(f"this recipe makes {built!r}, which is no stage")
        return built


def as_stage(model: str | Stage | Recipe | os.PathLike[str] | Mapping[str, Any]) -> Stage:
    """A stage from whatever names one; what adapters call on their `model` argument.

    Args:
        model: A model string (see `load`), a stage, a `Recipe`, the path of a recipe's file as a
            `pathlib.Path` (a string is always a model string), or the dict of `Recipe.to_dict`.

    Raises:
        InvalidInputError: None of these.
        SecondPassError: What loading a model or reading a recipe may raise.
    """
    if isinstance(model, Stage):
        return model
    if isinstance(model, str):
        return load(model)
    if isinstance(model, os.PathLike):
        return Recipe.read(model).stage()
    if isinstance(model, Mapping):
        return Recipe.of_dict(model).stage()
    if isinstance(model, Recipe):
        return model.stage()
    raise InvalidInputError(
        f"model={model!r}: give a model string such as 'builtin', a stage, a Recipe, or the Path "
        "of one; Score(your_scorer) makes a stage"
    )


def _written(value: Any, where: str) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        written: Any = value
    elif isinstance(value, timedelta):
        written = {"type": "timedelta", "seconds": value.total_seconds()}
    elif isinstance(value, datetime):
        written = {"type": "datetime", "iso": value.isoformat()}
    elif isinstance(value, list | tuple):
        written = [_written(v, where) for v in value]
    elif isinstance(value, Mapping):
        if "type" in value or not all(isinstance(key, str) for key in value):
            raise RecipeError(f"{where} holds a mapping that JSON cannot keep: {value!r}")
        written = {key: _written(v, where) for key, v in value.items()}
    else:
        written = _written_object(value, where)
    return written


def _written_object(value: object, where: str) -> dict[str, Any]:
    kind = type(value)
    if callable(value) and not hasattr(value, "name"):
        raise RecipeError(f"{where} holds the function {value!r}, and a recipe holds no code")
    data: dict[str, Any] = {"type": kind.__name__}
    for name in inspect.signature(kind).parameters:
        if name in _NOT_STORED:
            continue
        source = "stages" if kind.__name__ == "Pipeline" else name
        if not hasattr(value, source):
            raise RecipeError(
                f"{where} holds {value!r}, whose argument {name!r} is not kept under its own name; "
                "a class that recipes can store keeps each constructor argument as an attribute"
            )
        data[name] = _written(getattr(value, source), f"{kind.__name__}.{name}")
    if hasattr(value, "name") and not isinstance(value, Stage):
        data["name"] = value.name  # the revision of a model's weights
    return data


def _built(data: Any, known: Mapping[str, type]) -> Any:
    if isinstance(data, list):
        return [_built(item, known) for item in data]
    if not isinstance(data, Mapping):
        return data
    if "type" not in data:
        return {key: _built(item, known) for key, item in data.items()}
    kind = str(data["type"])
    make: Any
    if kind in _VALUES:
        make = _VALUES[kind]
    elif kind in known:
        make = known[kind]
    elif kind in _HOME_OF:
        make = getattr(import_module(f"secondpass.{_HOME_OF[kind]}"), kind)
    else:
        raise RecipeError(
            f"this recipe names {kind!r}, which secondpass does not have; if it is yours, "
            f"pass it: recipe.stage(known=[{kind}])"
        )
    parameters = {
        n: p for n, p in inspect.signature(make).parameters.items() if n not in _NOT_STORED
    }
    given = {key: _built(item, known) for key, item in data.items() if key in parameters}
    unknown = data.keys() - parameters.keys() - {"type", "name"}
    if unknown:
        raise RecipeError(f"{kind} has no argument {', '.join(sorted(unknown))}")
    several = [n for n, p in parameters.items() if p.kind is p.VAR_POSITIONAL]
    members = [m for n in several for m in given.pop(n, [])]
    try:
        made = make(*members, **given)
    except SecondPassError:
        raise  # says itself what is wrong
    except (TypeError, ValueError, KeyError) as error:
        raise RecipeError(f"cannot build the recipe's {kind}: {error}") from error
    if "name" in data and "name" not in parameters and made.name != data["name"]:
        raise RecipeError(
            f"this recipe was made with {data['name']!r}, and here that is {made.name!r}: other "
            "weights give other scores. Use the same weights, or fit the pipeline again"
        )
    return made
