"""Other weights have another name, wherever they lie."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from secondpass import Cached, ModelError, OnnxCrossEncoder
from secondpass.models.builtin import FOLDER
from secondpass.models.model_files import digest, torch_weight_files, weight_files
from secondpass.stages import Pair

PAIRS: list[Pair] = [("what is a file", "A file is a sequence of bytes."), ("a", "b")]


@pytest.fixture(params=["model.onnx.data", "model.onnx_data", "weights/of any name.bin"])
def folder(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """The built-in model's folder with its larger weights in a file beside the graph."""
    onnx = pytest.importorskip("onnx")
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "weights").mkdir()
    onnx.save(
        onnx.load(FOLDER / "model.onnx"), tmp_path / "model.onnx",
        save_as_external_data=True, location=request.param,
    )  # fmt: skip
    (tmp_path / "weights file").write_text(request.param)
    return tmp_path


def weights(folder: Path) -> Path:
    return folder / (folder / "weights file").read_text()


def test_other_weights_beside_the_graph_are_another_model(folder: Path) -> None:
    disk = folder / "scores.db"
    model = OnnxCrossEncoder(folder)
    before = Cached(model, disk=disk).score(PAIRS)
    assert before == OnnxCrossEncoder(FOLDER).score(PAIRS)
    raw = bytearray(weights(folder).read_bytes())
    for place in range(0, len(raw), 997):
        raw[place] ^= 1  # the lowest bit of int8 weights, in the main
    weights(folder).write_bytes(raw)
    other = OnnxCrossEncoder(folder, verify=False)
    assert other.name != model.name
    scores, notes = Cached(other, disk=disk).score_with_notes(PAIRS)
    assert scores != before
    assert not any("cached" in note for note in notes)


def test_a_missing_weight_file_is_said_as_it_loads(folder: Path) -> None:
    weights(folder).unlink()
    with pytest.raises(ModelError, match=r"model.onnx takes weights from '.*', and there is no"):
        OnnxCrossEncoder(folder)


@pytest.mark.parametrize(
    "location", ["../outside", "/outside", "weights/../../outside", "..\\outside", "C:\\outside"]
)
def test_weights_outside_the_folder_are_refused(tmp_path: Path, location: str) -> None:
    onnx = pytest.importorskip("onnx")
    (tmp_path / "outside").write_bytes(bytes(4096))
    inside = tmp_path / "inside"
    shutil.copytree(FOLDER, inside, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    model = onnx.load(inside / "model.onnx")
    tensor = onnx.numpy_helper.from_array(np.zeros(1024, np.float32), "extra")
    onnx.external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    model.graph.initializer.append(tensor)
    (inside / "model.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ModelError, match=r"outside its folder, which is refused"):
        OnnxCrossEncoder(inside)


def test_weights_beside_the_graph_come_from_the_hub_too(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = pytest.importorskip("huggingface_hub")
    cache = tmp_path_factory.mktemp("cache")

    def snapshot_download(model: str, revision: str | None, allow_patterns: list[str]) -> str:
        names = [str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()]
        for name in hub.utils.filter_repo_objects(names, allow_patterns=allow_patterns):
            shutil.copy(folder / name, cache)
        return str(cache)

    monkeypatch.setattr(hub, "snapshot_download", snapshot_download)
    if weights(folder).parent == folder:
        assert OnnxCrossEncoder("org/name").score(PAIRS) == OnnxCrossEncoder(FOLDER).score(PAIRS)
    else:  # under a name of its own
        with pytest.raises(ModelError, match="copy or download the whole folder"):
            OnnxCrossEncoder("org/name")


def test_links_as_the_hubs_cache_has_them(folder: Path, tmp_path: Path) -> None:
    name = OnnxCrossEncoder(folder).name
    blob = weights(folder).rename(tmp_path.parent / f"{tmp_path.name} blob")
    weights(folder).symlink_to(blob)
    assert digest(*weight_files(folder / "model.onnx"), folder / "tokenizer.json") in name


def test_the_weights_of_openvinos_own_files(tmp_path: Path) -> None:
    path = tmp_path / "openvino_model.xml"
    path.write_text("<net/>")
    with pytest.raises(ModelError, match=r"takes weights from 'openvino_model.bin'"):
        weight_files(path)
    path.with_suffix(".bin").write_bytes(b"weights")
    before = digest(*weight_files(path))
    path.with_suffix(".bin").write_bytes(b"other weights")
    assert digest(*weight_files(path)) != before


@pytest.mark.parametrize(
    "name",
    [
        "model.safetensors",
        "model-00002-of-00003.safetensors",
        "pytorch_model.bin",
        "pytorch_model-00001-of-00002.bin",
        "1_Dense/model.safetensors",
        "2_Dense/pytorch_model.bin",
    ],
)
def test_every_weight_file_of_a_torch_folder_counts(tmp_path: Path, name: str) -> None:
    for other in ("model-00001-of-00003.safetensors", name):
        (tmp_path / other).parent.mkdir(exist_ok=True)
        (tmp_path / other).write_bytes(b"weights")
    before = digest(*torch_weight_files(tmp_path))
    for noise in ("training_args.bin", "README.md", "checkpoint-100/model.safetensors"):
        (tmp_path / noise).parent.mkdir(exist_ok=True)
        (tmp_path / noise).write_bytes(b"noise")
    assert digest(*torch_weight_files(tmp_path)) == before
    (tmp_path / name).write_bytes(b"other weights")
    assert digest(*torch_weight_files(tmp_path)) != before
