from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from secondpass import InvalidInputError
from secondpass.calibrate.report import CalibrationReport
from secondpass.report import LabelledScores, Report
from secondpass.report.sections import ContenderParts, Omitted

VOID = {"meta", "link", "input", "img", "br"}
FETCHED = ("src", "href", "xlink:href", "srcset", "data", "action", "poster")


class Reader(HTMLParser):
    """Tags in order, that they close, what they might fetch, and the ids."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        given = dict(attrs)
        self.links += [given[name] or "" for name in FETCHED if name in given]
        self.handlers += [name for name in given if name.startswith("on")]
        if given.get("id"):
            self.ids.append(str(given["id"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def read(page: str) -> Reader:
    reader = Reader()
    reader.feed(page)
    reader.close()
    return reader


def test_it_is_whole_html_with_unique_ids(read: Reader) -> None:
    assert read.open == []
    assert len(read.ids) == len(set(read.ids))
    assert {"header", "main", "table", "svg", "details"} <= set(read.seen)


def test_it_loads_nothing(read: Reader, page: str) -> None:
    assert read.links
    for link in read.links:
        assert link.startswith(("#", "data:")), link
    assert not re.search(r"url\(\s*['\"]?(?!#)", page)
    assert "@import" not in page
    assert not re.search(r"https?://", page)
    assert "default-src 'none'" in page


def test_nothing_from_the_data_becomes_markup(read: Reader, page: str) -> None:
    assert "img" not in read.seen
    assert read.handlers == []
    assert read.seen.count("script") == 2  # the slider's data and the page's own
    assert "{{ 7 * 7 }}" in page  # no template inside the data is filled either
    assert "&lt;/script&gt;&lt;img src=x" in page


def test_it_says_what_was_found(page: str, made: Report) -> None:
    (name,) = made.comparison.contenders
    difference = made.comparison.difference(name)
    for part in (
        f"{difference.baseline:.3f} to {difference.mean:.3f}", "RR@10",
        "The top 10 hold 100% of the relevant documents", "The knee is at depth",
        "Worse <span", "Better <span", "log loss", "Threshold(", "grade 2", "not judged", "… more",
    ):  # fmt: skip
        assert part in page, part
    assert f"{difference.wins} of 40 by nDCG@10" in page


def test_the_same_report_is_the_same_page(made: Report, page: str) -> None:
    assert made.html() == page
    assert "<dt>date</dt>" not in page


def test_the_sliders_data_are_the_scores_and_no_texts(made: Report, page: str) -> None:
    (embedded,) = re.findall(r'<script type="application/json">(.*?)</script>', page, re.S)
    data = json.loads(embedded)
    (parts,) = made.parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    assert data["scale"] == "probability"
    assert data["start"] == parts.threshold.start
    assert [q[1] for q in data["queries"]] == [list(q.scores) for q in parts.threshold.queries]
    assert all(len(s) == len(labels) == len(t) for _, s, labels, t in data["queries"])
    assert "plant" not in embedded


def test_write(made: Report, page: str, tmp_path: Path) -> None:
    made.write(tmp_path / "r.html")
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == page
    with pytest.raises(InvalidInputError, match="cannot write"):
        made.write(tmp_path / "none" / "r.html")


class Parts(HTMLParser):
    """The text of each section, whether each table may scroll, and where links go."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[dict[str, str | None]] = []
        self.sections: dict[str, str] = {}
        self.boxed: list[bool] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "table":
            self.boxed.append(any(one.get("class") == "scroll" for one in self.open))
        if tag == "a":
            self.links.append(str(given["href"]).removeprefix("#"))
        if tag == "section":
            self.sections[str(given["id"])] = ""
        if tag not in VOID:
            self.open.append({"tag": tag, **given})

    def handle_endtag(self, tag: str) -> None:
        self.open.pop()

    def handle_data(self, data: str) -> None:
        inside = [one for one in self.open if one["tag"] == "section"]
        words = {"h2", "script"} & {str(one["tag"]) for one in self.open}
        if inside and not words and not any(o.get("class") == "omitted" for o in self.open):
            self.sections[str(inside[0]["id"])] += data.strip()


def test_no_section_is_empty_and_each_is_linked(made: Report, page: str) -> None:
    (name,) = made.parts
    bare = ContenderParts(
        improved=(),
        worsened=(),
        depth=Omitted("No depth was wanted."),
        calibration=Omitted("Too few labels."),
        threshold=Omitted("An order has no scores."),
        scored="mine",
    )
    both = replace(made, parts={name: replace(made.parts[name], threshold=bare.threshold)})
    for text, left in (
        (page, {"depth", "queries", "calibration", "threshold"}),
        (both.html(), {"depth", "queries", "calibration"}),
        (replace(made, parts={name: bare}).html(), set()),
    ):
        parts = Parts()
        parts.feed(text)
        assert set(parts.sections) == {"headline", "recall", "provenance"} | left
        assert parts.links == list(parts.sections)
        assert all(parts.sections.values()), parts.sections
        assert parts.boxed
        assert all(parts.boxed)
    for reason in (
        "<strong>No depth curve.</strong> No depth was wanted.",
        "<strong>No calibration.</strong> Too few labels.",
        "<strong>No threshold.</strong> An order has no scores.",
        "<strong>No query that changed.</strong> No examples were wanted.",
    ):
        assert reason in text


def test_on_a_phone_every_figure_of_the_headline_has_its_name(page: str) -> None:
    head, body = re.findall(r"<t(?:head|body).*?</t(?:head|body)>", page, re.S)[:2]
    names = re.findall(r'<th scope="col"[^>]*>([^<]*)<', head)
    assert names[:2] == ["contender", "metric"]
    rows = body.split("<tr")[1:]
    assert rows
    for row in rows:
        assert re.findall(r'data-name="([^"]*)"', row) == names[2:]
    assert "content: attr(data-name)" in page


def test_half_a_surrogate_pair_does_not_stop_the_page(made: Report, tmp_path: Path) -> None:
    odd = replace(made, provenance=replace(made.provenance, command="secondpass report \ud800"))
    odd.write(tmp_path / "r.html")
    assert "secondpass report ?" in (tmp_path / "r.html").read_text(encoding="utf-8")


def test_a_fit_that_is_no_better_is_not_recommended(made: Report) -> None:
    (name,) = made.parts
    parts = made.parts[name]
    assert isinstance(parts.calibration, CalibrationReport)
    assert parts.calibration.before
    best = parts.calibration.best.quality.log_loss
    for shift, is_shown in ((-0.1, True), (0.1, False)):
        quality = replace(parts.calibration.before.quality, log_loss=best + shift)
        before = replace(parts.calibration.before, quality=quality)
        changed = replace(parts, calibration=replace(parts.calibration, before=before))
        page = replace(made, parts={name: changed}).html()
        assert ("keep that, or label more queries" in page) is is_shown
