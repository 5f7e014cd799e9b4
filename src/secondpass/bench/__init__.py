"""How fast a model is here: pairs per second, latency by depth, the best setting, cold start.

from secondpass.bench import measure
print(measure("builtin", budget=0.2))
"""

from secondpass.bench._measure import DEPTHS, measure
from secondpass.bench.autotune import Setting, SettingsTried, try_settings
from secondpass.bench.cold_start import ColdStart, measure_cold_start
from secondpass.bench.result import Latency, Speed, WorkloadSpeed
from secondpass.bench.workload import builtin_workloads, read_texts

__all__ = [
    "DEPTHS",
    "ColdStart",
    "Latency",
    "Setting",
    "SettingsTried",
    "Speed",
    "WorkloadSpeed",
    "builtin_workloads",
    "measure",
    "measure_cold_start",
    "read_texts",
    "try_settings",
]
