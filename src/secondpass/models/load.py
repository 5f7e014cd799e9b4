"""`"backend:name"` to a stage. The only place that knows every backend; all imports are lazy."""

from __future__ import annotations

import difflib
import inspect
import os
from collections.abc import Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError, UnknownModelError
from secondpass.core.recipe import Recipe
from secondpass.core.stage import Pipeline, Stage
from secondpass.judge.protocols import AsyncJudge
from secondpass.models.cache.scores import Cached
from secondpass.models.remote.dialects import DIALECTS, HOSTED
from secondpass.stages.compare import Compare, Comparer
from secondpass.stages.order import Judge, Order
from secondpass.stages.score import CandidateScorer, Score, Scorer

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "secondpass.backends"
"""The entry-point group through which other packages add backends: callables that take the name
behind the colon and keyword options, and return a stage, a scorer, a comparer or a judge."""

_BACKENDS: dict[str, tuple[str, str, bool]] = {
    # backend: module, what makes it, whether a name must follow
    "builtin": ("secondpass.models.builtin.stages", "builtin", False),
    "builtin-split": ("secondpass.models.builtin.stages", "builtin_split", True),
    "builtin-tiny": ("secondpass.models.builtin.stages", "tiny", False),
    "builtin-tiny-split": ("secondpass.models.builtin.stages", "tiny_split", True),
    "onnx": ("secondpass.models.onnx.cross_encoder", "OnnxCrossEncoder", True),
    "late-interaction": ("secondpass.models.onnx.late_interaction", "LateInteraction", True),
    "openvino": ("secondpass.models.openvino.cross_encoder", "OpenVinoCrossEncoder", True),
    "fastest": ("secondpass.models.fastest", "fastest", True),
    "cross-encoder": ("secondpass.models.torch.cross_encoder", "TorchCrossEncoder", True),
    "bm25": ("secondpass.models.bm25", "BM25", False),
    "judge": ("secondpass.models.openai.client", "judge", True),
    "decision": ("secondpass.models.remote.decision", "DecisionJudge", True),
    "secondpass": ("secondpass.models.remote.service", "RemoteRecipe", True),
    "recipe": ("secondpass.core.recipe", "from_file", True),
}
_REMOTE = ("secondpass.models.remote.reranker", "RemoteReranker", True)
_AT_ADDRESS = tuple(f"rerank+{dialect}" for dialect in DIALECTS)
_BACKENDS |= dict.fromkeys((*HOSTED, *_AT_ADDRESS), _REMOTE)
_BACKENDS["bedrock"] = ("secondpass.models.remote.bedrock", "BedrockReranker", True)
_BACKENDS["vertex"] = ("secondpass.models.remote.vertex", "VertexReranker", True)
_BACKEND_OPTIONS = dict.fromkeys(
    (
        "device", "max_length", "batch_size", "dtype", "revision", "threads", "base_url",
        "api_key", "trust_remote_code", "language", "vectors",
        "region", "project",
    ),
    'pass it to the backend: load(model, options={"KEYWORD": ...})',
)  # fmt: skip
_NAMES = {"judge": "MODEL", "decision": "MODEL"}
_NAMES |= dict.fromkeys(("builtin-split", "builtin-tiny-split", "recipe"), "FILE")
_NAMES |= dict.fromkeys((*HOSTED, "bedrock", "vertex"), "MODEL")
_NAMES |= dict.fromkeys((*_AT_ADDRESS, "secondpass"), "http://HOST:PORT")


ModelLike = str | os.PathLike[str] | Stage | Recipe | Mapping[str, Any] | Judge | AsyncJudge
"""What names a stage; see `as_stage`."""


@hint_keywords(_BACKEND_OPTIONS)
def load(
    model: str | os.PathLike[str],
    *,
    options: Mapping[str, Any] | None = None,
    cache: int | None = None,
    disk_cache: str | os.PathLike[str] | None = None,
) -> Stage:
    """A stage for a model string.

    Args:
        model: "backend:name": ``builtin``, ``builtin:raw``, ``builtin-split:FILE`` (texts' vectors
            are kept in a file), ``builtin-tiny`` and ``builtin-tiny-split:FILE`` (a tenth of the
            work), ``builtin-multilingual`` (with the package secondpass-multilingual),
            ``onnx:FOLDER_OR_HUB_ID``, ``openvino:FOLDER_OR_HUB_ID``, ``fastest:FOLDER_OR_HUB_ID``
            (the faster of the two on this machine, measured once),
            ``late-interaction:FOLDER_OR_HUB_ID``, ``cross-encoder:FOLDER_OR_HUB_ID``, ``bm25``,
            ``judge:MODEL`` (any OpenAI-compatible endpoint), ``decision:MODEL``, ``cohere:MODEL``,
            ``jina:MODEL``, ``voyage:MODEL``, ``bedrock:MODEL``, ``vertex:MODEL`` and other hosted
            rerankers, ``rerank+DIALECT:URL`` for any server that speaks a dialect of theirs,
            ``secondpass:URL`` for a recipe behind ``secondpass serve``, ``recipe:FILE``, or a
            backend that another package adds. A `pathlib.Path`, or a string that ends in ".json"
            and names no other backend, is a recipe's file.
        options: Keyword arguments of the backend, such as {"max_length": 256}; of a recipe, what
            no file may hold, see `Recipe.stage`.
        cache: Keep the scores of this many pairs, see `Cached`.
        disk_cache: A file that keeps them between runs and shares them between processes.

    Raises:
        UnknownModelError: No such backend; the message lists those that exist.
        MissingExtraError: The backend needs a package that is not installed.
        InvalidInputError: An option that the backend does not have, or an unusable disk cache.
        ModelError: The model is unreadable or failed its checks.
        RecipeError: The recipe is unreadable, or holds something that a recipe may not.
    """
    if not isinstance(model, str | os.PathLike):
        raise InvalidInputError(f"load takes a string such as 'builtin', got {model!r}")
    model = f"recipe:{os.fspath(model)}" if is_recipe_file(model) else str(model)
    backend, _, name = model.partition(":")
    make, named = _backend(backend, model)
    if named and not name:
        raise UnknownModelError(
            f"{model!r} names no model; write '{backend}:{_NAMES.get(backend, 'FOLDER_OR_HUB_ID')}'"
        )
    make = _with_name(make, backend, name)
    keywords = dict(options or {})
    _check_options(backend, make, keywords)
    stage = _as_stage(make(**keywords), model)
    if cache is None and disk_cache is None:
        return stage
    return _with_cache(stage, 100_000 if cache is None else cache, disk_cache)


