"""The labelled questions and the corpus that they are about change at different times."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

COOKBOOK = Path(__file__).parents[2] / "cookbook"


@pytest.fixture(scope="module")
def labels() -> ModuleType:
    """cookbook/labels.py, imported as notebooks import it: from the folder they run in."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(COOKBOOK), *sys.path])
        return import_module("labels")


def test_every_key_names_one_passage_of_the_corpus(labels: ModuleType) -> None:
    known = labels.labels("question", "keyword", "unanswerable")
    found = {key: labels.keyed(key) for label in known for key in label.keys}
    assert {key: ids for key, ids in found.items() if len(ids) != 1} == {}


def test_a_key_that_names_nothing_is_seen(labels: ModuleType) -> None:
    assert labels.keyed("README.md :: words that stand nowhere") == []
    assert labels.keyed("no such source :: rerank") == []


def test_queries_are_there_once_and_answered_as_their_kind_says(labels: ModuleType) -> None:
    known = labels.labels("question", "keyword", "unanswerable")
    queries = [label.query.casefold() for label in known]
    assert len(set(queries)) == len(queries) >= 90
    assert all(bool(label.keys) == (label.kind != "unanswerable") for label in known)
    assert len(labels.labels("unanswerable")) >= 15
    assert len(labels.labels("keyword")) == 24 + 22  # as notebook 5 and labels.py tell it


def test_a_collection_holds_what_was_found_and_what_was_missed(labels: ModuleType) -> None:
    asked = labels.labels("question", "unanswerable")
    found = labels.by_bm25([label.query for label in asked], depth=5)
    topics = labels.collection(asked, found)
    assert [list(topic.ranking.ids) for topic in topics] == found
    for label, topic in zip(asked, topics, strict=True):
        wanted = {id for key in label.keys for id in labels.keyed(key)}
        assert topic.relevant() == wanted
        assert topic.judged().relevant <= set(topic.ranking.ids)


def test_keyword_search_finds_rare_words(labels: ModuleType) -> None:
    (first,) = labels.by_bm25(["hoeffding-bentkus"], depth=1)
    assert first == labels.keyed("secondpass.guarantee.guaranteed :: guaranteed:")
