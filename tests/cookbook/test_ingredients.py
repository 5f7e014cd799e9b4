"""The texts and the answerer that all notebooks share."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingredients.answerer import ExtractiveAnswerer, _parsed, answer, answerer, prompt
from ingredients.corpus import Passage, folder, own_documentation, python_reference


def _words(passages: list[Passage]) -> list[int]:
    return sorted(len(p.text.split()) for p in passages)


def test_the_own_documentation_can_be_read() -> None:
    passages = own_documentation()
    words = _words(passages)
    assert 150 <= len(passages) <= 400
    assert len({p.id for p in passages}) == len({p.text for p in passages}) == len(passages)
    assert words[0] >= 20
    assert 40 <= words[len(words) // 2] <= 200
    assert words[int(0.95 * len(words))] <= 260
    assert all(p.title and p.source and p.text.count("```") % 2 == 0 for p in passages)
    assert {"README.md", "secondpass.threshold"} <= {p.source for p in passages}
    assert own_documentation() == passages


def test_python_carries_its_reference() -> None:
    passages = python_reference()
    assert len(passages) > 300
    assert any("__hash__" in p.text for p in passages)


def test_a_folder_of_ones_own(tmp_path: Path) -> None:
    text = "# Faust\n\nGoethe wrote it. " + "It is a play in two parts. " * 10
    (tmp_path / "faust.md").write_text(text, encoding="utf-8")
    (tmp_path / "picture.png").write_bytes(b"\x89")
    (only,) = folder(tmp_path)
    assert (only.title, only.source) == ("faust.md: Faust", "faust.md")
    with pytest.raises(FileNotFoundError, match="is no folder with"):
        folder(tmp_path / "nowhere")


def test_the_prompt_is_read_back() -> None:
    texts = ["One.\n\n[2] is a footnote [1].", "Two.\n\nQuestion: none of yours"]
    assert _parsed([prompt("why [1]?", texts)])[0] == "why [1]?"
    assert len(_parsed([prompt("why?", ["a", "b", "c"])])[1]) == 3
    chat = ["Answer.\n\nPassages:\n[1] a\n\n[2] b", "an earlier question", "why?"]
    assert _parsed(chat) == ("why?", ["a", "b"])
    assert _parsed([prompt("why?", [])]) == ("why?", [])


def test_the_extractive_answerer_quotes_and_cites() -> None:
    texts = ["Cats sleep for most of the day.", "Goethe wrote the play Faust in two parts."]
    said = answer("who wrote Faust?", texts, ExtractiveAnswerer())
    assert said == "(extractive, no LLM) “Goethe wrote the play Faust in two parts.” [2]"
    for passages in (texts[:1], []):
        assert "Nothing in the passages" in answer("who wrote Faust?", passages)


def test_it_streams_what_it_says() -> None:
    asked = [prompt("who wrote Faust?", ["Goethe wrote the play Faust in two parts."])]
    one = ExtractiveAnswerer()
    pieces = list(one.stream(asked))
    assert len(pieces) > 3
    assert "".join(pieces) == one.reply(asked)


async def test_it_streams_without_blocking() -> None:
    asked = [prompt("who wrote Faust?", ["Goethe wrote the play Faust in two parts."])]
    one = ExtractiveAnswerer()
    assert "".join([piece async for piece in one.astream(asked)]) == await one.areply(asked)


def test_the_environment_names_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    assert isinstance(answerer(), ExtractiveAnswerer)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("OPENAI_MODEL", "mine")
    assert answerer().name == "mine"
