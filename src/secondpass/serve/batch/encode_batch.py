"""A corpus read once for ``builtin-split:FILE``, batch by batch."""

from __future__ import annotations

import os

import pyarrow as pa

from secondpass.models.builtin.model import Builtin
from secondpass.serve.batch.columns import holds_lists


class EncodeBatch:
    """Adds the vectors of a batch's texts to a store, as a callable for ``map_batches``.

        dataset.map_batches(EncodeBatch, fn_constructor_args=("corpus.vectors",),
                            batch_format="pyarrow", batch_size=512, concurrency=4)

    Many processes may add to one store at the same time. Texts that are there already cost a
    look-up, so that a corpus that was interrupted or has grown is simply encoded again.

    Args:
        vectors: The store, which every process must reach by this path; see `LateInteraction`.
        text: The column of texts, strings or lists of strings; nulls are passed over.
        max_length: Longest text in tokens; rerank with the same.
        threads: Batches of the model that run at the same time; as many as this process may use
            processors if None.

    Raises:
        InvalidInputError: (when called) There is no such column.
        ModelError: The store holds something else, or cannot be written.
    """

    def __init__(
        self,
        vectors: str | os.PathLike[str],
        text: str = "text",
        *,
        max_length: int = 512,
        threads: int | None = None,
    ) -> None:
        self.text = text
        self.model = Builtin(vectors=vectors, max_length=max_length, threads=threads)

    def __call__(self, batch: pa.Table) -> pa.Table:
        """One row: ``texts``, how many there were, and ``new``, how many of them were encoded."""
        lists = holds_lists(batch.schema, self.text, "the batch")
        values = batch.column(self.text).to_pylist()
        texts = [
            text
            for value in values
            for text in ((value or ()) if lists else (value,))
            if text is not None
        ]
        return pa.table({"texts": [len(texts)], "new": [self.model.encode(texts)]})
