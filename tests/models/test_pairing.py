from __future__ import annotations

import pytest
from tokenizers import Tokenizer

from secondpass import ModelError
from secondpass.models.builtin import FOLDER
from secondpass.models.encoding import tokenize as tokenizing
from secondpass.models.encoding.encoders import PairEncoder


def _tokenizer() -> Tokenizer:
    return Tokenizer.from_file(str(FOLDER / "tokenizer.json"))


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("what is a file?", "An object exposing a file-oriented API."),
        ("one", ""),
        ("Größe?", "naïve \U0001f4c4 日本語"),
        ("a b c", "word " * 60),
    ],
)
def test_ids_and_segments_are_those_of_the_tokenizers_own_template(query: str, text: str) -> None:
    expected = _tokenizer().encode(query, text)
    (tokens,) = PairEncoder(_tokenizer(), 512)([(query, text)])
    assert tokens.ids.tolist() == expected.ids
    segments = [int(tokens.text_start <= i) for i in range(len(tokens.ids))]
    assert segments == expected.type_ids
    assert tokens.note == {}


def test_the_text_is_cut_and_the_query_is_not_and_the_note_says_so() -> None:
    query, text = "where is it", "it is here " * 400
    whole = _tokenizer().encode(query, text)
    (tokens,) = PairEncoder(_tokenizer(), 64)([(query, text)])
    assert len(tokens.ids) == 64
    assert tokens.ids[:63].tolist() == whole.ids[:63]
    assert tokens.ids[-1] == whole.ids[-1]
    assert tokens.note == {"cut_tokens": len(whole.ids) - 64, "read_tokens": 64 - 7}


def test_a_query_that_does_not_fit_by_itself_is_cut_last() -> None:
    (tokens,) = PairEncoder(_tokenizer(), 16)([("word " * 30, "text")])
    assert len(tokens.ids) == 16
    assert tokens.note == {"cut_tokens": 1, "read_tokens": 0, "cut_query_tokens": 18}


def test_a_book_is_not_tokenised_whole() -> None:
    book = "chapter one. " * 1_000_000
    (tokens,) = PairEncoder(_tokenizer(), 128)([("which chapter", book)])
    assert len(tokens.ids) == 128
    assert tokens.note["cut_is_a_lower_bound"]


def test_lone_surrogates_do_not_crash() -> None:
    (tokens,) = PairEncoder(_tokenizer(), 128)([("q", "broken \ud800 text")])
    assert len(tokens.ids) > 4


def test_each_distinct_text_is_tokenised_once(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    real = tokenizing.encode
    monkeypatch.setattr(
        tokenizing, "encode", lambda by, texts: (seen.extend(texts), real(by, texts))[1]
    )
    PairEncoder(_tokenizer(), 64)([(q, t) for q in ("q1", "q2") for t in ("a", "b", "a")])
    assert sorted(seen) == ["a", "b", "q1", "q2"]


def test_no_room_for_anything() -> None:
    with pytest.raises(ModelError, match="leaves no room"):
        PairEncoder(_tokenizer(), 3)
