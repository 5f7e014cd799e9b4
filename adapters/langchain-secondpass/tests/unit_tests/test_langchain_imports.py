"""What the package exports, and what importing it does not do."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import langchain_secondpass
import pytest

FOR_ADAPTERS = {
    "secondpass.core.call_hints",
    "secondpass.core.deadline",
    "secondpass.core.ranking_details",
    "secondpass.integrations.pair_scores",
    "secondpass.judge",
    "secondpass.judge.chat.framework_chat",
    "secondpass.stages",
    "secondpass.stages.cut",
    "secondpass.stages.kept",
}
"""Public packages, and modules that exist for adapters; all else comes from public names."""
SOURCES = sorted(Path(langchain_secondpass.__file__).parent.glob("*.py"))


def test_all_imports() -> None:
    assert sorted(langchain_secondpass.__all__) == ["SecondPassCrossEncoder", "SecondPassRerank"]
    for name in langchain_secondpass.__all__:
        assert getattr(langchain_secondpass, name).__name__ == name


def test_is_typed() -> None:
    assert (Path(langchain_secondpass.__file__).parent / "py.typed").is_file()


def test_importing_loads_no_model_and_no_framework_but_the_core() -> None:
    heavy = ["numpy", "torch", "onnxruntime", "langchain", "langchain_classic"]
    code = f"import sys, langchain_secondpass; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("source", SOURCES, ids=lambda p: p.name)
def test_imports_langchain_core_rather_than_langchain(source: Path) -> None:
    """rerankers imports `langchain.retrievers...`, which is gone in 1.x."""
    allowed = {"langchain_core", "langchain_secondpass", "secondpass", "pydantic"}
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.split(".")[0]
            assert top in allowed or top in sys.stdlib_module_names, name
            public = not name.startswith("secondpass.") or name in FOR_ADAPTERS
            assert public, f"{name}: public names only"
