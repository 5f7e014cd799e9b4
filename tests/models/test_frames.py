"""How deep a call is: from `rerank` to the runtime there are at most seven frames of secondpass."""

from __future__ import annotations

import sys
from types import FrameType

import pytest

from secondpass import load, rerank
from secondpass.models.builtin import FOLDER

MOST = 7
RUNTIMES = {"onnxruntime": "run", "openvino": "infer"}


SHORT = "Goethe wrote Faust."
LONG = "Goethe wrote Faust in Weimar, and cats sleep. " * 60
"""Read in chunks."""


def frames_to_the_runtime(model: str, text: str = SHORT) -> list[str]:
    """The functions of secondpass that are on the stack at the deepest call of a runtime."""
    deepest: list[str] = []

    def watch(frame: FrameType, event: str, _: object) -> None:
        package = frame.f_globals.get("__name__", "").partition(".")[0]
        if event != "call" or RUNTIMES.get(package) != frame.f_code.co_name:
            return
        stack: list[str] = []
        caller = frame.f_back
        while caller is not None:
            if caller.f_globals.get("__name__", "").partition(".")[0] == "secondpass":
                stack.append(caller.f_code.co_qualname)
            caller = caller.f_back
        deepest[:] = max(deepest, stack, key=len)

    stage = load(model, options={"threads": 1})  # so that all of it happens on this thread's stack
    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        rerank("who wrote Faust?", [text, "Cats sleep."], model=stage)
    finally:
        sys.setprofile(before)
    return deepest


@pytest.mark.parametrize("text", [SHORT, LONG], ids=["short", "long"])
@pytest.mark.parametrize("model", ["builtin", f"onnx:{FOLDER}", f"late-interaction:{FOLDER}"])
def test_from_rerank_to_onnx_runtime(model: str, text: str) -> None:
    frames = frames_to_the_runtime(model, text)
    assert "rerank" in frames, frames  # the runtime was reached, and on this stack
    assert len(frames) <= MOST, frames


def test_from_rerank_to_openvino() -> None:
    pytest.importorskip("secondpass.models.openvino.session").import_openvino()
    frames = frames_to_the_runtime(f"openvino:{FOLDER}")
    assert "rerank" in frames, frames
    assert len(frames) <= MOST, frames
