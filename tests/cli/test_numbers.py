"""A wrong number is answered with the option that was typed, before any file is read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from typer.models import OptionInfo
from typer.testing import CliRunner

from secondpass import InvalidInputError, NotCalibratedError
from secondpass.cli import app
from secondpass.train import fine_tune

NOWHERE = {
    "rerank": ("q", "none.jsonl"),
    "index": ("none.db", "none.jsonl"),
    "evaluate": ("none",),
    "report": ("none",),
    "train": ("none.jsonl", "--out", "none"),
    "bench": ("none",),
    "serve": ("none.json",),
    "batch": ("none.parquet", "none"),
    "plan": (),
}
WRONG = [
    ("rerank", "--top-k", "-1", "give 0 or more"),
    ("rerank", "--threshold", "3", "give a probability from 0 to 1"),
    ("rerank", "--threshold", "nan", "give a probability"),
    ("rerank", "--keep-at-least", "-1", "give 0 or more"),
    ("rerank", "--deadline", "0", "give seconds above 0"),
    ("index", "--max-length", "0", "give 1 or more"),
    ("evaluate", "--depth", "0", "give 1 or more"),
    ("evaluate", "--queries", "0", "give 1 or more"),
    ("evaluate", "--batch", "0", "give 1 or more"),
    ("evaluate", "--relevant-from", "-1", "give 0 or more"),
    ("report", "--examples", "-1", "give 0 or more"),
    ("report", "--batch", "0", "give 1 or more"),
    ("train", "--epochs", "nan", "give a number above 0"),
    ("train", "--lr", "-1", "give a number above 0"),
    ("train", "--batch", "0", "give 1 or more"),
    ("train", "--max-length", "3", "give 16 or more"),
    ("train", "--held-out", "0.7", "give a share of the queries above 0, up to 0.5"),
    ("train", "--negatives", "0", "give 1 or more"),
    ("train", "--hours", "inf", "give a number above 0"),
    ("bench", "--budget-ms", "0", "give a number above 0"),
    ("bench", "--seconds", "-1", "give 0 or more"),
    ("bench", "--depths", "5,0", "whole numbers from 1 with commas"),
    ("serve", "--port", "65536", "give from 0 to 65535"),
    ("serve", "--workers", "0", "give from 1 to 256"),
    ("serve", "--threads", "0", "give 1 or more"),
    ("serve", "--deadline", "0", "give seconds above 0"),
    ("batch", "--rows-per-part", "0", "give 1 or more"),
    ("batch", "--threads", "0", "give 1 or more"),
    ("batch", "--actors", "0", "give 1 or more"),
    ("batch", "--cpus-per-actor", "0", "give 1 or more"),
    ("batch", "--gpus-per-actor", "-1", "give 0 or more"),
    ("plan", "--requests-per-second", "0", "give a number above 0"),
    ("plan", "--candidates", "0", "give 1 or more"),
    ("plan", "--words", "0", "give a number above 0"),
    ("plan", "--latency-ms", "0", "give a number above 0"),
    ("plan", "--corpus", "-1", "give 0 or more"),
    ("plan", "--usd-per-core-hour", "-1", "give 0 or more"),
    ("plan", "--usd-per-gb-month", "-1", "give 0 or more"),
]


@pytest.mark.parametrize(("command", "option", "value", "remedy"), WRONG)
def test_the_option_is_named(command: str, option: str, value: str, remedy: str) -> None:
    done = CliRunner().invoke(app, [command, *NOWHERE[command], option, value])
    assert isinstance(done.exception, InvalidInputError)
    message = str(done.exception)
    assert message.startswith(option)
    assert f"{value}: {remedy}" in message
    assert "none" not in message  # nothing was read, and nothing loaded


def _numbers() -> Iterator[tuple[str, str, OptionInfo]]:
    """Command, option and what typer knows of it, of each that takes a number."""
    for command in app.registered_commands:
        assert command.callback
        hints = get_type_hints(command.callback, include_extras=True)
        for name, hint in hints.items():
            kind, *given = get_args(hint) or (None,)
            if {int, float} & {kind, *get_args(kind)}:
                (info,) = given
                yield command.callback.__name__, "--" + name.replace("_", "-"), info


def test_every_number_has_its_bounds() -> None:
    numbers = [one for one in _numbers() if one[1] != "--seed"]
    assert len(numbers) > 15
    assert [(command, option) for command, option, info in numbers if not info.callback] == []
    shared = {"--depth", "--queries", "--batch", "--relevant-from"}  # of evaluate and report
    tried = {(command, option) for command, option, _, _ in WRONG}
    tried |= {("report", option) for option in shared}
    assert {(command, option) for command, option, _ in numbers} - tried == set()


def test_a_threshold_on_raw_scores_and_options_that_do_not_go_together(tmp_path: Path) -> None:
    path = tmp_path / "docs.jsonl"
    path.write_text('"one"\n"two"\n')
    labelled = tmp_path / "labels.jsonl"
    labelled.write_text(json.dumps({"query": "q", "texts": ["one"], "labels": [1]}))
    for arguments, error, message in (
        (
            ("rerank", "q", path, "--model", "bm25", "--threshold", "0.5"),
            NotCalibratedError, "--threshold 0.5 needs .* --model bm25 gives raw scores",
        ),
        (("evaluate", labelled, "--run", "r"), InvalidInputError, "--run and --qrels go with a fo"),
        (("evaluate", labelled, "--metrics", ","), InvalidInputError, "--metrics ',': name at le"),
    ):  # fmt: skip
        done = CliRunner().invoke(app, [str(a) for a in arguments])
        assert isinstance(done.exception, error)
        assert re.search(message, str(done.exception))


def test_training_reads_no_less_than_its_option_says(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    for length, message in ((15, "max_length=15 .* 16 or more"), (16, "no judged queries")):
        with pytest.raises(InvalidInputError, match=message):
            fine_tune([], out=tmp_path, max_length=length)
