"""Spans of a text: typed, in code points of the candidate's own text, shown everywhere."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from secondpass import Candidate, Mark, Ranking
from secondpass.cli import app
from secondpass.core.event import Note
from secondpass.core.evidence import Span, cut_at, evidence_note, shown_evidence

TEXT = "Cafe\u0301 \U0001d518ber. שלום עולם. The answer is here. The end."


def with_evidence(text: str, *spans: Span) -> Candidate:
    return Candidate("a", text, trail=(Mark("m", 0, 1.0, Note(evidence=evidence_note(spans))),))


def test_the_last_stage_that_looked_for_it_has_the_word() -> None:
    first = Mark("one", 0, 1.0, Note(evidence=[[0, 3, 0.5]]))
    second = Mark("two", 0, 1.0, Note(evidence=[[4, 6, 0.25]]))
    third = Mark("three", 0, 1.0)
    candidate = Candidate("a", "one two", trail=(first, second, third))
    assert candidate.evidence == (Span(4, 6, 0.25),)
    assert Candidate("a", "one two", trail=(first, third)).evidence == (Span(0, 3, 0.5),)
    assert Candidate("a", "one two").evidence == ()
    nothing = Mark("four", 0, 1.0, Note(evidence=[]))
    assert Candidate("a", "one two", trail=(first, nothing)).evidence == ()


def test_most_relevant_first_and_only_what_lies_in_the_text() -> None:
    candidate = with_evidence("one two", Span(0, 3, 0.1), Span(4, 7, 0.9), Span(5, 99, 2.0))
    assert [candidate.text[s.start : s.end] for s in candidate.evidence] == ["two", "one"]


def test_it_is_plain_data_with_a_key_of_its_own() -> None:
    ranking = Ranking.of("q", ["one two"])
    notes = [Note(evidence=[[4, 7, 0.5]], cut_tokens=3)]
    details = ranking.rescored([1.0], "raw", "m", notes).to_dict()["candidates"][0]
    assert json.loads(json.dumps(details["evidence"])) == [{"start": 4, "end": 7, "score": 0.5}]
    assert details["notes"] == {"m": {"cut_tokens": 3}}


def test_html_marks_it_and_escapes_it() -> None:
    candidate = with_evidence("a <b> here <i>", Span(2, 5, 1.0))
    html = Ranking("q", (candidate,))._repr_html_()
    assert "a<mark> &lt;b&gt;</mark> here" in html.replace("a <mark>", "a<mark> ")
    assert "<b> here" not in html
    assert "evidence" not in html


spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.floats(-1, 1)).map(lambda s: Span(*s)),
    max_size=4,
)


@given(text=st.text(max_size=60), spans=spans, start=st.integers(0, 60), end=st.integers(0, 60))
def test_pieces_are_the_text(text: str, spans: list[Span], start: int, end: int) -> None:
    pieces = cut_at(text, spans, start, end)
    assert "".join(piece for piece, _ in pieces) == text[start:end]
    marked = {i for s in spans for i in range(s.start, s.end)}
    at = start
    for piece, is_evidence in pieces:
        assert all((i in marked) == is_evidence for i in range(at, at + len(piece)))
        at += len(piece)


@given(text=st.text(max_size=300), spans=spans, most=st.integers(2, 80))
def test_what_is_shown_is_bounded(text: str, spans: list[Span], most: int) -> None:
    candidate = with_evidence(text, *spans)
    pieces = shown_evidence(text, candidate.evidence, most)
    shown = "".join(piece for piece, _ in pieces)
    assert len(shown) <= most
    if len(" ".join(text.split())) <= most and not shown.startswith("…"):
        assert shown == " ".join(text.split()) or "…" in shown


def test_evidence_far_down_is_shown() -> None:
    text = "word " * 500 + "The answer. " + "word " * 500
    where = text.index("The answer.")
    pieces = shown_evidence(text, [Span(where, where + 11, 1.0)], 100)
    assert ("The answer.", True) in [(p.strip(), marked) for p, marked in pieces]
    assert pieces[0][0] == "…"
    assert pieces[-1][0] == "…"


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_to_show(text: str) -> None:
    assert shown_evidence(text, (), 20) == []


def test_the_command_line_writes_it(tmp_path) -> None:
    file = tmp_path / "docs.txt"
    file.write_text("Goethe wrote Faust.\nCats sleep.\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["rerank", "who wrote Faust?", str(file), "--json"])
    assert done.exit_code == 0, done.output
    assert all(isinstance(one["evidence"], list) for one in json.loads(done.stdout)["results"])
