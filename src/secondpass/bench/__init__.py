"""How fast a model is here: pairs per second, latency by depth, the best setting, cold start.

from secondpass.bench import measure
print(measure("builtin", budget=0.2))
"""

from secondpass.bench._measure import measure
from secondpass.bench.autotune import Setting, SettingsTried, tried_settings
from secondpass.bench.cold_start import ColdStart, in_new_process
from secondpass.bench.latency import DEPTHS, Latency
from secondpass.bench.result import Speed, WorkloadSpeed
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
    "in_new_process",
    "measure",
    "read_texts",
    "tried_settings",
]
