"""LambdaMART's trees: LightGBM evaluates them from numbers that were checked."""

from __future__ import annotations

import pickle

import pytest

from secondpass import CalibrationError
from secondpass.stages.fuse.learned import LambdaMartModel, Tree
from secondpass.stages.fuse.learned.data import Examples
from secondpass.stages.fuse.learned.models import train_booster


def test_the_stored_trees_score_as_the_booster_that_was_fitted() -> None:
    pytest.importorskip("lightgbm")
    np = pytest.importorskip("numpy")
    g = np.random.default_rng(0)
    rows = tuple(g.normal(size=(20, 4)).tolist() for _ in range(30))
    labels = tuple([a * b > 0.2 for a, b, *_ in one] for one in rows)
    examples = Examples(tuple(f"q{i}" for i in range(30)), rows, labels)
    booster = train_booster(examples, 40, 0)
    texts = booster.model_to_string().split("\nTree=")[1:]
    model = LambdaMartModel(tuple(map(Tree.of_text, texts)), (0.25,) * 4)
    fresh = [*g.normal(size=(200, 4)).tolist(), [0.0] * 4, [1e308, -1e308, 1e-300, -0.0]]
    expected = booster.predict(fresh, num_threads=1).tolist()
    assert len(model.trees) == 40
    assert model.scores(fresh) == expected
    assert pickle.loads(pickle.dumps(model)).scores(fresh) == expected
    assert [model.scores([row])[0] for row in fresh] == expected


def test_a_walk_through_a_tree() -> None:
    pytest.importorskip("lightgbm")
    tree = Tree((0, 1), (0.5, 2.0), (1, ~0), (~2, ~1), (10.0, 20.0, 30.0))
    model = LambdaMartModel((tree,), (0.5, 0.5))
    assert model.scores([[0, 2], [0, 3], [1, 0], [0.5, 2]]) == [10, 20, 30, 10]
    leaf = Tree((), (), (), (), (7.0,))
    assert LambdaMartModel((leaf, leaf), (1.0,)).scores([[1.0]]) == [14]
    assert LambdaMartModel((), (1.0,)).scores([[1.0]]) == [0]
    assert model.scores([]) == []


def test_a_tree_of_a_feature_that_is_not_there_is_refused() -> None:
    with pytest.raises(CalibrationError, match="damaged: a tree has more than 1 features"):
        LambdaMartModel((Tree((1,), (0.5,), (~0,), (~1,), (1.0, 2.0)),), (1.0,))


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
