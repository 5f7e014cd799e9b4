"""Any stage with the methods of fastembed's `TextCrossEncoder`.

    from secondpass.integrations.fastembed import TextCrossEncoder

    encoder = TextCrossEncoder("builtin")
    scores = list(encoder.rerank("who wrote Faust?", ["Cats sleep.", "Goethe wrote Faust."]))

Written for fastembed 0.9.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from secondpass.core.call_hints import hint_keywords
from secondpass.core.errors import InvalidInputError, shown
from secondpass.integrations.pair_scores import check_batch_size, score_pairs, stage_named, texts_of
from secondpass.models.load import ModelLike

_LOAD = 'load the model with it: TextCrossEncoder(load("onnx:...", options={"KEYWORD": ...}))'
_ELSEWHERE = dict.fromkeys(
    ("providers", "cuda", "device_ids", "device_id", "local_files_only", "specific_model_path"),
    _LOAD,
) | {
    "cache_dir": "models of the hub are where huggingface-hub keeps them; set HF_HOME",
    "lazy_load": "leave it out; load the model where you make this object",
}  # fmt: skip
BLOCK = 1024
"""Pairs that are read from an iterable and scored at a time, or `batch_size` where that is more."""


class TextCrossEncoder:
    """Scores of texts for a query, in the order given, by any model or stage.

    Args:
        model_name: A stage or a model string; a hub id or a folder of weights, as fastembed takes,
            is read as ``onnx:NAME``.
        threads: Option of a model that is loaded here.

    Attributes:
        stage: What ranks.

    Raises:
        WrongCallError: An option that belongs elsewhere; says where.
        SecondPassError: What loading the model may raise.
    """

    @hint_keywords(_ELSEWHERE)
    def __init__(self, model_name: ModelLike, *, threads: int | None = None) -> None:
        self.stage = stage_named(model_name, "onnx", {"threads": threads})

    def __repr__(self) -> str:
        return f"TextCrossEncoder({self.stage.name})"

    @hint_keywords()
    def rerank(self, query: str, documents: Iterable[str], batch_size: int = 64) -> Iterator[float]:
        """A score for each document, in the order given.

        Args:
            query: What was asked.
            documents: Texts.
            batch_size: At least 1. Changes no score; batches are limited by tokens here.

        Yields:
            Floats: P(relevant) where the stage gives probabilities, else raw scores.

        Raises:
            InvalidInputError: An empty query, a document that is no text, or a stage that cuts.
                When called, not when first read.
            NoScoresError: The stage only orders.
        """
        check_batch_size(batch_size)
        pairs = [(query, text) for text in texts_of(documents)]
        return iter(score_pairs(self.stage, pairs)[0])

    @hint_keywords()
    def rerank_pairs(
        self, pairs: Iterable[tuple[str, str]], batch_size: int = 64, parallel: int | None = None
    ) -> Iterator[float]:
        """A score for each pair of query and text, in the order given.

        A pointwise stage reads the iterable in blocks, so that millions of pairs need little
        memory; any other needs all texts of a query at once, and so all pairs.

        Args:
            pairs: Queries and texts.
            batch_size: At least 1. Changes no score.
            parallel: None only: a model uses the processors by itself.

        Yields:
            Floats, as `rerank`.

        Raises:
            InvalidInputError: As `rerank`, when the pair is reached; or `parallel` is given.
            NoScoresError: The stage only orders.
        """
        check_batch_size(batch_size)
        if parallel is not None:
            raise InvalidInputError(
                f"parallel={parallel!r}: a model uses the processors by itself here; leave it out, "
                "and set threads= where you load the model"
            )
        block = max(batch_size, BLOCK) if self.stage.pointwise else None
        return self._scores(iter(pairs), block)

    def _scores(self, pairs: Iterator[tuple[str, str]], block: int | None) -> Iterator[float]:
        first = 0
        while some := list(islice(pairs, block)):
            for index, pair in enumerate(some, start=first):
                if not isinstance(pair, list | tuple) or len(pair) != 2:
                    raise InvalidInputError(f"pair {index} is {shown(pair)}; give (query, text)")
            yield from score_pairs(self.stage, [(query, text) for query, text in some])[0]
            first += len(some)
