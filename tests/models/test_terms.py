"""Learned sparse scores, against the definition written out, and the small built-in model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from secondpass import ModelError, Ranking, Recipe, Score, Top, load
from secondpass.models.builtin import FOLDER, TINY
from secondpass.models.builtin.model import BuiltinTiny
from secondpass.models.encoding.encoders import SegmentEncoder
from secondpass.models.model_files import ModelFolder
from secondpass.models.onnx.session import OnnxSession
from secondpass.models.onnx.terms import QueryTerms, TermMatch, TermWeights, read_term_weights
from secondpass.testing import check_scorer, check_stage

QUERY = "who wrote Faust?"
TEXTS = [
    "Johann Wolfgang von Goethe wrote the play Faust, published in two parts.",
    "Cats sleep for most of the day.",
    "Faust is a district of a small town, and nobody wrote it. " * 20,
    "",
]


@pytest.fixture(scope="module")
def match() -> TermMatch:
    return TermMatch(OnnxSession(TINY / "words.onnx"), TermWeights(2.0, -1.0))


@pytest.fixture(scope="module")
def tiny() -> BuiltinTiny:
    return BuiltinTiny()


def states_of(text: str) -> np.ndarray:
    folder = ModelFolder.read(FOLDER, FOLDER / "model.onnx")
    encoder = SegmentEncoder(folder.tokenizer, 512)
    ((_, ids),) = encoder.text_rows(encoder.tokenize([text]))
    feed = {"input_ids": ids[None], "attention_mask": np.ones_like(ids)[None]}
    states: np.ndarray = OnnxSession(TINY / "model.onnx")(["word_states"], feed)[0][0]
    return states


def query_of(match: TermMatch, text: str) -> QueryTerms:
    states = states_of(text)
    return match.read_query(len(states), match.head(match.head_outputs, {"word_states": states}))


def words_of(match: TermMatch, text: str) -> np.ndarray:
    words: np.ndarray = match.words(("words",), {"word_states": states_of(text)})[0]
    return words


def test_the_score_is_the_product_over_the_whole_vocabulary(match: TermMatch) -> None:
    asked = words_of(match, QUERY)
    states = [states_of(text) for text in TEXTS]
    query = query_of(match, QUERY)
    by_hand = [2 * float(words_of(match, text) @ asked) / float(asked.sum()) - 1 for text in TEXTS]
    np.testing.assert_allclose(match.scores(query, states), by_hand, atol=1e-3)
    stored = [match.unpack(match.pack(one)) for one in states]
    np.testing.assert_allclose(match.scores(query, stored), by_hand, atol=0.02)


def test_a_query_stands_for_words_that_it_does_not_name(match: TermMatch) -> None:
    query = query_of(match, "how to repair a car")
    assert (np.diff(query.weights) <= 0).all()
    assert query.weights.min() > 0
    vocabulary = ModelFolder.read(FOLDER, FOLDER / "model.onnx").tokenizer
    words = {vocabulary.id_to_token(int(i)) for i in query.ids}
    assert "car" in words
    assert words - {"how", "to", "repair", "a", "car"}


def test_a_text_takes_some_hundred_bytes(match: TermMatch) -> None:
    packed = match.pack(states_of(TEXTS[0]))
    assert len(packed) < 1000
    assert match.is_whole(packed)
    assert not match.is_whole(packed[:-1])


def test_the_laws(tiny: BuiltinTiny) -> None:
    check_scorer(tiny)
    check_stage(load("builtin-tiny"))


def test_it_gives_probabilities_or_raw_scores() -> None:
    ranking = Ranking.of(QUERY, TEXTS)
    probable = load("builtin-tiny")(ranking)
    assert probable.scale == "probability"
    assert probable.ids.index("0") < probable.ids.index("1")
    assert isinstance(load("builtin-tiny:raw"), Score)
    with pytest.raises(ModelError, match='write "builtin-tiny" or "builtin-tiny:raw"'):
        load("builtin-tiny:large")


def test_kept_words_give_the_same_scores(tmp_path: Path, tiny: BuiltinTiny) -> None:
    file = tmp_path / "words"
    pairs = [(QUERY, text) for text in TEXTS]
    kept = BuiltinTiny(vectors=file)
    assert kept.encode(TEXTS) == len(TEXTS)
    scores, notes = kept.score_with_notes(pairs)
    assert all(note["stored"] for note in notes)
    assert scores == pytest.approx(tiny.score(pairs), abs=BuiltinTiny.tolerance)
    split = load(f"builtin-tiny-split:{file}")
    assert split(Ranking.of(QUERY, TEXTS))[0].trail[0].note["stored"]
    with pytest.raises(ModelError, match="holds vectors of 'builtin-tiny@"):
        load(f"builtin-split:{file}")


def test_a_thousand_candidates_in_two_passes() -> None:
    cascade = Top(1000) >> load("builtin-tiny") >> Top(50) >> load("builtin")
    texts = [f"Page {i} of a manual on how to mend bicycles." for i in range(60)]
    ranking = cascade(Ranking.of(QUERY, [*texts, TEXTS[0]]))
    assert len(ranking) == 50
    assert ranking[0].text == TEXTS[0]
    assert ranking.scale == "probability"
    again = Recipe.of(cascade).stage()
    assert again(Ranking.of(QUERY, [*texts, TEXTS[0]])) == ranking


def test_its_files_are_small() -> None:
    files = ("model.onnx", "words.onnx", "vocabulary.bin", "config.json")
    assert sum((TINY / name).stat().st_size for name in files) < 5e6


@pytest.mark.parametrize("config", [{}, {"term_scale": "much", "term_offset": 0}])
def test_a_config_that_does_not_say_how_to_scale_is_refused(config: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="does not say how to scale its scores"):
        read_term_weights(config, "a model")
