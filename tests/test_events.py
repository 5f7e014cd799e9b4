"""Kinds of events and keys of notes: typed, spelled one way, listed in one table."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

from secondpass.core.event import EventKind, Note

ROOT = Path(__file__).parents[1]
KINDS = set(get_args(EventKind))
KEYS = set(Note.__annotations__)
SOURCES = [p for p in sorted((ROOT / "src").rglob("*.py")) if p.name != "event.py"]
ADAPTERS = [p for p in sorted((ROOT / "adapters").rglob("*.py")) if "tests" not in p.parts]


def _table() -> list[list[str]]:
    text = (ROOT / "docs/concepts.md").read_text(encoding="utf-8")
    rows = re.search(r"^\| event \| note \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def test_the_table_lists_every_kind_and_every_key_once_with_its_meaning() -> None:
    rows = _table()
    kinds = [word for row in rows for word in re.findall("`(.+?)`", row[0])]
    keys = [word for row in rows for word in re.findall("`(.+?)`", row[1])]
    assert sorted(kinds) == sorted(KINDS)
    assert sorted(keys) == sorted(KEYS)
    assert all(len(row) == 3 and row[2] for row in rows)


def test_kinds_have_hyphens_and_keys_underscores() -> None:
    assert all(re.fullmatch("[a-z]+(-[a-z]+)*", kind) for kind in KINDS)
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", key) for key in KEYS)


def test_the_docstring_of_notes_has_every_key() -> None:
    assert set(re.findall(r"^ {4,8}(\w+): ", Note.__doc__ or "", re.MULTILINE)) == KEYS


def _literals(paths: list[Path]) -> Iterator[str]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
            elif isinstance(node, ast.keyword) and node.arg:
                yield node.arg


def _told(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """The kind in each call that makes an event."""
    position = {"with_event": 1, "Event": 1, "CostEvent": 1, "tell": 0, "add_event": 0}
    for path in paths:
        if path.parent.name == "tracing":  # events of spans have OpenTelemetry's names
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in position and len(node.args) > position[name]:
                kind = node.args[position[name]]
                if isinstance(kind, ast.Constant):
                    yield path, kind.value


def test_the_source_uses_these_kinds_and_no_others() -> None:
    told = list(_told(SOURCES + ADAPTERS))
    assert len(told) > 15
    assert [(path, kind) for path, kind in told if kind not in KINDS] == []
    assert KINDS - set(_literals(SOURCES)) == set()


def test_every_key_of_a_note_is_written_somewhere() -> None:
    assert KEYS - set(_literals(SOURCES)) == set()
