"""Inside a worker: matrix products a second for a model's shapes, in operations (2 m n k each)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median
from typing import Any

SECONDS = 0.4
"""Per shape and round."""
ROUNDS = 5


def measure_products(shapes: Sequence[Sequence[int]], threads: int) -> dict[str, Any]:
    """Operations a second over all shapes together, by "library precision"; `notes` has what does
    not run here, and why."""
    rows: dict[str, Any] = {}
    notes: dict[str, str] = {}
    for name, maker in _makers(threads).items():
        try:
            rows[name] = _rate(maker, shapes)
        except Exception as error:  # a kernel that this build or processor lacks
            notes[name] = f"{type(error).__name__}: {str(error).splitlines()[0][:160]}"
    return {"rows": rows, "notes": notes}


def _rate(maker: Callable[[int, int, int], Callable[[], Any]], shapes: Any) -> float:
    seconds = [_fastest(maker(m, k, n)) for m, k, n in shapes]
    return sum(2 * m * k * n for m, k, n in shapes) / sum(seconds)


def _fastest(product: Callable[[], Any]) -> float:
    """Seconds of one product: the best round, since this is to be what the processor can do."""
    product()
    rounds = []
    for _ in range(ROUNDS):
        single: list[float] = []
        begun = time.perf_counter()
        while time.perf_counter() - begun < SECONDS / ROUNDS:
            start = time.perf_counter()
            product()
            single.append(time.perf_counter() - start)
        rounds.append(median(single))
    return min(rounds)


def _makers(threads: int) -> dict[str, Callable[[int, int, int], Callable[[], Any]]]:
    makers: dict[str, Callable[[int, int, int], Callable[[], Any]]] = {
        "onnxruntime float32": lambda m, k, n: _onnx(m, k, n, threads, int8=False),
        "onnxruntime int8": lambda m, k, n: _onnx(m, k, n, threads, int8=True),
        "onnxruntime MatMulNBits int8": lambda m, k, n: _blocks(m, k, n, threads),
    }
    try:
        import torch
    except ImportError:
        return makers
    torch.set_num_threads(threads)

    def product(dtype: Any) -> Callable[[int, int, int], Callable[[], Any]]:
        def made(m: int, k: int, n: int) -> Callable[[], Any]:
            a, b = torch.randn(m, k).to(dtype), torch.randn(n, k).to(dtype)
            return lambda: torch.nn.functional.linear(a, b)

        return made

    def int8(m: int, k: int, n: int) -> Callable[[], Any]:
        a = torch.randint(-100, 100, (m, k), dtype=torch.int8)
        b = torch.randint(-100, 100, (k, n), dtype=torch.int8)
        return lambda: torch._int_mm(a, b)

    def fbgemm(m: int, k: int, n: int) -> Callable[[], Any]:
        """Activations are given in float32, as by a model, and quantised with one scale."""
        torch.backends.quantized.engine = "fbgemm"
        scales, zeros = torch.ones(n), torch.zeros(n, dtype=torch.long)
        weight = torch.quantize_per_channel(torch.randn(n, k), scales, zeros, 0, torch.qint8)
        packed = torch.ops.quantized.linear_prepack(weight, torch.zeros(n))
        a = torch.randn(m, k)
        return lambda: torch.ops.quantized.linear_dynamic(a, packed, True)  # as torch itself does

    return {
        "torch float32": product(torch.float32),
        "torch bfloat16": product(torch.bfloat16),
        "torch int8": int8,
        "torch FBGEMM int8": fbgemm,
        **makers,
    }


def _onnx(m: int, k: int, n: int, threads: int, *, int8: bool) -> Callable[[], Any]:
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    g = np.random.default_rng(0)
    given = TensorProto.UINT8 if int8 else TensorProto.FLOAT
    weights = g.integers(-100, 100, (k, n)).astype(np.int8 if int8 else np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger" if int8 else "MatMul", ["a", "b"], ["y"])],
        "product",
        [helper.make_tensor_value_info("a", given, [m, k])],
        [helper.make_tensor_value_info("y", TensorProto.INT32 if int8 else given, [m, n])],
        [numpy_helper.from_array(weights, "b")],
    )
    a = g.integers(0, 200, (m, k)).astype(np.uint8 if int8 else np.float32)
    return _session(graph, a, threads)


def _blocks(m: int, k: int, n: int, threads: int) -> Callable[[], Any]:
    """8-bit weights in blocks of 32; the kernel quantises float32 activations by itself."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    g, size = np.random.default_rng(0), 32
    node = helper.make_node(
        "MatMulNBits", ["a", "b", "scales"], ["y"], domain="com.microsoft",
        K=k, N=n, bits=8, block_size=size, accuracy_level=4,
    )  # fmt: skip
    graph = helper.make_graph(
        [node], "product",
        [helper.make_tensor_value_info("a", TensorProto.FLOAT, [m, k])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [m, n])],
        [
            numpy_helper.from_array(g.integers(0, 256, (n, k // size, size), dtype=np.uint8), "b"),
            numpy_helper.from_array(np.ones((n, k // size), dtype=np.float32), "scales"),
        ],
    )  # fmt: skip
    return _session(graph, g.random((m, k), dtype=np.float32), threads)


def _session(graph: Any, a: Any, threads: int) -> Callable[[], Any]:
    import onnxruntime
    from onnx import helper

    sets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=sets, ir_version=10)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"a": a})
