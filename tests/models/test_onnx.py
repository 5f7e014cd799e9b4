from __future__ import annotations

import copy
import json
import pickle
import shutil
from pathlib import Path

import pytest

from secondpass import InvalidInputError, ModelError, OnnxCrossEncoder, Ranking, load
from secondpass.models.builtin import FOLDER

PAIRS = [("what is a file", "A file is a sequence of bytes."), ("what is a file", "Cats purr.")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def test_any_folder_with_a_model(folder: Path) -> None:
    stage = load(f"onnx:{folder}")
    ranking = stage(Ranking.of(PAIRS[0][0], [PAIRS[1][1], PAIRS[0][1]]))
    assert ranking.ids == ["1", "0"]
    assert ranking.scale == "raw"
    assert stage.name.startswith(f"onnx:{folder}@")


def test_the_name_changes_with_the_weights(folder: Path) -> None:
    before = OnnxCrossEncoder(folder).name
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    assert OnnxCrossEncoder(folder).name != before


def test_what_was_cut_is_in_the_trail_and_an_event(folder: Path) -> None:
    stage = load(f"onnx:{folder}", options={"max_length": 32})
    ranking = stage(Ranking.of("file", ["a file is " * 50, "short"]))
    cut = next(c for c in ranking if c.id == "0").trail[-1].note
    assert cut["read_tokens"] == 27
    assert cut["cut_tokens"] == 123
    assert [e.kind for e in ranking.events] == ["truncated"]


def test_batches_and_threads_change_speed_and_not_results(folder: Path) -> None:
    pairs = [("what is a file", "a file " * n) for n in range(1, 40)]
    expected = OnnxCrossEncoder(folder).score(pairs)
    for options in ({"token_budget": 1}, {"token_budget": 100_000}, {"threads": 1}):
        other = OnnxCrossEncoder(folder, **options).score(pairs)  # type: ignore[arg-type]
        assert other == pytest.approx(expected, abs=OnnxCrossEncoder.tolerance)


def test_progress_is_a_callback(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    model = OnnxCrossEncoder(
        folder,
        verify=False,
        token_budget=64,
        on_progress=lambda done, total: seen.append((done, total)),
    )
    model.score(PAIRS * 10)
    assert seen[-1] == (20, 20)
    assert seen == sorted(seen)
    assert len(seen) > 3


def test_it_pickles_and_copies_by_opening_the_model_again(folder: Path) -> None:
    model = OnnxCrossEncoder(folder, max_length=64)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert again.max_length == 64
        assert again.score(PAIRS) == model.score(PAIRS)


def test_a_model_without_a_head_is_refused(folder: Path) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    hidden = onnx.helper.make_tensor_value_info("hidden", onnx.TensorProto.FLOAT, ["b", "s", 384])
    source = next(n for n in reversed(model.graph.node) if "LayerNorm" in n.op_type).output[0]
    model.graph.node.append(onnx.helper.make_node("Identity", [source], ["hidden"]))
    del model.graph.output[:]
    model.graph.output.append(hidden)
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(ModelError, match="no classification head"):
        OnnxCrossEncoder(folder)


def test_reversed_and_constant_heads_are_refused(folder: Path) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    logits = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["inner" if o == logits else o for o in node.output]
    for op, message in (("Neg", "ranks the wrong text higher"), ("Sign", "same score")):
        changed = onnx.ModelProto()
        changed.CopyFrom(model)
        changed.graph.node.append(onnx.helper.make_node(op, ["inner"], [logits]))
        if op == "Sign":  # sign(x) - sign(x): always 0
            changed.graph.node[-1].output[:] = ["sign"]
            changed.graph.node.append(onnx.helper.make_node("Sub", ["sign", "sign"], [logits]))
        onnx.save(changed, folder / "model.onnx")
        with pytest.raises(ModelError, match=message):
            OnnxCrossEncoder(folder)
        OnnxCrossEncoder(folder, verify=False)


def test_unreadable_folders_say_what_is_missing(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"has no file 'other.onnx'; it has config.json"):
        OnnxCrossEncoder(folder, file="other.onnx")
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"cannot read .*model.onnx"):
        OnnxCrossEncoder(folder)
    (folder / "config.json").write_text("{")
    with pytest.raises(ModelError, match=r"cannot read .*config.json"):
        OnnxCrossEncoder(folder)
    (folder / "config.json").write_text("{}")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ModelError, match=r"cannot read .*tokenizer.json"):
        OnnxCrossEncoder(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"no tokenizer.json"):
        OnnxCrossEncoder(folder)
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(ModelError, match=r"0 .onnx files \(nothing\); make one"):
        OnnxCrossEncoder(empty)


def test_several_models_in_one_folder(folder: Path) -> None:
    (folder / "model.onnx").rename(folder / "a.onnx")
    assert OnnxCrossEncoder(folder).score(PAIRS)
    shutil.copy(folder / "a.onnx", folder / "b.onnx")
    with pytest.raises(ModelError, match="say which"):
        OnnxCrossEncoder(folder)
    assert OnnxCrossEncoder(folder, file="b.onnx").score(PAIRS)


def test_bad_arguments(folder: Path) -> None:
    for options in ({"token_budget": 0}, {"threads": 0}):
        with pytest.raises(InvalidInputError, match="must be at least 1"):
            OnnxCrossEncoder(folder, **options)  # type: ignore[arg-type]


def test_max_length_never_exceeds_what_the_model_has_positions_for(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    assert config["max_position_embeddings"] == 512
    model = OnnxCrossEncoder(folder, max_length=100_000)
    assert len(model.score([("file", "a file " * 1000)])) == 1
