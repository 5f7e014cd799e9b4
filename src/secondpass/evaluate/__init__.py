"""Does reranking help, how much, at what depth and at what cost? Needs the `eval` extra.

    from secondpass.evaluate import compare, read_collection

    collection = read_collection("scifact", run="run.bm25.txt")
    print(compare(collection, None, {"built-in": "builtin", "mine": Path("recipe.json")}))

`secondpass.evaluate` is this package, never the function: all its names, `evaluate` among them, are
imported from here and not from `secondpass`.
"""

from secondpass.evaluate._compare import compare
from secondpass.evaluate._depth_curve import DepthCurve, DepthPoint, depth_curve
from secondpass.evaluate._evaluate import Evaluation, evaluate, evaluate_rankings
from secondpass.evaluate._headroom import Headroom, headroom
from secondpass.evaluate._two_stage_cost import CostPoint, TwoStageCost, two_stage_cost
from secondpass.evaluate.bm25_index import BM25Index
from secondpass.evaluate.collection import Collection, Grades, Qrels, Topic
from secondpass.evaluate.comparison import Comparison, PairedDifference
from secondpass.evaluate.formats import read_collection
from secondpass.evaluate.formats.beir import read_beir, read_corpus, read_queries
from secondpass.evaluate.formats.jsonl import read_jsonl
from secondpass.evaluate.formats.trec import Run, read_qrels, read_run, read_trec
from secondpass.evaluate.formats.trec_run import run_of, write_run
from secondpass.evaluate.framework_retriever import FrameworkRetriever, collection_from_retriever
from secondpass.evaluate.metrics import Metric
from secondpass.evaluate.recorded_stage import RecordedStage
from secondpass.evaluate.regressions import RankChange, Regression
from secondpass.evaluate.significance import (
    bootstrap_interval,
    detectable_difference,
    holm,
    randomisation_test,
)

__all__ = [
    "BM25Index",
    "Collection",
    "Comparison",
    "CostPoint",
    "DepthCurve",
    "DepthPoint",
    "Evaluation",
    "FrameworkRetriever",
    "Grades",
    "Headroom",
    "Metric",
    "PairedDifference",
    "Qrels",
    "RankChange",
    "RecordedStage",
    "Regression",
    "Run",
    "Topic",
    "TwoStageCost",
    "bootstrap_interval",
    "collection_from_retriever",
    "compare",
    "depth_curve",
    "detectable_difference",
    "evaluate",
    "evaluate_rankings",
    "headroom",
    "holm",
    "randomisation_test",
    "read_beir",
    "read_collection",
    "read_corpus",
    "read_jsonl",
    "read_qrels",
    "read_queries",
    "read_run",
    "read_trec",
    "run_of",
    "two_stage_cost",
    "write_run",
]
