from __future__ import annotations

import re
from pathlib import Path

import pytest

pytest.importorskip("sentence_transformers")

from secondpass import JudgedQuery
from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.train.dataset import PairTruncator


@pytest.fixture(scope="module")
def scorer(tiny_late: Path) -> TorchCrossEncoder:
    return TorchCrossEncoder(str(tiny_late), verify=False)


def test_what_fits_is_read_whole(scorer: TorchCrossEncoder) -> None:
    truncate = PairTruncator(scorer, 64)
    assert truncate("apple", "A green apple.") == "A green apple."
    assert truncate.note is None


def test_what_is_cut_is_counted_and_the_way_out_named(scorer: TorchCrossEncoder) -> None:
    long = "apple " * 600
    for max_length, message in (
        (64, "to 64 tokens.*larger max_length"),
        (5000, "to 512 .*split them"),
    ):
        truncate = PairTruncator(scorer, max_length)
        judged = JudgedQuery.of("apple", [long, "pear"], ["0"])
        read = truncate.truncate_judged(judged)
        assert read.relevant == judged.relevant
        cut, whole = (c.text for c in read.ranking)
        assert long.startswith(cut)
        assert whole == "pear"
        assert truncate.sample_pairs([judged], 1) == [
            ("apple", cut)
        ]  # read before, not counted again
        assert re.match(f"50.0% of the texts were cut {message}", truncate.note or "")
