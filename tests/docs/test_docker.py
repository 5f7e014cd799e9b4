"""The Dockerfile of the page, as far as it can be checked without building an image."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICE = ROOT / "cookbook/service"


@pytest.fixture(scope="module")
def steps() -> list[tuple[str, str]]:
    """Instruction and arguments of each line."""
    text = (ROOT / "docs/docker.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```dockerfile.*\n((?:.*\n)*?)```$", text, re.MULTILINE)
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in block.splitlines() if line]


def test_it_copies_files_that_are_there_and_starts_what_they_define(
    steps: list[tuple[str, str]],
) -> None:
    (copied,) = [arguments.split()[:-1] for name, arguments in steps if name == "COPY"]
    assert sorted(copied) == sorted(f.name for f in SERVICE.iterdir() if f.is_file())
    name, arguments = steps[-1]
    assert name == "CMD"
    server, target, *options = json.loads(arguments)
    module, factory = target.split(":")
    assert (server, "--factory" in options) == ("uvicorn", True)
    spec = importlib.util.spec_from_file_location("service_of_the_image", SERVICE / f"{module}.py")
    assert spec
    assert spec.loader
    pytest.importorskip("fastapi")
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded  # pydantic looks annotations up there
    try:
        spec.loader.exec_module(loaded)
        paths = getattr(loaded, factory)().openapi()["paths"]
    finally:
        del sys.modules[spec.name]
    (port,) = [arguments for name, arguments in steps if name == "EXPOSE"]
    assert options[options.index("--port") + 1] == port
    (health,) = [arguments for name, arguments in steps if name == "HEALTHCHECK"]
    path = re.search(rf"http://127\.0\.0\.1:{port}(/\w+)", health)
    assert path
    assert path[1] in paths


def test_it_installs_the_core_and_what_the_app_imports(steps: list[tuple[str, str]]) -> None:
    (install,) = [a for name, a in steps if name == "RUN" and a.startswith("pip install")]
    packages = {word for word in install.split()[2:] if not word.startswith("-")}
    tree = ast.parse((SERVICE / "app.py").read_text(encoding="utf-8"))
    imported = {
        n.module.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module
    }
    others = imported - set(sys.stdlib_module_names) - {"pydantic"}  # which fastapi brings
    assert packages == others | {"uvicorn"}


def test_it_does_not_run_as_root(steps: list[tuple[str, str]]) -> None:
    names = [name for name, _ in steps]
    (user,) = [arguments for name, arguments in steps if name == "USER"]
    assert int(user) > 0
    assert names.index("USER") < names.index("CMD")
    assert "RUN" not in names[names.index("USER") :]
