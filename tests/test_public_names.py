from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import secondpass
from secondpass.core import errors
from secondpass.core.public_names import PACKAGES, PUBLIC_NAMES

SOURCE = Path(secondpass.__file__).parent
ROOT = Path(__file__).parents[1]
ALIASES = ("Scale",)
"""Names of types such as Literal["raw"], which have no name of their own."""


def test_there_are_at_most_seventy_at_the_top() -> None:
    assert len(secondpass.__all__) <= 70


def test_every_public_name_can_be_imported_and_is_listed() -> None:
    assert secondpass.__all__ == sorted(PUBLIC_NAMES)
    for name, (module, _) in PUBLIC_NAMES.items():
        thing = getattr(secondpass, name)
        ours = thing.__module__.startswith("secondpass.") and thing.__name__ == name
        assert ours or name in ALIASES, name
        assert getattr(import_module(f"secondpass.{module}"), name) is thing
    assert set(secondpass.__all__) <= set(dir(secondpass))


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    command = [sys.executable, str(Path(__file__).with_name("write_public_names.py")), "--check"]
    subprocess.run(command, check=True)


def test_every_documented_package_says_what_it_exports() -> None:
    for name in PACKAGES:
        package = getattr(secondpass, name)
        assert package.__name__ == f"secondpass.{name}"
        for exported in getattr(package, "__all__", ()):
            assert hasattr(package, exported), f"secondpass.{name}.{exported}"


def test_the_reference_has_every_public_name_once_and_nothing_that_is_not_there() -> None:
    pages = sorted((ROOT / "docs/api").glob("*.md"))
    listed = re.findall(
        r"^::: secondpass\.(\S+)$",
        "".join(page.read_text(encoding="utf-8") for page in pages),
        re.MULTILINE,
    )
    assert sorted(name for name in listed if "." not in name) == sorted(PUBLIC_NAMES)
    assert len(set(listed)) == len(listed)
    for path in listed:
        module, _, name = f"secondpass.{path}".rpartition(".")
        assert hasattr(import_module(module), name), path


def test_no_two_classes_of_the_library_share_a_name() -> None:
    homes: dict[str, list[str]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef):
                name = node.name.lstrip("_")
                homes.setdefault(name, []).append(str(path.relative_to(SOURCE)))
    assert {name: paths for name, paths in homes.items() if len(paths) > 1} == {}


def test_every_error_is_public_documented_and_also_a_builtin() -> None:
    named = [n for n, e in vars(errors).items() if isinstance(e, type) and n.endswith("Error")]
    for name in named:
        assert name in secondpass.__all__
        assert f"{name} " in (errors.__doc__ or "") or name == "SecondPassError"
        kind = getattr(errors, name)
        assert issubclass(kind, errors.SecondPassError)
        if name != "SecondPassError":
            assert len(kind.__bases__) == 2


def test_errors_pickle() -> None:
    import pickle

    error = errors.MissingExtraError("x", "torch")
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_importing_it_loads_nothing_heavy() -> None:
    code = (
        "import sys, secondpass; bad = [m for m in ('numpy', 'torch', 'onnxruntime', 'pydantic',"
        "'transformers', 'tokenizers', 'asyncio', 'typer', 'rich') if m in sys.modules];"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_submodules_never_shadow_a_public_function() -> None:
    code = (
        "import secondpass._rerank, secondpass.cli, secondpass.models.load, secondpass as s;"
        "from secondpass import rerank, load; assert callable(rerank) and callable(load);"
        "assert callable(s.rerank)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_library_prints_nothing_and_sets_up_no_logging() -> None:
    for path in SOURCE.rglob("*.py"):
        if "cli" in path.relative_to(SOURCE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", None)
            assert called != "print", path
        assert "basicConfig" not in path.read_text(), path


def test_an_unknown_attribute_is_an_attribute_error() -> None:
    assert not hasattr(secondpass, "nothing")


BASE_INSTALL = """
import sys
from importlib.abc import MetaPathFinder

EXTRAS = (
    "accelerate bm25s datasets dspy huggingface_hub ir_measures jinja2 lancedb lightgbm matplotlib "
    "mcp onnx onnxscript openai openvino pandas pydantic_ai pyterrier scipy sentence_transformers "
    "sklearn Stemmer threadpoolctl torch transformers"
).split()


class NotInstalled(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in EXTRAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NotInstalled())
"""


@pytest.mark.parametrize(
    "code",
    [
        "from secondpass import *\nassert callable(rerank) and callable(BM25)",
        "import pydoc, secondpass\nassert 'BM25' in pydoc.render_doc(secondpass)",
        "import inspect, secondpass\nassert dict(inspect.getmembers(secondpass))['OpenAIChat']",
        "import secondpass\nassert not isinstance(3, secondpass.TorchCrossEncoder)",
    ],
)
def test_every_public_name_can_be_looked_at_in_the_base_install(code: str) -> None:
    subprocess.run([sys.executable, "-W", "error", "-c", BASE_INSTALL + code], check=True)


def test_what_needs_an_extra_says_so_when_it_is_used_in_the_base_install() -> None:
    code = """
import secondpass
for use in (
    lambda: secondpass.BM25(language="english"),
    lambda: __import__("secondpass.models.bm25", fromlist=["x"]).CorpusStatistics.of(["a"]),
    lambda: secondpass.OpenAIChat("model"),
    lambda: secondpass.TorchCrossEncoder("model"),
    lambda: secondpass.load("bm25"),
    lambda: __import__("secondpass.integrations.dspy"),
    lambda: __import__("secondpass.integrations.lancedb"),
    lambda: __import__("secondpass.integrations.mcp"),
    lambda: __import__("secondpass.integrations.pydantic_ai"),
    lambda: __import__("secondpass.integrations.pyterrier"),
):
    try:
        use()
    except secondpass.MissingExtraError as error:
        assert "pip install" in str(error)
    else:
        raise AssertionError(use)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", BASE_INSTALL + code], check=True)
