"""What a span must know of a stage: whether a model answers, which one, and where it runs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from secondpass.calibrate.stages import CalibrationStage
from secondpass.core.stage import Composite, Stage
from secondpass.core.within import Wrapper
from secondpass.judge.runner import JudgeStage
from secondpass.stages.cut import Top


@dataclass(frozen=True, slots=True)
class StageKind:
    """Of one stage.

    Attributes:
        is_model: Whether it asks a model itself, rather than arranging, cutting or calibrating.
        is_remote: Whether that model is asked over a network.
        model: Name of the model that gives the order, without its backend; of an arrangement, that
            of the last one in it. None where there is none.
        provider: Its backend, such as "cohere" or "onnx".
        server: Host of the address that was given for it, if one was.
        port: Likewise.
        top_n: The most candidates that are kept, where it says so.
    """

    is_model: bool
    is_remote: bool
    model: str | None
    provider: str | None
    server: str | None
    port: int | None
    top_n: int | None

    @classmethod
    def of(cls, stage: Stage) -> StageKind:
        models = list(_models(stage))
        provider = model = server = port = None
        if models:
            backend, _, name = models[-1].name.partition(":")
            provider, model = backend.partition("@")[0], name or backend
            address = getattr(models[-1], "url", None)
            if isinstance(address, str):
                split = urlsplit(address)
                server, port = split.hostname, split.port
        limits = [part.k for part in _all_parts(stage) if isinstance(part, Top)]
        is_model = _is_model(stage)
        return cls(
            is_model,
            is_model and _is_remote(stage),
            model,
            provider,
            server,
            port,
            min(limits, default=None),
        )


def _is_model(stage: Stage) -> bool:
    if isinstance(stage, Composite | Wrapper | CalibrationStage):
        return False
    return stage.origin == stage.name


def _is_remote(stage: Stage) -> bool:
    """By the method that it writes: see `secondpass.core.stage`."""
    if isinstance(stage, JudgeStage):
        return stage._caller.waits
    return type(stage).run is Stage.run


def _models(stage: Stage) -> Iterator[Stage]:
    """The models in it, in the order in which they are asked."""
    if _is_model(stage):
        yield stage
    for inner in _inner(stage):
        yield from _models(inner)


def _inner(stage: Stage) -> Iterator[Stage]:
    """The stages that it holds as its arguments, whatever they are called there."""
    if not isinstance(stage, Composite | Wrapper):
        return
    for value in vars(stage).values():
        for one in value if isinstance(value, list | tuple) else (value,):
            if isinstance(one, Stage):
                yield one


def _all_parts(stage: Stage) -> Iterator[Stage]:
    """Those that run one after another, also inside a deadline."""
    for part in stage.parts:
        yield part
        if isinstance(part, Wrapper):
            yield from _all_parts(part.stage)
