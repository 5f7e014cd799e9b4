"""A model's graph on OpenVINO: which file, what it is computed in, made ready for the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np

from secondpass.core.errors import ModelError
from secondpass.models.folder import MODEL_FILES, model_file
from secondpass.models.hub import fetched
from secondpass.models.openvino.runtime import fastest_float

Precision = Literal["auto", "float32", "bfloat16", "int8", "int8-bfloat16"]
PRECISIONS = ("auto", "float32", "bfloat16", "int8", "int8-bfloat16")
IR_FILES = ("openvino_model.xml", "openvino/openvino_model.xml")
INTEGER_WEIGHTS = 4096
"""A constant of int8 or uint8 with so many elements is a weight: smaller ones may be anything."""


def found(model: str, revision: str | None, file: str | None) -> tuple[Path, Path]:
    """The model's folder, and the file in it to read: .onnx before .xml, unless `file` says."""
    folder = fetched(model, revision, file or (*MODEL_FILES, *IR_FILES))
    exists = [name for name in (*MODEL_FILES, *IR_FILES) if (folder / name).is_file()]
    path = model_file(folder, file or (exists[0] if exists else None))
    if path.suffix == ".xml" and not path.with_suffix(".bin").is_file():  # hub: the weights too
        fetched(model, revision, str(path.with_suffix(".bin").relative_to(folder)))
    return folder, path


def read(core: Any, path: Path) -> Any:
    """The graph in a file, or a ModelError."""
    try:
        return core.read_model(path)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read {path}: {error}") from error


def is_int8(graph: Any) -> bool:
    """Whether the weights are quantised already."""
    return any(
        node.get_type_name() == "Constant"
        and node.get_element_type().get_type_name() in ("i8", "u8")
        and int(np.prod(node.get_output_shape(0))) >= INTEGER_WEIGHTS
        for node in graph.get_ordered_ops()
    )


def computed_in(precision: Precision, graph: Any, path: Path) -> str:
    """What `precision` comes to for this model, here: any of `PRECISIONS` but "auto".

    Raises:
        ModelError: The weights, or this processor, do not have it.
    """
    int8 = is_int8(graph)
    if precision == "auto":
        between = fastest_float()
        if not int8:
            return between
        return "int8-bfloat16" if between == "bfloat16" else "int8"
    if int8 != precision.startswith("int8"):
        has = "int8" if int8 else "float"
        raise ModelError(
            f"{path} has {has} weights, so its precision cannot be {precision!r}. "
            + ("Use the float model" if int8 else "Make one: secondpass export --int8 MODEL DIR")
        )
    if precision.endswith("bfloat16") and fastest_float() != "bfloat16":
        raise ModelError(
            f"this processor has no bfloat16, which precision={precision!r} asks for; use "
            f'precision="auto" or "{"int8" if int8 else "float32"}"'
        )
    return precision


class OpenVinoSession:
    """A compiled graph with `Session`'s interface: a batch a processor, from any thread.

    Attributes:
        inputs: Names.
        outputs: Name to shape; empty where the graph leaves the number of axes open.

    Raises:
        ModelError: OpenVINO cannot compile it.
    """

    def __init__(self, core: Any, graph: Any, precision: str, threads: int, path: Path) -> None:
        self.path = path
        self.inputs = {given.get_any_name() for given in graph.inputs}
        shapes = [made.get_partial_shape() for made in graph.outputs]
        self.outputs = {
            made.get_any_name(): list(shape) if shape.rank.is_static else []
            for made, shape in zip(graph.outputs, shapes, strict=True)
        }
        # of int8 weights it says what stands between their products: attention, normalisation
        hint = "bf16" if precision.endswith("bfloat16") else "f32"
        options = {"INFERENCE_PRECISION_HINT": hint, "INFERENCE_NUM_THREADS": threads}
        try:
            self._compiled = core.compile_model(graph, "CPU", options | {"NUM_STREAMS": threads})
        except RuntimeError as error:
            raise ModelError(f"OpenVINO cannot compile {path}: {error}") from error
        self._idle: SimpleQueue[Any] = SimpleQueue()  # requests: two threads cannot share one

    def __call__(self, outputs: Sequence[str], feed: Mapping[str, Any]) -> list[Any]:
        """The named outputs; inputs that the graph does not have are left out.

        Raises:
            ModelError: The graph cannot take them.
        """
        given = {name: value for name, value in feed.items() if name in self.inputs}
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        try:
            made = request.infer(given, share_inputs=True)
            return [np.array(made[name]) for name in outputs]
        except RuntimeError as error:
            shapes = {name: value.shape for name, value in given.items()}
            raise ModelError(
                f"{self.path} failed on a batch of shapes {shapes}: {error}"
            ) from error
        finally:
            self._idle.put(request)
