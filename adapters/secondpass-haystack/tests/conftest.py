"""Haystack must not phone home: switched off before it is imported for the first time."""

from __future__ import annotations

import os

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"
