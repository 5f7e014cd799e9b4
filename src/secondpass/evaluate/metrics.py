"""Metrics by their standard names, computed by ir_measures, which runs trec_eval's code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from secondpass.core.errors import InvalidInputError, MissingExtraError
from secondpass.evaluate.collection import Qrels

try:
    import ir_measures
except ImportError as error:
    raise MissingExtraError("evaluation", "eval") from error

_ALIASES = {
    "ndcg": "nDCG", "mrr": "RR", "rr": "RR", "map": "AP", "ap": "AP", "recall": "R", "r": "R",
    "precision": "P", "p": "P", "success": "Success", "hit": "Success",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: ir_measures' name without the relevance grade, such as ``nDCG@10`` or ``RR@10``.
        measure: What ir_measures computes.
    """

    name: str
    measure: Any

    @classmethod
    def of(cls, name: str, relevant_from: int = 1) -> Metric:
        """A metric by name: nDCG@k, RR@k or MRR@k, AP@k or MAP@k, R@k or Recall@k, P@k, ...

        Args:
            name: Any name of ir_measures, or an alias above; case does not matter in aliases.
            relevant_from: The lowest grade that counts as relevant, for binary metrics.

        Raises:
            InvalidInputError: Unknown, or not a metric of a single query's ranking.
        """
        if not isinstance(name, str):
            raise InvalidInputError(f"a metric is named by a string, got {name!r}")
        stem, rest = re.match(r"([A-Za-z]*)(.*)", name.strip(), re.S).groups()  # type: ignore[union-attr]
        standard = _ALIASES.get(stem.lower(), stem) + rest
        try:
            measure = ir_measures.parse_measure(standard)
            cutoff = measure.params.get("cutoff", 1)
        except (NameError, ValueError, AttributeError) as error:
            raise InvalidInputError(
                f"unknown metric {name!r}; write nDCG@10, MRR@10, MAP@100, Recall@100, P@5, or "
                f"another name of ir_measures ({error})"
            ) from error
        if not isinstance(cutoff, int) or cutoff < 1:
            raise InvalidInputError(f"metric {name!r}: the depth after @ is 1 or more")
        if "rel=" in standard:  # written out; ir_measures' own name would omit a 1
            return cls(standard, measure)
        without_grade = repr(measure)
        if "rel" in measure.SUPPORTED_PARAMS:
            measure = measure(rel=relevant_from)
        return cls(without_grade, measure)

    @property
    def depth(self) -> int | None:
        """The k after the @; None where the metric reads the whole list."""
        cutoff = self.measure.params.get("cutoff")
        return None if cutoff is None else int(cutoff)


def metrics_of(names: Sequence[str] | str, relevant_from: int) -> list[Metric]:
    """Several metrics by name, each once.

    Raises:
        InvalidInputError: No name, or an unknown one.
    """
    names = [names] if isinstance(names, str) else list(names)
    if not names:
        raise InvalidInputError("name at least one metric, such as nDCG@10")
    metrics = [Metric.of(name, relevant_from) for name in names]
    return list({m.name: m for m in metrics}.values())


def per_query(
    metrics: Sequence[Metric], qrels: Qrels, orders: Mapping[str, Sequence[str]]
) -> dict[str, list[float]]:
    """Each metric's value for each query, in the order of `qrels`.

    A query for which nothing was retrieved has 0, and so has one without relevant documents.

    Args:
        metrics: What to compute.
        qrels: Grades by query and document.
        orders: Document ids by query, best first.

    Raises:
        InvalidInputError: No installed provider of ir_measures can compute a metric.
    """
    # scores are made from ranks, so that there are no ties to break
    run = {
        _plain_id(q): {_plain_id(d): float(len(o) - i) for i, d in enumerate(o)}
        for q, o in orders.items()
    }
    values: dict[str, dict[str, float]] = {m.name: {} for m in metrics}
    by_measure: dict[Any, list[str]] = {}
    for m in metrics:
        by_measure.setdefault(m.measure, []).append(m.name)
    try:
        for one in ir_measures.iter_calc(list(by_measure), _plain(qrels), run):
            for name in by_measure[one.measure]:
                values[name][one.query_id] = float(one.value)
    except ValueError as error:
        raise InvalidInputError(
            f"{', '.join(values)}: ir_measures cannot compute all of them: {error}"
        ) from error
    return {name: [of.get(_plain_id(q), 0.0) for q in qrels] for name, of in values.items()}


def ideal(docs: Iterable[str], grades: Mapping[str, int]) -> list[str]:
    """These documents in the best possible order: highest grade first."""
    return sorted(docs, key=lambda d: -grades.get(d, 0))


def _plain(qrels: Qrels) -> dict[str, dict[str, int]]:
    return {
        _plain_id(q): {_plain_id(d): int(grade) for d, grade in grades.items()}
        for q, grades in qrels.items()
    }


def _plain_id(id: str) -> str:
    """An id that trec_eval's C code can hold, a different one for each: half of a surrogate pair
    would end the process, and NUL the id."""
    return id.encode("unicode_escape").decode("ascii")
