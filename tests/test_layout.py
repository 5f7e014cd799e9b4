"""The house: few entries at the top, few layers, short files, and names that lead to the place."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src/secondpass"
CONTRACTS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"][
    "importlinter"
]["contracts"]
TABLE = re.compile(r"^\| errand \| file \|.*\n\|[-|]+\n((?:\|.*\n)+)", re.MULTILINE)


def _errands() -> list[list[str]]:
    rows = TABLE.search((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert rows
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def _names(path: Path) -> set[str]:
    """What a module holds at its top level."""
    names: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("errand", _errands(), ids=lambda errand: errand[0])
def test_the_file_of_an_errand_is_there_and_holds_what_is_named(errand: list[str]) -> None:
    _, file, holds = errand
    path = ROOT / file.strip("`")
    assert path.is_file()
    named = re.findall("`(.+?)`", holds)
    assert named
    assert set(named) <= _names(path)


def test_there_are_ten_errands_each_with_a_file_of_its_own() -> None:
    files = [file for _, file, _ in _errands()]
    assert len(files) == len(set(files)) == 10


def test_the_table_of_rooms_has_every_room() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.search(r"^\| room \| holds \|\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows
    listed = [
        room for row in rows[1].splitlines() for room in re.findall("`(.+?)`", row.split("|")[1])
    ]
    assert sorted(listed) == sorted(p.parent.name for p in SOURCE.glob("*/__init__.py"))


def test_at_most_nineteen_entries_stand_at_the_top() -> None:
    entries = [path.name for path in SOURCE.iterdir() if path.name != "__pycache__"]
    assert len(entries) <= 19, entries


def test_no_file_has_more_than_260_lines() -> None:
    lengths = {p: len(p.read_text(encoding="utf-8").splitlines()) for p in SOURCE.rglob("*.py")}
    assert {path: length for path, length in lengths.items() if length > 260} == {}


def test_there_are_at_most_nine_layers_and_every_room_is_in_one() -> None:
    (layers,) = [c["layers"] for c in CONTRACTS if c["type"] == "layers"]
    assert len(layers) <= 9
    listed = [module.strip() for layer in layers for module in layer.split("|")]
    rooms = [f"secondpass.{p.parent.name}" for p in SOURCE.glob("*/__init__.py")]
    assert sorted(listed) == sorted([*rooms, "secondpass._rerank"])


def test_what_may_import_what_is_a_rule_about_folders() -> None:
    for contract in (c for c in CONTRACTS if c["type"] == "forbidden"):
        for module in contract["source_modules"]:
            assert (ROOT / "src" / module.replace(".", "/")).is_dir(), module
        for exception in contract["ignore_imports"]:
            folder = exception.split(" -> ")[0].removesuffix(".**")
            assert (ROOT / "src" / folder.replace(".", "/")).is_dir(), exception


def test_the_heavy_packages_are_those_that_only_extras_and_models_need() -> None:
    (heavy,) = [c for c in CONTRACTS if c["name"] == "Heavy packages stay in the models"]
    assert {"torch", "transformers", "onnxruntime", "openvino", "openai"} <= set(
        heavy["forbidden_modules"]
    )
    assert heavy["source_modules"] == ["secondpass"]


def test_the_words_take_at_most_a_page() -> None:
    text = (ROOT / "docs/concepts.md").read_text(encoding="utf-8")
    assert text.partition("## The words\n")[2].count("\n| ") <= 35
