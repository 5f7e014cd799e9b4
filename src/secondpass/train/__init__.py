"""Fine-tuning a cross-encoder on one's own judged queries: `fine_tune`, `mine_negatives`.

    report = fine_tune(read_judged("judged.jsonl"), out="my-reranker")
    rerank = Recipe.read(report.recipe).stage()

The torch folder of a fine-tuned built-in model loads here as ``cross-encoder:my-reranker/torch``.
sentence-transformers' own ``CrossEncoder("my-reranker/torch")`` knows its class only after
``import secondpass.models.late_interaction``.
"""

from secondpass.train._fine_tune import fine_tune
from secondpass.train.config import TrainingConfig
from secondpass.train.mining import mine_negatives, without_false_negatives
from secondpass.train.pairs import QueryPairs, read_pairs, read_training_data
from secondpass.train.report import RankingQuality, TrainingProgress, TrainingReport

__all__ = [
    "QueryPairs",
    "RankingQuality",
    "TrainingConfig",
    "TrainingProgress",
    "TrainingReport",
    "fine_tune",
    "mine_negatives",
    "read_pairs",
    "read_training_data",
    "without_false_negatives",
]
