"""The models that ship inside the package: no download, no torch. README.md is their card."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from secondpass.core.errors import ModelError
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.model_files import ModelFolder, digest, json_file
from secondpass.models.onnx.late_interaction import open_late_interaction
from secondpass.models.onnx.matching import MatchingSum
from secondpass.models.onnx.segment_scorer import SegmentScorer
from secondpass.models.onnx.session import OnnxSession
from secondpass.models.onnx.terms import TermMatch, read_term_weights

SUM = FOLDER / "sum.json"
"""How the sparse scores count beside the late interaction's."""
TERMS_IN_PARTS = 0.4
"""How much they count, of that, in the parts of a text: a sentence that answers rarely repeats the
words of the question. Chosen among ten values on 300 questions of XQuAD (en) and 240 of WikiQA, see
benchmarks/evidence.py."""


@dataclass(kw_only=True, eq=False, repr=False)
class PackagedScorer(SegmentScorer):
    """A model that comes with the library: which file it is cannot be chosen."""

    revision: str | None = field(default=None, init=False)
    file: str | None = field(default=None, init=False)
    verify: bool = field(default=True, init=False)


@dataclass(kw_only=True, eq=False, repr=False)
class Builtin(PackagedScorer):
    """The built-in reranker, giving raw logits; see `LateInteraction` for the arguments.

    The sum of a late interaction and of the sparse scores of `BuiltinTiny`.
    """

    only_english = True

    def __post_init__(self) -> None:
        super().__post_init__()
        late = ModelFolder.read(FOLDER, FOLDER / "model.onnx")
        tiny = _tiny_folder(late)
        with ThreadPoolExecutor(1) as beside:  # the files are hashed while the graphs open
            digested = beside.submit(_digest, late, tiny, SUM)
            session, by_tokens = open_late_interaction(late, "builtin", tiny.file)
            by_terms = TermMatch(_words(tiny), read_term_weights(json_file(SUM), "builtin"))
        name = f"builtin@{digested.result()}"  # config.json comes with this code
        self._start(name, late, session, MatchingSum((by_tokens, by_terms), TERMS_IN_PARTS))


@dataclass(kw_only=True, eq=False, repr=False)
class BuiltinTiny(PackagedScorer):
    """The small built-in reranker, giving raw logits: a tenth of the work, for first passes.

    Learned sparse scores of 4.4M parameters; see `LateInteraction` for the arguments. With
    `vectors`, a text is kept as its words and their weights: some hundred bytes.
    """

    only_english = True

    def __post_init__(self) -> None:
        super().__post_init__()
        tiny = _tiny_folder(ModelFolder.read(FOLDER, FOLDER / "model.onnx"))
        name = f"builtin-tiny@{_digest(tiny, TINY / 'config.json')}"
        matching = TermMatch(_words(tiny), read_term_weights(tiny.config, name))
        self._start(name, tiny, OnnxSession(tiny.file), matching)


def _tiny_folder(late: ModelFolder) -> ModelFolder:
    """With the tokenizer of the other model, which has the same vocabulary."""
    config, file = json_file(TINY / "config.json"), TINY / "model.onnx"
    weights = [file, TINY / "words.onnx", TINY / "vocabulary.bin"]
    missing = [one.name for one in weights if not one.is_file()]
    if missing:
        raise ModelError(
            f"the built-in model lacks {', '.join(missing)} in {os.fspath(TINY)!r}; "
            "install secondpass again"
        )
    return ModelFolder(TINY, file, config, late.tokenizer, weights)


def _words(tiny: ModelFolder) -> OnnxSession:
    return OnnxSession(tiny.path / "words.onnx")


def _digest(*parts: ModelFolder | Path) -> str:
    files = [FOLDER / "tokenizer.json"]
    for part in parts:
        files += part.weights if isinstance(part, ModelFolder) else [part]
    return digest(*files)
