"""make test-packages, make test-latest: the packages as a user gets them, in new environments.

    python tests/packages.py alone      each wheel, alone in an empty environment, runs its README
    python tests/packages.py latest     the newest of every framework, and what we have for them

Takes minutes and the package index, so `make test` does not call it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADAPTERS = sorted(path.parent for path in ROOT.glob("adapters/*/pyproject.toml"))
BESIDES = {"langchain-secondpass": ["langchain-classic>=1.0,<2", "langgraph>=1.0,<2"]}
"""What a README takes for granted beside the package."""
TESTS_NEED = [
    "pytest>=9", "pytest-asyncio>=1.4", "pytest-socket>=0.8", "langchain-classic>=1.0",
    "langchain-tests>=1.1", "langgraph>=1.0", "bm25s>=0.3", "PyStemmer>=2.2", "openai>=3,<4",
    "httpx2>=2.12,<3",
]  # fmt: skip
EXTRAS = "dspy,lancedb,mcp,pydantic-ai,pyterrier,eval,remote"
"""Of the core: the frameworks for which it has a module."""
INTEGRATIONS_NEED = [
    "boto3>=1.44", "chromadb>=1.5", "cohere>=7.3", "duckdb>=1.4", "FlashRank>=0.2.10",
    "hypothesis>=6.130", "jsonschema>=4.23", "litellm>=1.110", "qdrant-client>=1.20",
    "rerankers>=0.10", "sqlalchemy>=2.0", "statsmodels>=0.14",
]  # fmt: skip
"""What they are tested beside; torch is not, so what runs sentence-transformers is skipped. Lower
bounds only, also of what they need themselves: pip tries every older release without."""


def run(*command: str | Path) -> None:
    """Run a command away from the sources, and end with its status where it fails."""
    away = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    quiet = {"HAYSTACK_TELEMETRY_ENABLED": "False", "TOKENIZERS_PARALLELISM": "false"}
    done = subprocess.run([str(word) for word in command], env={**away, **quiet}, check=False)
    if done.returncode:
        sys.exit(done.returncode)


def environment(folder: Path) -> Path:
    """The Python of a new environment with nothing but the newest pip, which resolves best."""
    venv.create(folder, with_pip=True, upgrade_deps=True)
    return folder / "bin/python"


def install(python: Path, *packages: str | Path) -> None:
    """Install into an environment; what is there already stays unless it must not."""
    run(python, "-m", "pip", "install", "-q", "--disable-pip-version-check", *packages)


def wheels(folder: Path) -> dict[str, Path]:
    """The wheels of the adapters, by their folders' names, and of the core, by its own."""
    made = {}
    for name, source in {"secondpass": ROOT, **{path.name: path for path in ADAPTERS}}.items():
        out = folder / name
        run(sys.executable, "-m", "build", "-w", "--no-isolation", "-o", out, source)
        (made[name],) = out.glob("*.whl")
    return made


def alone(folder: Path) -> None:
    """Each adapter's wheel and the core's, in an environment with nothing else."""
    made = wheels(folder / "wheels")
    for adapter in ADAPTERS:
        python = environment(folder / adapter.name)
        install(python, made["secondpass"], made[adapter.name])
        run(python, "-m", "pip", "check")
        where = "import secondpass; assert 'site-packages' in secondpass.__file__"
        run(python, "-c", where)
        install(python, "pytest", "hypothesis", *BESIDES.get(adapter.name, []))
        tests = ROOT / "tests"
        blocks = f"test_the_blocks_run and {adapter.name}"
        run(python, "-W", "ignore", "-m", "pytest", "-q", "-p", "no:cacheprovider",
            "-c", os.devnull, "--rootdir", ROOT, "--confcutdir", tests, tests / "docs/test_docs.py",
            "-k", blocks)  # fmt: skip
        print(f"{adapter.name}: installs alone and runs its README")


def latest(folder: Path) -> None:
    """The newest of every framework that we accept, together, and the tests of what is for them."""
    made = wheels(folder / "wheels")
    python = environment(folder / "latest")
    core = f"{made.pop('secondpass')}[{EXTRAS}]"
    install(python, core, *made.values(), *TESTS_NEED, *INTEGRATIONS_NEED)
    run(python, "-m", "pip", "check")
    run(python, "-m", "pip", "list", "--disable-pip-version-check")
    run(python, "-m", "pytest", "-q", "-c", ROOT / "pyproject.toml", "--rootdir", ROOT,
        "-p", "no:cacheprovider", "-m", "", *ADAPTERS, ROOT / "tests/integrations")  # fmt: skip


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        {"alone": alone, "latest": latest}[sys.argv[1]](Path(temporary))
