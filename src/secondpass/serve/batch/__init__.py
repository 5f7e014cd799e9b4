"""Any recipe over tables: a Parquet file or a folder of them, in one process or on Ray.

`rerank_parquet` is what ``secondpass batch`` runs. `RerankBatch` and `EncodeBatch` are callables
for ``ray.data.Dataset.map_batches`` and for loops of your own. Needs the extra ``batch`` (pyarrow),
and ``ray`` for Ray.
"""

from secondpass.serve.batch.columns import Columns
from secondpass.serve.batch.encode_batch import EncodeBatch
from secondpass.serve.batch.job import BatchReport, rerank_parquet
from secondpass.serve.batch.rerank_batch import RerankBatch

__all__ = ["BatchReport", "Columns", "EncodeBatch", "RerankBatch", "rerank_parquet"]
