"""On what it was measured: processor, its instructions for matrices, versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

INSTRUCTIONS = (
    "avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8",
)  # fmt: skip
NO_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16"}
"""Switches AMX off in oneDNN, that is in torch and OpenVINO. ONNX Runtime has no such switch, and
its int8 products use AMX where the processor has it."""


KINDS = {
    "amx": "with AMX",
    "bf16": "with VNNI and AVX-512 BF16",
    "vnni": "with VNNI",
    "avx512": "with AVX-512, without VNNI",
    "avx2": "with AVX2, without AVX-512 and VNNI",
    "other": "of another kind",
}
"""Kinds of processor whose speeds differ by more than a clock's rate; the fastest first. A result
of one says little of another, so each has files of its own."""


def machine(threads: int, *, without_amx: bool) -> dict[str, Any]:
    """Plain values for the results file."""
    cpuinfo = _cpuinfo()
    flags = set(cpuinfo.get("flags", "").split())
    instructions = [name for name in INSTRUCTIONS if name in flags]
    return {
        "kind": kind_of(instructions, without_amx=without_amx),
        "processor": cpuinfo.get("model name", platform.processor() or platform.machine()),
        "processors": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "threads": threads,
        "instructions": instructions,
        "amx_switched_off": without_amx,
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "load_average_at_start": round(os.getloadavg()[0], 2),
    }


def kind_of(instructions: Sequence[str], *, without_amx: bool = False) -> str:
    """Which of `KINDS` a processor is, by its best instructions for products of matrices."""
    has = set(instructions)
    if has & {"amx_int8", "amx_bf16"} and not without_amx:
        return "amx"
    if "avx512_bf16" in has:
        return "bf16"
    if has & {"avx512_vnni", "avx_vnni"}:
        return "vnni"
    return next(
        (k for k, flag in (("avx512", "avx512f"), ("avx2", "avx2")) if flag in has), "other"
    )


def _cpuinfo() -> dict[str, str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {}
    pairs = (line.split(":", 1) for line in path.read_text().splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}
