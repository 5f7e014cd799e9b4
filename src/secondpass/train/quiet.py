"""No bars and no chatter of transformers while something of ours runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from secondpass.core.errors import MissingExtraError


@contextmanager
def quiet() -> Iterator[None]:
    """Progress is told through callbacks and problems by exceptions; restored afterwards."""
    try:
        from transformers.utils import logging
    except ImportError as error:
        raise MissingExtraError("training a cross-encoder", "train") from error

    log: Any = logging
    bars, level = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bars:
            log.enable_progress_bar()
