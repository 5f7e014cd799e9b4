"""Which part of the measured matrix rate a contender reaches."""

from __future__ import annotations

from dataclasses import dataclass

from speed.targets import Results, rows


@dataclass(frozen=True, slots=True)
class Reached:
    """Operations a second of one contender on one workload, and the limit they are held against."""

    name: str
    part: str
    rate: float
    limit_name: str
    limit: float

    @property
    def share(self) -> float:
        return self.rate / self.limit


def operations_per_token(layers: int, width: int, inner: int, attended: float) -> float:
    """Of a BERT encoder: 2 per multiply-add; four width x width products, two with the inner
    layer, and attention over `attended` tokens twice (scores, and the sum of values).

    Args:
        attended: Mean length of the pair that a token belongs to.
    """
    return layers * (2 * (4 * width * width + 2 * width * inner) + 4 * attended * width)


def shares_of_limit(results: Results) -> list[Reached]:
    """For contenders with the same weights, on the workloads that were run."""
    limits = rows(results, "limit")
    if not limits:
        return []
    shape = results["parts"]["limit"]
    made = []
    for part in ("short", "long"):
        of = results["parts"].get(part, {})
        for name, row in of.get("rows", {}).items():
            fit = {n: r for n, r in limits.items() if n.endswith(_precision(name))}
            if name in results["own_weights"] or not fit:
                continue
            best = max(fit, key=lambda n: fit[n])
            each = operations_per_token(
                shape["layers"], shape["width"], shape["inner"], of["attended"]
            )
            rate = row["tokens_per_second"] * each
            made.append(Reached(name, part, rate, best, fit[best]))
    return made


def _precision(name: str) -> str:
    return next((p for p in ("int8", "bfloat16") if p in name), "float32")
