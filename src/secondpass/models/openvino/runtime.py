"""The openvino package, imported so that it tells nobody.

`import openvino` reports itself to an analytics server, and leaves a client id in the user's home
directory, wherever the package openvino-telemetry is installed, which pip brings along, and nobody
has declined it (openvino/tools/ovc/__init__.py of 2026.4). It has a stub for where that package is
missing, so it is made to look missing while openvino is imported, and only then.
"""

from __future__ import annotations

import sys
from typing import Any, Literal

from secondpass.core.errors import MissingExtraError

_TELEMETRY = "openvino_telemetry"


def runtime() -> Any:
    """The module `openvino`, without its telemetry unless somebody imported it before.

    Raises:
        MissingExtraError: It is not installed.
    """
    if "openvino" not in sys.modules and _TELEMETRY not in sys.modules:
        sys.modules[_TELEMETRY] = None  # type: ignore[assignment] # "import" of it now fails
        try:
            return _imported()
        finally:
            del sys.modules[_TELEMETRY]
    return _imported()


def fastest_float() -> Literal["bfloat16", "float32"]:
    """What this processor computes a float model in fastest: bfloat16 where it multiplies in it.

    Raises:
        MissingExtraError: openvino is not installed.
    """
    able = runtime().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "bfloat16" if "BF16" in able else "float32"


def _imported() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise MissingExtraError("the openvino: backend", "openvino") from error
    return openvino
