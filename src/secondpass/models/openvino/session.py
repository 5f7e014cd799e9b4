"""A model's graph on OpenVINO: which file, which precision, compiled for the CPU.

`import openvino` reports itself to an analytics server, and leaves a client id in the user's home
directory, wherever the package openvino-telemetry is installed, which pip brings along, and nobody
has declined it (openvino/tools/ovc/__init__.py of 2026.4). It has a stub for where that package is
missing, so it is made to look missing while openvino is imported, and only then. Everything in
secondpass imports openvino with `import_openvino`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

import numpy as np

from secondpass.core.errors import MissingExtraError, ModelError
from secondpass.models.model_files import MODEL_FILES, fetch, find_file
from secondpass.models.openvino.attention import join_softmax

Precision = Literal["auto", "float32", "bfloat16", "int8", "int8-bfloat16"]
PRECISIONS = ("auto", "float32", "bfloat16", "int8", "int8-bfloat16")
IR_FILES = ("openvino_model.xml", "openvino/openvino_model.xml")
INTEGER_WEIGHTS = 4096
"""An int8 or uint8 constant with this many elements is a weight; smaller ones may be anything."""
_TELEMETRY = "openvino_telemetry"


def import_openvino() -> Any:
    """The module `openvino`, without its telemetry unless somebody imported it before.

    Raises:
        MissingExtraError: It is not installed.
    """
    if "openvino" not in sys.modules and _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # "import" of it now fails
        try:
            return _import()
        finally:
            del sys.modules[_TELEMETRY]
    return _import()


def fastest_float() -> Literal["bfloat16", "float32"]:
    """The fastest precision of a float model here: bfloat16 where the processor multiplies in it.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    capabilities = import_openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bfloat16" if "BF16" in capabilities else "float32"


def _import() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("the openvino: backend", "openvino") from error
    return openvino


def find_model(model: str, revision: str | None, file: str | None) -> tuple[Path, Path]:
    """The model's folder, and the file in it to read: .onnx before .xml, unless `file` says."""
    folder = fetch(model, revision, file or (*MODEL_FILES, *IR_FILES))
    present = [name for name in (*MODEL_FILES, *IR_FILES) if (folder / name).is_file()]
    path = find_file(folder, file or (present[0] if present else None))
    if path.suffix == ".xml" and not path.with_suffix(".bin").is_file():  # hub: the weights too
        fetch(model, revision, str(path.with_suffix(".bin").relative_to(folder)))
    return folder, path


def read_graph(core: Any, path: Path) -> Any:
    """The graph in a file, its attention as OpenVINO likes it, or a ModelError."""
    try:
        graph = core.read_model(path)
    except RuntimeError as error:
        raise ModelError(f"OpenVINO cannot read {path}: {error}") from error
    join_softmax(graph)
    return graph


def is_int8(graph: Any) -> bool:
    """Whether the weights are quantised already."""
    return any(
        node.get_type_name() == "Constant"
        and node.get_element_type().get_type_name() in ("i8", "u8")
        and int(np.prod(node.get_output_shape(0))) >= INTEGER_WEIGHTS
        for node in graph.get_ordered_ops()
    )


def resolve_precision(precision: Precision, graph: Any, path: Path) -> str:
    """The precision that `precision` means for this model on this processor: not "auto".

    Raises:
        ModelError: The weights or this processor do not support it.
    """
    int8 = is_int8(graph)
    if precision == "auto":
        floating = fastest_float()
        if not int8:
            return floating
        return "int8-bfloat16" if floating == "bfloat16" else "int8"
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
    """A compiled graph as an `InferenceSession`: one batch per processor, from any thread.

    Attributes:
        inputs: Names.
        outputs: Name to shape; empty where the graph leaves the number of axes open.

    Raises:
        ModelError: OpenVINO cannot compile it.
    """

    def __init__(self, core: Any, graph: Any, precision: str, threads: int, path: Path) -> None:
        self.path = path
        self.inputs = {node.get_any_name() for node in graph.inputs}
        shapes = [node.get_partial_shape() for node in graph.outputs]
        self.outputs = {
            node.get_any_name(): list(shape) if shape.rank.is_static else []
            for node, shape in zip(graph.outputs, shapes, strict=True)
        }
        # with int8 weights it is the precision between their products: attention, normalisation
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
        inputs = {name: value for name, value in feed.items() if name in self.inputs}
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        try:
            results = request.infer(inputs, share_inputs=True)
            return [np.array(results[name]) for name in outputs]
        except RuntimeError as error:
            shapes = {name: value.shape for name, value in inputs.items()}
            raise ModelError(
                f"{self.path} failed on a batch of shapes {shapes}: {error}"
            ) from error
        finally:
            self._idle.put(request)
