"""make test-peers: the tests of the libraries that we stand in for, from their source packages.

    python tests/peers.py

Each is downloaded, and the names that its tests import are ours while they run. Nothing of it
is kept. Takes the package index, so `make test` does not call it.

Tests that make the other library's own model or transport answer say nothing about ours, and are
left out; those of sentence-transformers, fastembed and FlashRank are not in their source packages.
What they ask is asked in tests/integrations/test_drop_ins.py.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PATHS = [ROOT / "src", *sorted(ROOT.glob("adapters/*")), *sorted(ROOT.glob("adapters/*/src"))]


@dataclass(frozen=True)
class Peer:
    """A library and those of its tests that run against ours.

    Attributes:
        package: Its source package, in the version that we were written for.
        tests: A file of tests in it, or one here.
        ours: What the tests import: their name, and what is put in its place.
    """

    package: str
    tests: str
    ours: dict[str, str]


COMMUNITY = "langchain-community==0.4.2"
PEERS = [
    Peer(
        "rerankers==0.10.0",
        "tests/test_results.py",
        {
            f"rerankers.{module}.{name}": f"secondpass.integrations.rerankers.{name}"
            for module, name in (
                ("results", "Result"), ("results", "RankedResults"), ("documents", "Document"),
            )
        },
    ),
    Peer(
        COMMUNITY,
        "tests/unit_tests/retrievers/document_compressors/test_cross_encoder_reranker.py",
        {
            "langchain_classic.retrievers.document_compressors.CrossEncoderReranker":
            "peers_names.best_three",
        },
    ),
    Peer(COMMUNITY, str(ROOT / "tests/peers_arguments.py"), {}),
]  # fmt: skip
NAMES = """
from functools import partial
from langchain_secondpass import SecondPassRerank
best_three = partial(SecondPassRerank, top_n=3)  # as many as theirs keeps unless told otherwise
"""
PATCH = """
from importlib import import_module

def pytest_configure(config):
    for theirs, ours in {names!r}.items():
        (module, name), (own_module, own_name) = theirs.rsplit(".", 1), ours.rsplit(".", 1)
        setattr(import_module(module), name, getattr(import_module(own_module), own_name))
"""


def source(package: str, folder: Path) -> Path:
    """The source package, unpacked."""
    subprocess.run(
        [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
         "--disable-pip-version-check", "-d", folder, package],
        check=True,
    )  # fmt: skip
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


def run(peer: Peer, unpacked: Path, folder: Path) -> int:
    """Run the tests with our names in place of theirs; the status of pytest."""
    (folder / "peers_names.py").write_text(NAMES, encoding="utf-8")
    (folder / "peers_patch.py").write_text(PATCH.format(names=peer.ours), encoding="utf-8")
    paths = os.pathsep.join(map(str, [*PATHS, folder, unpacked]))
    command = [sys.executable, "-W", "ignore", "-m", "pytest", "-q", "-p", "peers_patch",
               "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", folder, "--noconftest",
               unpacked / peer.tests]  # fmt: skip
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, check=False).returncode


def main() -> None:
    failed = []
    with tempfile.TemporaryDirectory() as temporary:
        sources: dict[str, Path] = {}
        for number, peer in enumerate(PEERS):
            folder = Path(temporary) / str(number)
            folder.mkdir()
            if peer.package not in sources:
                (folder / "source").mkdir()
                sources[peer.package] = source(peer.package, folder / "source")
            print(f"{peer.package}: {peer.tests}", flush=True)
            if run(peer, sources[peer.package], folder):
                failed.append(f"{peer.package}: {peer.tests}")
    sys.exit("\n".join(["failed:", *failed]) if failed else 0)


if __name__ == "__main__":
    main()
