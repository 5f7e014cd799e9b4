"""Which texts are in another language, and the model that reads those."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from secondpass import ModelError, Ranking, UnknownModelError, load
from secondpass.models.builtin.multilingual import PACKAGE, BuiltinMultilingual
from secondpass.models.encoding.language import is_other_language
from secondpass.testing import check_scorer

PACKAGED = Path(__file__).parents[2] / "packages/secondpass-multilingual"
OTHER = [
    "Johann Wolfgang von Goethe schrieb das Theaterstück Faust, das in zwei Teilen erschien.",
    "Los gatos duermen la mayor parte del día y cazan por la noche en el campo.",
    "Le chat dort pendant la plus grande partie de la journée et il chasse dans la nuit.",
    "歌德写了《浮士德》, 这部悲剧分为两部分出版。",
    "Гёте написал трагедию «Фауст», которая вышла в двух частях.",
]
ENGLISH = [
    "Johann Wolfgang von Goethe wrote the play Faust, published in two parts.",
    "def read(path): return [line.strip() for line in path.open(encoding='utf-8')]",
    "San Francisco, Los Angeles, El Paso, Las Vegas, Des Moines, La Jolla",
    "The word 浮士德 is the Chinese name of the play.",
    "x = 3.14", "Faust", "",
]  # fmt: skip


@pytest.mark.parametrize("text", OTHER)
def test_other_languages_are_seen(text: str) -> None:
    assert is_other_language(text)


@pytest.mark.parametrize("text", ENGLISH)
def test_english_code_names_and_short_texts_are_not(text: str) -> None:
    assert not is_other_language(text)


@pytest.mark.parametrize("model", ["builtin:raw", "builtin-tiny:raw"])
def test_an_event_names_the_package(model: str) -> None:
    ranking = load(model)(Ranking.of("wer schrieb Faust?", [*OTHER[:2], ENGLISH[0]]))
    (event,) = ranking.events
    assert event.kind == "other-language"
    assert event.message.startswith("2 of 3 texts are not in English")
    assert "pip install secondpass-multilingual" in event.message
    noted = [c.text for c in ranking if c.trail[-1].note.get("other_language")]
    assert sorted(noted) == sorted(OTHER[:2])
    assert load(model)(Ranking.of("who wrote Faust?", [OTHER[0], *ENGLISH[:1]])).events == ()


def test_without_the_package_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr("secondpass.models.builtin.multilingual.find_spec", lambda name: None)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: ())
    with pytest.raises(UnknownModelError, match="pip install secondpass-multilingual"):
        load("builtin-multilingual")
    with pytest.raises(ModelError, match="pip install secondpass-multilingual"):
        BuiltinMultilingual()


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package of the source, with weights if they were made."""
    monkeypatch.syspath_prepend(str(PACKAGED))
    sys.modules.pop(PACKAGE, None)


def test_a_package_without_weights_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / PACKAGE).mkdir()
    (tmp_path / PACKAGE / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModelError, match=r"holds no weights.*build_multilingual\.py"):
        BuiltinMultilingual()


@pytest.mark.slow
@pytest.mark.usefixtures("package")
def test_it_reads_other_languages_and_across_them() -> None:
    if not (PACKAGED / PACKAGE / "model/model.onnx").is_file():
        pytest.skip("the weights were not made: training/build_multilingual.py")
    model = BuiltinMultilingual()
    for query in ("wer schrieb Faust?", "谁写了浮士德?", "who wrote Faust?"):
        texts = ["Katzen schlafen den größten Teil des Tages.", OTHER[0], OTHER[1], OTHER[3]]
        scores = model.score([(query, text) for text in texts])
        assert min(scores[1], scores[3]) > max(scores[0], scores[2])
    check_scorer(model)
