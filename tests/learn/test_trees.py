from __future__ import annotations

import pytest

from secondpass import CalibrationError
from secondpass.stages.fuse.learned import LambdaMartModel, Tree
from secondpass.stages.fuse.learned.examples import Examples
from secondpass.stages.fuse.learned.lambdamart import _trained


def test_our_trees_are_lightgbms() -> None:
    pytest.importorskip("lightgbm")
    np = pytest.importorskip("numpy")
    g = np.random.default_rng(0)
    rows = tuple(g.normal(size=(20, 4)).tolist() for _ in range(30))
    labels = tuple([a * b > 0.2 for a, b, *_ in one] for one in rows)
    examples = Examples(tuple(f"q{i}" for i in range(30)), rows, labels)
    booster = _trained(examples, 40, 0)
    trees = [Tree.of(t) for t in booster.dump_model()["tree_info"]]
    model = LambdaMartModel(tuple(trees), (0.25,) * 4)
    fresh = [*g.normal(size=(200, 4)).tolist(), [0.0] * 4]
    assert [model.score(row) for row in fresh] == pytest.approx(
        booster.predict(fresh, num_threads=1), abs=1e-12
    )


def test_a_walk_through_a_tree() -> None:
    tree = Tree((0, 1), (0.5, 2.0), (1, ~0), (~2, ~1), (10.0, 20.0, 30.0))
    assert [tree.value(r) for r in ([0, 2], [0, 3], [1, 0], [0.5, 2])] == [10, 20, 30, 10]
    assert Tree((), (), (), (), (7.0,)).value([1.0]) == 7


@pytest.mark.parametrize(
    "parts",
    [
        ((0,), (0.5,), (0,), (~1,), (1.0, 2.0)),  # goes in a circle
        ((0,), (0.5,), (~0,), (~2,), (1.0, 2.0)),  # no such leaf
        ((0,), (), (~0,), (~1,), (1.0, 2.0)),
        ((-1,), (0.5,), (~0,), (~1,), (1.0, 2.0)),
        ((), (), (), (), ()),
    ],
)
def test_damaged_trees_are_refused(parts) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(CalibrationError, match="damaged"):
        Tree(*parts)
