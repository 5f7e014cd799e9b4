"""A config.json of any kind is read, or refused with its name and the entry."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from secondpass import InvalidInputError, LateInteraction, ModelError, OnnxCrossEncoder
from secondpass.models.builtin import FOLDER
from secondpass.models.encoding.encoders import longest_input


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("null", "must hold a JSON object, and holds NoneType"),
        ("[]", "must hold a JSON object, and holds list"),
        ('[["a", 1]]', "must hold a JSON object, and holds list"),
        ("7", "must hold a JSON object, and holds int"),
        ("[" * 200_000, "cannot read .*config.json: "),
        ('{"a":' * 200_000, "cannot read .*config.json: "),
        ("{", "cannot read .*config.json: "),
        (b"\xff\xfe", "cannot read .*config.json: "),
        ('{"a": ' + "1" * 5000 + "}", "cannot read .*config.json: "),
    ],
)
def test_an_odd_config_is_named(folder: Path, content: str | bytes, message: str) -> None:
    file = folder / "config.json"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(ModelError, match=message) as error:
        OnnxCrossEncoder(folder)
    assert "config.json" in str(error.value)


@pytest.mark.parametrize("kind", [OnnxCrossEncoder, LateInteraction])
@pytest.mark.parametrize("pad", ["x", 10**20, -1, 30522, 0.5, True, [0], {}])
def test_an_odd_padding_id_is_named(
    folder: Path, kind: type[OnnxCrossEncoder | LateInteraction], pad: object
) -> None:
    change(folder, pad_token_id=pad)
    with pytest.raises(
        ModelError, match=r"pad_token_id in .*config.json is .* one of 30522 tokens"
    ):
        kind(folder)


def change(folder: Path, **entries: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))


def test_a_padding_id_may_be_missing(folder: Path) -> None:
    change(folder, pad_token_id=None, vocab_size="many", model_type=["bert"])
    model = OnnxCrossEncoder(folder)
    assert model.score([("a", "b"), ("a", "b c d e")]) == OnnxCrossEncoder(FOLDER).score(
        [("a", "b"), ("a", "b c d e")]
    )


def test_positions() -> None:
    assert longest_input(512, {}) == 512
    assert longest_input(10**30, {"max_position_embeddings": 512}) == 512
    assert longest_input(64, {"max_position_embeddings": 10**20}) == 64
    assert longest_input(512, {"max_position_embeddings": 514, "model_type": "mpnet"}) == 512
    assert (
        longest_input(900, {"max_position_embeddings": 512, "position_biased_input": False}) == 900
    )
    for odd in (0, -5, 2):
        config = {"max_position_embeddings": odd, "model_type": "roberta"}
        with pytest.raises(ModelError, match=rf"max_position_embeddings={odd}"):
            longest_input(512, config)


@pytest.mark.parametrize("kind", [OnnxCrossEncoder, LateInteraction])
@pytest.mark.parametrize("wrong", [0, -3, 2.5, "64", None, True])
def test_what_is_no_number_of_tokens_is_refused(
    folder: Path, kind: type[OnnxCrossEncoder | LateInteraction], wrong: object
) -> None:
    with pytest.raises(InvalidInputError, match="must be a whole number of tokens"):
        kind(folder, max_length=wrong)  # type: ignore[arg-type]
