from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnx")
transformers = pytest.importorskip("transformers")

import onnx  # noqa: E402

from secondpass import LateInteraction, ModelError, OnnxCrossEncoder  # noqa: E402
from secondpass.models.builtin import FOLDER  # noqa: E402
from secondpass.models.builtin.to_torch import (  # noqa: E402
    pair_tokenizer,
    write_torch,
)
from secondpass.models.export.export import export  # noqa: E402
from secondpass.models.late_interaction import (  # noqa: E402
    LateInteractionBert,
    LateInteractionConfig,
)
from secondpass.models.torch.cross_encoder import TorchCrossEncoder  # noqa: E402

PAIRS = [
    ("who wrote Faust?", "Goethe wrote the play Faust."),
    ("who wrote Faust?", "Goethe wrote the play Faust. " * 30),
    ("who wrote Faust?", "Cats sleep for most of the day."),
    ("capital of France", ""),
]


def _late(folder: Path, width: int) -> Path:
    torch.manual_seed(0)
    config = LateInteractionConfig(
        vocab_size=30522, hidden_size=width, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=2 * width, num_labels=1, architectures=["LateInteractionBert"],
        sharpness=10.0,
    )  # fmt: skip
    network = LateInteractionBert(config)
    with torch.no_grad():
        network.scales.copy_(torch.tensor([9.0, 4.0]))
    network.save_pretrained(folder)
    plain = transformers.PreTrainedTokenizerFast(tokenizer_file=str(FOLDER / "tokenizer.json"))
    pair_tokenizer(plain).save_pretrained(folder)
    return folder


@pytest.mark.parametrize("width", [32, 64])
def test_an_export_comes_back_exactly_or_as_near_as_int8_is(tmp_path: Path, width: int) -> None:
    # 32 x 32 matrices stay float, 64 x 64 are quantised
    model = _late(tmp_path / "model", width)
    export(str(model), tmp_path / "onnx", int8=True)
    names = {t.name for t in onnx.load(tmp_path / "onnx/model.onnx").graph.initializer}
    assert any(n.startswith("onnx::MatMul") and n.endswith("/int8") for n in names) == (width == 64)
    write_torch(tmp_path / "torch", tmp_path / "onnx")
    ours = TorchCrossEncoder(tmp_path / "torch", verify=False).score(PAIRS)
    graph = OnnxCrossEncoder(tmp_path / "onnx", verify=False).score(PAIRS)
    assert ours == pytest.approx(graph, abs=1e-3 if width == 32 else 0.1)
    back = LateInteractionBert.from_pretrained(tmp_path / "torch").state_dict()
    assert "scales" not in json.loads((tmp_path / "torch/config.json").read_text())
    for name, weight in LateInteractionBert.from_pretrained(model).state_dict().items():
        step = float(weight.abs().max()) / 127
        assert torch.allclose(back[name], weight, atol=max(step, 1e-6)), name


def test_what_samples_moved_into_the_weights_is_taken_out_again(tmp_path: Path) -> None:
    model = _late(tmp_path / "model", 64)
    network = LateInteractionBert.from_pretrained(model)
    with torch.no_grad():  # an outlier, as trained networks have them
        network.bert.encoder.layer[0].output.LayerNorm.weight[5] = 20.0
    network.save_pretrained(model)
    export(str(model), tmp_path / "onnx", int8=True, samples=PAIRS)
    names = {n.name for n in onnx.load(tmp_path / "onnx/model.onnx").graph.node}
    assert any(n.endswith("/smoothed") for n in names)
    write_torch(tmp_path / "torch", tmp_path / "onnx")
    back = LateInteractionBert.from_pretrained(tmp_path / "torch").state_dict()
    for name, weight in network.state_dict().items():
        assert (back[name] - weight).norm() <= 0.05 * weight.norm(), name
    ours = TorchCrossEncoder(tmp_path / "torch", verify=False).score(PAIRS)
    graph = OnnxCrossEncoder(tmp_path / "onnx", verify=False).score(PAIRS)
    assert ours == pytest.approx(graph, abs=0.1)


@pytest.mark.slow
def test_the_built_in_model_scores_in_torch_as_it_ships(tmp_path: Path) -> None:
    write_torch(tmp_path / "torch")
    ours = TorchCrossEncoder(tmp_path / "torch").score(PAIRS)
    shipped = LateInteraction(FOLDER).score(PAIRS)  # activations are int8 there
    assert ours == pytest.approx(shipped, abs=0.25)


def test_a_graph_that_lacks_weights_is_refused(tmp_path: Path) -> None:
    export(str(_late(tmp_path / "model", 32)), tmp_path / "onnx")
    graph = onnx.load(tmp_path / "onnx/model.onnx")
    for node in graph.graph.node:
        node.output[:] = [o.replace("/layer.1/", "/elsewhere/") for o in node.output]
        node.input[:] = [i.replace("/layer.1/", "/elsewhere/") for i in node.input]
    shutil.copytree(tmp_path / "onnx", tmp_path / "damaged")
    onnx.save(graph, tmp_path / "damaged/model.onnx")
    with pytest.raises(ModelError, match=r"does not hold the weights.*layer\.1"):
        write_torch(tmp_path / "torch", tmp_path / "damaged")
    with pytest.raises(ModelError, match="cannot read the model"):
        write_torch(tmp_path / "torch", tmp_path / "nowhere")
