from __future__ import annotations

import pytest

pytest.importorskip("bm25s")

from secondpass import InvalidInputError
from secondpass.evaluate import BM25Index

TEXTS = ["the cats purr", "dogs bark", "a cat and dogs"]


def test_the_best_texts_first_and_none_without_a_word_of_the_query() -> None:
    cats, birds = BM25Index(TEXTS).search(["which cats purr", "birds"], 5)
    assert [index for index, _ in cats] == [0, 2]
    assert cats[0][1] > cats[1][1] > 0
    assert birds == []
    assert BM25Index(TEXTS).search(["who let dogs bark"], 1)[0][0][0] == 1


def test_other_languages_have_a_stemmer_and_keep_every_word() -> None:
    (found,) = BM25Index(["die Katzen schnurren", "der Hund"], language="german").search(["der"], 2)
    assert [index for index, _ in found] == [1]
    with pytest.raises(InvalidInputError, match="language='klingon': one of"):
        BM25Index(TEXTS, language="klingon")
