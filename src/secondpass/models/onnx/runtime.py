"""The onnxruntime package, imported so that it tells nobody.

Since 1.29 its Linux and macOS builds report every process to Microsoft and keep a device id under
the user's home directory, from the import on, unless ORT_DISABLE_TELEMETRY=1 stands in the
environment before (https://github.com/microsoft/onnxruntime/pull/27379). Set the variable to 0
yourself, and this leaves it alone.
"""

from __future__ import annotations

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

__all__ = ["onnxruntime"]
