from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
transformers = pytest.importorskip("transformers")

from secondpass import InvalidInputError, ModelError, OnnxCrossEncoder, load  # noqa: E402
from secondpass.cli import app  # noqa: E402
from secondpass.models.export import parity as export_check  # noqa: E402
from secondpass.models.export.export import export  # noqa: E402
from secondpass.models.export.quantise import quantise  # noqa: E402
from secondpass.models.torch.cross_encoder import TorchCrossEncoder  # noqa: E402
from secondpass.testing import check_scorer  # noqa: E402

PAIRS = [
    ("what is a file", "A file is a sequence of bytes."),
    ("what is a cat", ""),
    ("what is a cat", "cats and dogs " * 300),
]


def _copy(tiny_bert: Path, folder: Path, model: object) -> Path:
    model.save_pretrained(folder)  # type: ignore[attr-defined]
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_bert / name).read_bytes())
    return folder


def test_the_export_scores_as_the_original_does(tiny_bert: Path, tmp_path: Path) -> None:
    report = export(str(tiny_bert), tmp_path / "out")
    assert report.max_difference <= report.tolerance == export_check.FLOAT_TOLERANCE
    ours = OnnxCrossEncoder(tmp_path / "out", verify=False)
    original = TorchCrossEncoder(tiny_bert, verify=False)
    assert ours.score(PAIRS) == pytest.approx(original.score(PAIRS), abs=1e-3)
    check_scorer(ours)
    recorded = json.loads((tmp_path / "out/export.json").read_text())
    assert recorded["max_difference"] == report.max_difference
    assert str(tiny_bert.parent) not in (tmp_path / "out/export.json").read_text()
    assert str(tiny_bert.parent) not in (tmp_path / "out/config.json").read_text()


def test_int8_is_smaller_close_and_does_not_depend_on_the_batch(
    tiny_bert: Path, tmp_path: Path
) -> None:
    full, small = (
        export(str(tiny_bert), tmp_path / "f"),
        export(str(tiny_bert), tmp_path / "q", int8=True),
    )
    assert small.size < full.size / 2
    check_scorer(OnnxCrossEncoder(tmp_path / "q", verify=False))


def test_samples_change_the_rounding_however_long_or_empty_they_are(
    tiny_bert: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    wide = transformers.BertConfig.from_pretrained(
        tiny_bert, hidden_size=64, intermediate_size=64, num_hidden_layers=1, initializer_range=0.1
    )
    model = transformers.BertForSequenceClassification(wide)
    folder = str(_copy(tiny_bert, tmp_path / "model", model))
    samples = [("", ""), ("q " * 600, "a text"), ("a query", "t " * 600), ("Straße 蜂蜜", "🐝")]
    export(folder, tmp_path / "rounded", int8=True)
    export(folder, tmp_path / "fitted", int8=True, samples=samples)
    files = [tmp_path / name / "model.onnx" for name in ("rounded", "fitted")]
    assert files[0].read_bytes() != files[1].read_bytes()
    check_scorer(OnnxCrossEncoder(tmp_path / "fitted", verify=False))


@pytest.mark.parametrize(
    "samples",
    [[None], ["ab"], [("q",)], [("q", None)], [("q", "t", "t")], [("q", "t"), (1, "t")]],
)
def test_samples_that_are_no_pairs(tiny_bert: Path, tmp_path: Path, samples: Any) -> None:
    place = len(samples) - 1
    with pytest.raises(InvalidInputError, match=rf"samples\[{place}\] is .*\(query, text\)"):
        export(str(tiny_bert), tmp_path / "out", int8=True, samples=samples)


@pytest.mark.parametrize("samples", [None, "query", iter([("q", "t")])])
def test_samples_that_are_no_list(tiny_bert: Path, tmp_path: Path, samples: Any) -> None:
    with pytest.raises(InvalidInputError, match="give a list of"):
        export(str(tiny_bert), tmp_path / "out", int8=True, samples=samples)


def test_samples_without_int8(tiny_bert: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="int8=True"):
        export(str(tiny_bert), tmp_path / "out", samples=[("q", "t")])


@pytest.mark.parametrize("kind", ["DistilBert", "Roberta", "Electra", "ModernBert"])
def test_other_architectures(tiny_bert: Path, tmp_path: Path, kind: str) -> None:
    torch.manual_seed(0)
    small = {
        "vocab_size": 30522, "hidden_size": 16, "dim": 16, "hidden_dim": 32, "n_layers": 2,
        "n_heads": 2, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
        "num_labels": 1, "embedding_size": 16, "pad_token_id": 0, "initializer_range": 0.3,
    }  # fmt: skip
    config_class = getattr(transformers, f"{kind}Config")
    known = {**vars(config_class()), **config_class().attribute_map}
    config = config_class(**{k: v for k, v in small.items() if k in known or k == "num_labels"})
    model = getattr(transformers, f"{kind}ForSequenceClassification")(config)
    folder = _copy(tiny_bert, tmp_path / "model", model)
    report = export(str(folder), tmp_path / "out")
    assert report.max_difference <= report.tolerance
    made = onnx.load(tmp_path / "out/model.onnx")
    nodes = made.graph.node
    assert any("first_token/place" in node.input for node in nodes), "the last layer is whole"
    in_parts = {node.op_type for node in quantise(made).graph.node}
    assert {"Exp", "Softmax"} & in_parts == {"Exp"}, "attention adds in no certain order"


def test_what_is_no_cross_encoder_is_refused(tiny_bert: Path, tmp_path: Path) -> None:
    headless = transformers.BertModel.from_pretrained(tiny_bert)
    folder = _copy(tiny_bert, tmp_path / "headless", headless)
    with pytest.raises(ModelError, match="lacks the weights classifier"):
        export(str(folder), tmp_path / "out")
    three = transformers.BertForSequenceClassification(
        transformers.BertConfig.from_pretrained(tiny_bert, num_labels=3)
    )
    with pytest.raises(ModelError, match="has 3 labels"):
        export(str(_copy(tiny_bert, tmp_path / "three", three)), tmp_path / "out")
    with pytest.raises(ModelError, match="no model folder"):
        export("./nowhere", tmp_path / "out")
    assert not (tmp_path / "out/model.onnx").exists()


def test_an_export_that_differs_is_not_written(
    tiny_bert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export_check, "FLOAT_TOLERANCE", -1.0)
    with pytest.raises(ModelError, match="Nothing was written"):
        export(str(tiny_bert), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_command_prints_the_differences(tiny_bert: Path, tmp_path: Path) -> None:
    wish = ["export", str(tiny_bert), str(tmp_path / "out")]
    done = CliRunner().invoke(app, wish, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "largest difference" in done.stdout
    assert "unicode" in done.stdout
    assert load(f"onnx:{tmp_path / 'out'}", options={"verify": False})
