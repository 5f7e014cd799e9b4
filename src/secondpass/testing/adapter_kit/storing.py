"""What the framework writes to a file is a recipe: plain JSON, and the same reranker again."""

from __future__ import annotations

import json
import re
from typing import Any

from secondpass.core.recipe import Recipe
from secondpass.stages.cut import Top
from secondpass.testing.adapter_kit.adapter import QUERY, Adapter, caught, needs, raw

EVERY = 0.0
"""A threshold that all meet."""


class StoringTests(Adapter):
    """A stored reranker comes back with its model, the revision of its weights and its options."""

    @needs("storing")
    def test_a_stored_reranker_comes_back_the_same(self) -> None:
        options: dict[str, Any] = {}
        if self.has("top"):
            options[self.top] = 2
        if self.has("threshold"):
            options["threshold"] = EVERY
        reranker = self.make(model="builtin", **options)
        stored = self.store(reranker)
        text = json.dumps(stored, allow_nan=False)
        assert re.search("builtin@[0-9a-f]{8}", text), "what was stored does not name the weights"
        again = self.restore(json.loads(text))
        documents = self.documents(self.given())
        before, after = (self.read(self.run(r, QUERY, documents)) for r in (reranker, again))
        assert after == before
        assert self.store(again) == stored

    @needs("storing")
    def test_what_no_recipe_can_hold_is_refused(self) -> None:
        """A store that wrote the default model in its place would be read as something else."""
        reranker = self.make(model=raw())
        error = caught(lambda: self.store(reranker))
        assert error is not None, "a model that no recipe can hold was stored"
        assert "recipe" in str(error).lower()

    @needs("orders")
    def test_a_recipe_is_a_model(self) -> None:
        recipe = Recipe.of(Top(3))
        for model in (recipe, recipe.to_dict()):
            done = self.rerank(self.given(), model=model)
            assert [d.text for d in done] == [g.text for g in self.given()][:3]
