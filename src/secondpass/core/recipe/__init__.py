"""Any pipeline as one JSON file, and back.

A recipe holds what the constructors were given: stages, options, model names with the revision of
their weights, and the numbers of fitted calibrators. It holds no weights and no code. A recipe from
a stranger does nothing but describe: `schema.py` lists all that it may say.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from secondpass.core.errors import InvalidInputError, RecipeError
from secondpass.core.printing import short_repr
from secondpass.core.recipe.checks import DEEPEST, shown
from secondpass.core.recipe.file import read_json
from secondpass.core.recipe.parts import Writer
from secondpass.core.recipe.plan import Plan
from secondpass.core.recipe.schema import REFUSED
from secondpass.core.stage import Stage

FORMAT = 1


@short_repr
@dataclass(frozen=True, slots=True)
class Recipe:
    """A pipeline written down: `Recipe.of(stage).save(path)`, `Recipe.read(path).stage()`.

    Attributes:
        pipeline: The outermost stage, as plain JSON values.
    """

    pipeline: Mapping[str, Any]

    @classmethod
    def of(cls, stage: Stage) -> Recipe:
        """Write a stage down.

        Keys, callbacks, the files of caches and vectors and `trust_remote_code` are left out: who
        loads the recipe gives their own, see `stage`.

        Raises:
            RecipeError: It holds something that is not made of constructor arguments, such as a
                function or an object of your own, or a number that no recipe may hold.
        """
        if not isinstance(stage, Stage):
            raise RecipeError(f"a recipe is made of a stage, got {stage!r}")
        writer = Writer()
        pipeline = writer.value(stage, "pipeline")
        Plan(writer.classes_of_others()).part(pipeline, "pipeline")  # what is written can be read
        return cls(pipeline)

    @classmethod
    def of_dict(cls, data: Mapping[str, Any]) -> Recipe:
        """What `to_dict` gave.

        Raises:
            RecipeError: Not a recipe, or one of a newer version.
        """
        if not isinstance(data, Mapping) or "secondpass_recipe" not in data:
            raise RecipeError("this is not a recipe: it has no field 'secondpass_recipe'")
        version = data["secondpass_recipe"]
        if isinstance(version, bool) or version != FORMAT:
            raise RecipeError(
                f"this recipe has format {shown(version)} and this version reads {FORMAT}; "
                "upgrade secondpass"
            )
        if not isinstance(data.get("pipeline"), Mapping):
            raise RecipeError("this recipe has no field 'pipeline' that is an object")
        return cls(data["pipeline"])

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Recipe:
        """A recipe from a JSON file.

        Raises:
            RecipeError: Unreadable, not JSON, or not a recipe; names the file.
        """
        try:
            return cls.of_dict(read_json(path))
        except (OSError, ValueError) as error:  # RecipeError is a ValueError too
            raise RecipeError(f"cannot read the recipe {os.fspath(path)!r}: {error}") from error

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, with the format's number."""
        return {"secondpass_recipe": FORMAT, "pipeline": self.pipeline}

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a JSON file, indented, for people and for git."""
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    @property
    def resources(self) -> dict[str, str]:
        """What building and running it reads or asks, by its path in the recipe.

        Model folders and hub ids, which are read or downloaded, and the addresses of chat models,
        to which queries and passages are sent. Look at it before you build a stranger's recipe.
        """
        return dict(_resources(self.pipeline))

    def stage(
        self, classes: Sequence[type] = (), *, options: Mapping[str, Any] | None = None
    ) -> Stage:
        """Build the pipeline; models are loaded, once all of the recipe is checked.

        Args:
            classes: Those of your own that the recipe may name.
            options: What no file may hold, for all parts that have such an argument: "api_key",
                "count_tokens", "disk", "disk_size", "on_progress", "trust_remote_code",
                "vectors"; or for one part, by the argument's path, such as
                "pipeline.stages[0].scorer.vectors". A key goes to the recipe's own addresses: see
                `resources`.

        Raises:
            RecipeError: An unknown class or argument, a value out of bounds, or a model whose
                weights are not those that the recipe was made with; names the path in the recipe.
            InvalidInputError: An option that is not one of these, or that no part has.
            SecondPassError: What loading the models may raise.
        """
        options = dict(options or {})
        unknown = [name for name in options if str(name).rpartition(".")[2] not in REFUSED]
        if unknown:
            raise InvalidInputError(
                f"a recipe has no option {', '.join(map(repr, unknown))}; it has "
                f"{', '.join(REFUSED)}. Everything else stands in the file"
            )
        plan = Plan({kind.__name__: kind for kind in classes}, options)
        part = plan.part(self.pipeline, "pipeline")
        if unused := options.keys() - plan.used:
            raise InvalidInputError(
                f"no part of this recipe takes {', '.join(map(repr, sorted(unused)))}"
            )
        built = part.build()
        if not isinstance(built, Stage):
            raise RecipeError(f"this recipe makes {shown(built)}, which is not a stage")
        return built


def from_file(
    path: str,
    *,
    api_key: str | None = None,
    disk: str | os.PathLike[str] | None = None,
    disk_size: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    trust_remote_code: bool | None = None,
    vectors: str | os.PathLike[str] | None = None,
) -> Stage:
    """The stage of a recipe's file, as `load` makes it; see `Recipe.stage` for the options."""
    options = {
        "api_key": api_key, "disk": disk, "disk_size": disk_size, "on_progress": on_progress,
        "trust_remote_code": trust_remote_code, "vectors": vectors,
    }  # fmt: skip
    options = {name: value for name, value in options.items() if value is not None}
    return Recipe.read(path).stage(options=options)


def _resources(data: Any, path: str = "pipeline", depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > DEEPEST:
        return
    if isinstance(data, list | tuple):
        for i, item in enumerate(data):
            yield from _resources(item, f"{path}[{i}]", depth + 1)
    elif isinstance(data, Mapping):
        if data.get("type") == "OpenAIChat" and data.get("base_url") is None:
            yield f"{path}.base_url", "OPENAI_BASE_URL, or OpenAI where it is not set"
        for name, value in data.items():
            if name in ("base_url", "model") and isinstance(value, str):
                yield f"{path}.{name}", value
            else:
                yield from _resources(value, f"{path}.{name}", depth + 1)
