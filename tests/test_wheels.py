"""The wheels build, hold what they should and nothing else, and work away from the source."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLE = """
import asyncio, pathlib, sys
import secondpass
assert pathlib.Path(secondpass.__file__).is_relative_to(sys.argv[1]), secondpass.__file__
docs = ["Cats sleep all day.", "Goethe wrote the play Faust."]
best = secondpass.rerank("who wrote Faust?", docs, threshold=0.2)
assert best.ids == ["1"], best
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.secondpass import SecondPassRerank
nodes = [NodeWithScore(node=TextNode(text=t)) for t in docs]
(node,) = SecondPassRerank(top_n=1).postprocess_nodes(nodes, query_str="who wrote Faust?")
assert node.text == docs[1]
import langchain_secondpass
from langchain_core.documents import Document
given = [Document(page_content=t) for t in docs]
rerank = langchain_secondpass.SecondPassRerank(top_n=1)
(document,) = asyncio.run(rerank.acompress_documents(given, "who wrote Faust?"))
assert document.page_content == docs[1]
from haystack import Document
from haystack_integrations.components.rankers.secondpass import SecondPassRanker
given = [Document(content=t) for t in docs]
(best,) = SecondPassRanker(top_k=1).run("who wrote Faust?", given)["documents"]
assert best.content == docs[1]
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("wheels")
    found = {}
    for source in (ROOT, *sorted((ROOT / "adapters").iterdir())):
        if not (source / "pyproject.toml").exists():
            continue
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", out, source],
            check=True, capture_output=True,
        )  # fmt: skip
    for wheel in out.glob("*.whl"):
        found[wheel.name.split("-")[0]] = wheel
    return found


@pytest.mark.slow
def test_they_hold_what_they_should(wheels: dict[str, Path]) -> None:
    names = {kind: set(zipfile.ZipFile(path).namelist()) for kind, path in wheels.items()}
    core = names["secondpass"]
    tiny = ("tiny/model.onnx", "tiny/words.onnx", "tiny/vocabulary.bin", "tiny/calibrator.json")
    for file in ("model.onnx", "tokenizer.json", "calibrator.json", "sum.json", "README.md", *tiny):
        assert f"secondpass/models/builtin/{file}" in core
    assert "secondpass/py.typed" in core
    assert {n.split("/")[0] for n in core if ".dist-info" not in n} == {"secondpass"}
    llama = names["llama_index_postprocessor_secondpass"]
    assert "llama_index/__init__.py" not in llama
    assert "llama_index/postprocessor/__init__.py" not in llama
    assert "llama_index/postprocessor/secondpass/base.py" in llama
    assert "langchain_secondpass/py.typed" in names["langchain_secondpass"]
    haystack = names["secondpass_haystack"]
    ranker = "haystack_integrations/components/rankers/secondpass"
    assert {f"{ranker}/ranker.py", f"{ranker}/py.typed"} <= haystack
    for above in ("", "components/", "components/rankers/"):  # namespace packages have none
        assert f"haystack_integrations/{above}__init__.py" not in haystack
    assert wheels["secondpass"].stat().st_size < 30e6


@pytest.mark.slow
def test_they_work_away_from_the_source(wheels: dict[str, Path], tmp_path: Path) -> None:
    target = tmp_path / "installed"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--target",
         target, *wheels.values()],
        check=True, capture_output=True,
    )  # fmt: skip
    # llama_index and haystack_integrations are namespace packages: what is elsewhere joins in
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", EXAMPLE, str(target)],
        check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(target)},
    )  # fmt: skip