def as_stage(model: ModelLike) -> Stage:
    """A stage from whatever names one; what `rerank`, the adapters and the command line call.

    Args:
        model: A stage, a `Recipe`, the dict of `Recipe.to_dict`, or what `load` takes: a model
            string, or the path of a recipe's file, as a `pathlib.Path` or a string that ends in
            ".json". A judge, such as a `ChatJudge`, becomes ``Order(judge)``.

    Raises:
        InvalidInputError: Something else.
        SecondPassError: What loading a model or reading a recipe may raise.
    """
    if isinstance(model, Stage):
        return model
    if isinstance(model, str | os.PathLike):
        return load(model)
    if isinstance(model, Mapping):
        return Recipe.of_dict(model).stage()
    if isinstance(model, Recipe):
        return model.stage()
    if isinstance(model, Judge | AsyncJudge):
        return Order(model)
    raise InvalidInputError(
        f"model={model!r}: give a model string such as 'builtin', a stage, a Recipe, or the path "
        "of one; Score(your_scorer) makes a stage"
    )


def is_recipe_file(model: object) -> bool:
    """Whether `model` is the path of a recipe's file: the one rule, for everything that takes one.

    A `pathlib.Path` is, and a string that ends in ".json" and does not begin with a backend.
    """
    if not isinstance(model, str):
        return isinstance(model, os.PathLike)
    backend, colon, _ = model.partition(":")
    return model.lower().endswith(".json") and not (
        colon and (backend in _BACKENDS or backend in _other_backends())
    )


def _other_backends() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points  # it imports much, and is rarely asked

    return {entry.name: entry for entry in entry_points(group=ENTRY_POINTS)}


def _backend(backend: str, model: str) -> tuple[Callable[..., Any], bool]:
    if backend in _BACKENDS:
        module, attribute, named = _BACKENDS[backend]
        return getattr(import_module(module), attribute), named
    others = _other_backends()
    if backend in others:
        return others[backend].load(), False
    close = difflib.get_close_matches(backend, [*_BACKENDS, *others], n=1)
    names = sorted({*_BACKENDS, *others, "rerank+DIALECT"} - {*_AT_ADDRESS})
    hint = f" Did you mean {close[0]!r}?" if close else ""
    if backend == "builtin-multilingual":
        hint = " It is a package of its own: pip install secondpass-multilingual"
    if "/" in model and ":" not in model:
        hint = f" For a model on the hub: 'cross-encoder:{model}'."
    if model and Path(model).is_dir():
        hint = f" For a folder of weights: 'onnx:{model}' or 'cross-encoder:{model}'."
    raise UnknownModelError(
        f"{model!r} names no backend; write 'backend:name' with one of {', '.join(names)}.{hint}"
    )


def _with_name(make: Callable[..., Any], backend: str, name: str) -> Callable[..., Any]:
    """`make` with what stands behind the colon as its arguments; only options are left."""
    if backend in HOSTED:
        return partial(make, backend, name)
    if backend in _AT_ADDRESS:
        url, _, model = name.partition("#")
        return partial(make, backend.removeprefix("rerank+"), model=model or None, url=url)
    return partial(make, name) if name else make


def _check_options(backend: str, make: Callable[..., Any], options: Mapping[str, Any]) -> None:
    parameters = inspect.signature(make).parameters.values()
    names = [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
    unknown = [name for name in options if name not in names]
    if unknown:
        raise InvalidInputError(
            f"{backend!r} has no option {', '.join(map(repr, unknown))}; it has {', '.join(names)}"
        )


def _as_stage(result: object, model: str) -> Stage:
    if isinstance(result, Stage):
        return result
    if isinstance(result, Scorer | CandidateScorer):
        return Score(result)
    if isinstance(result, Comparer):
        return Compare(result)
    if isinstance(result, Judge | AsyncJudge):
        return Order(result)
    raise UnknownModelError(
        f"the backend of {model!r} made {result!r}, which is not a stage, scorer, comparer or judge"
    )


def _with_cache(stage: Stage, size: int, disk: str | os.PathLike[str] | None) -> Stage:
    if isinstance(stage, Pipeline):
        return Pipeline(*(_with_cache(s, size, disk) for s in stage))
    if isinstance(stage, Score) and isinstance(stage.scorer, Scorer):
        return Score(Cached(stage.scorer, size, disk))
    return stage
