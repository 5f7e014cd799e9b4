"""The bounds of what a recipe may say: numbers that cannot take all memory, texts of one form.

A whole number needs a line in `_BOUNDS`, and so does a text that names something.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an argument may be beside its type; the defaults are for what steers nothing.

    Attributes:
        least: Of a number.
        most: Of a number; every number is finite.
        length: Characters of a text.
        items: Of a list, or of an object's fields.
        form: What a text must be as a whole, and how a message says so; None where any one line
            will do.
        lines: Whether a text may have several lines.
    """

    least: float = -sys.float_info.max
    most: float = sys.float_info.max
    length: int = 10_000
    items: int = 5_000_000
    form: tuple[re.Pattern[str], str] | None = None
    lines: bool = False


_FILE = re.compile(r"(?![/~\\])(?!.*(?:^|[/\\])\.\.(?:[/\\]|$))[^:]+")
_FOLDER = re.compile(r"(?!//|\\\\|/\\|\\/)(?!\w+://).+")
_KERNEL = re.compile(r"eager|sdpa|flash_attention_\d|flex_attention")
_READS = (
    "a folder, or a hub id such as org/name, of which config.json, tokenizer.json and the weights "
    "are read"
)
_DEVICE = re.compile(r"(cpu|cuda|mps|xpu|npu|hpu)(:\d{1,3})?")
_COUNT = Bounds(0, 1e12)
_PROMPT = Bounds(length=100_000, lines=True)
_STAGES = Bounds(items=1_000)
_CANARIES = Bounds(length=100_000, items=1_000, lines=True)

_BOUNDS = {
    # an argument of any class, or "Class.argument"
    "answerable": _COUNT,
    "around": Bounds(0, 1e6),
    "attention": Bounds(length=64, form=(_KERNEL, "eager, sdpa or a flash_attention")),
    "base_url": Bounds(length=2_000),
    "candidates": _COUNT,
    "children": Bounds(2, 1_000),
    "chunks": Bounds(1, 1e6),
    "combine": Bounds(length=64),
    "concurrency": Bounds(1, 1_024),
    "deadline": Bounds(0, 1e6),
    "device": Bounds(length=64, form=(_DEVICE, "such as cpu, cuda, cuda:1 or mps")),
    "document_frequency": _COUNT,
    "documents": _COUNT,
    "file": Bounds(length=1_000, form=(_FILE, "a file inside the model's folder")),
    "folds": _COUNT,
    "k": Bounds(0, 1e9),
    "keep": Bounds(1, 1_000),
    "keep_at_least": Bounds(0, 1e9),
    "language": Bounds(length=64),
    "max_calls": Bounds(0, 1e9),
    "max_length": Bounds(1, 131_072),
    "max_retries": Bounds(0, 20),
    "max_tokens": Bounds(0, 1e12),
    "max_usd": Bounds(0, 1e9),
    "members": _STAGES,
    "model": Bounds(length=1_000, form=(_FOLDER, _READS)),
    "DecisionJudge.model": Bounds(length=1_000),
    "OpenAIChat.model": Bounds(length=1_000),
    "RemoteReranker.model": Bounds(length=1_000),
    "BedrockReranker.model": Bounds(length=1_000),
    "VertexReranker.model": Bounds(length=1_000),
    "documents_per_request": Bounds(1, 100_000),
    "ScoreCanaries.queries": _CANARIES,
    "ScoreCanaries.texts": _CANARIES,
    "ScoreCanaries.scores": Bounds(items=1_000),
    "tolerance": Bounds(0),
    "failures": Bounds(1, 1e6),
    "questions": Bounds(1, 400),
    "state_tokens": Bounds(500, 10_000_000),
    "overlap": Bounds(0, 1e6),
    "pairs": _COUNT,
    "passage_tokens": Bounds(1, 1_000_000),
    "pivot": Bounds(1, 1_000),
    "queries": _COUNT,
    "repairs": Bounds(0, 2),
    "revision": Bounds(length=256, form=(re.compile(r"[\w./+@-]+"), "a branch, tag or commit")),
    "seed": Bounds(-(2**63), 2**63),
    "shuffles": Bounds(1, 1_000),
    "size": Bounds(1, 1e8),
    "stages": _STAGES,
    "stride": Bounds(1, 1_000),
    "temperature": Bounds(0, 1e6),
    "Temperature.temperature": Bounds(least=sys.float_info.min),
    "thinking_tokens": Bounds(0, 1_000_000),
    "threads": Bounds(1, 1_024),
    "timeout": Bounds(0, 86_400),
    "token_budget": Bounds(1, 262_144),
    "tokens": Bounds(0, 1e9),
    "Tree.features": Bounds(0, 1e6),
    "Tree.left": Bounds(-1e6, 1e6),
    "Tree.right": Bounds(-1e6, 1e6),
    "votes": Bounds(1, 1_000),
    "window": Bounds(2, 1_000),
    "without_relevant": _COUNT,
    "CategoryField.categories": Bounds(),
    "Chunks.at_most": Bounds(1, 1e9),
    "Evidence.at_most": Bounds(1, 1e9),
}


def bounds_of(kind: str, argument: str) -> Bounds:
    """Of one argument of a class."""
    if kind == "Prompts":
        return _PROMPT
    return _BOUNDS.get(f"{kind}.{argument}", _BOUNDS.get(argument, Bounds()))
