from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import secondpass
from secondpass.core import errors

SOURCE = Path(secondpass.__file__).parent
ALIASES = ("Note", "Pair", "Scale")
"""Names of types such as tuple[str, str], which have no name of their own."""


def test_every_public_name_can_be_imported_and_is_listed() -> None:
    for name in secondpass.__all__:
        thing = getattr(secondpass, name)
        ours = thing.__module__.startswith("secondpass.") and thing.__name__ == name
        assert ours or name in ALIASES, name
    assert set(secondpass.__all__) <= set(dir(secondpass))


def test_type_checkers_see_the_same_names_as_the_interpreter() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    block = next(n for n in tree.body if isinstance(n, ast.If))
    typed = {alias.asname for n in block.body for alias in n.names}  # type: ignore[attr-defined]
    assert typed == set(secondpass.__all__)


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
    "accelerate bm25s datasets huggingface_hub ir_measures jinja2 lightgbm matplotlib onnx "
    "onnxscript openai openvino pandas scipy sentence_transformers sklearn Stemmer threadpoolctl "
    "torch transformers"
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
):
    try:
        use()
    except secondpass.MissingExtraError as error:
        assert "pip install" in str(error)
    else:
        raise AssertionError(use)
"""
    subprocess.run([sys.executable, "-W", "error", "-c", BASE_INSTALL + code], check=True)
