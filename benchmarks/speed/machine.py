"""On what it was measured: processor, its instructions for matrices, versions."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

INSTRUCTIONS = (
    "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
)  # fmt: skip
NO_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16"}
"""Switches AMX off in oneDNN, that is in torch and OpenVINO. ONNX Runtime has no such switch, and
its int8 products use AMX where the processor has it."""


def machine(threads: int, *, without_amx: bool) -> dict[str, Any]:
    """Plain values for the results file."""
    cpuinfo = _cpuinfo()
    flags = set(cpuinfo.get("flags", "").split())
    return {
        "processor": cpuinfo.get("model name", platform.processor() or platform.machine()),
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": threads,
        "instructions": [name for name in INSTRUCTIONS if name in flags],
        "amx_switched_off": without_amx,
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
