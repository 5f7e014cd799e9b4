from __future__ import annotations

import copy
import importlib.util
import json
import os
import pickle
import shutil
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

if importlib.util.find_spec("openvino") is None:  # not importorskip: that import would phone home
    pytest.skip("needs the openvino extra", allow_module_level=True)

from secondpass import (
    InvalidInputError,
    MissingExtraError,
    ModelError,
    OnnxCrossEncoder,
    Ranking,
    Recipe,
    load,
)
from secondpass.models.builtin import FOLDER
from secondpass.models.openvino.cross_encoder import TOLERANCES, OpenVinoCrossEncoder
from secondpass.models.openvino.session import (
    OpenVinoSession,
    fastest_float,
    import_openvino,
    read_graph,
)
from secondpass.testing import check_scorer

PAIRS = [("what is a file", "A file is a sequence of bytes."), ("what is a file", "Cats purr.")]
MIXED = [("what is a file", "a file of bytes " * n) for n in (0, 1, 3, 9, 20, 60, 130)] + PAIRS


@pytest.fixture(scope="module")
def builtin() -> OpenVinoCrossEncoder:
    return OpenVinoCrossEncoder(FOLDER, threads=1)


@pytest.fixture(scope="module")
def tiny_onnx(tiny_bert: Path) -> Path:
    """The tiny BERT as a float ONNX folder."""
    pytest.importorskip("onnx")
    from secondpass.models.export.export import export

    folder = tiny_bert.parent / "tiny-onnx"
    export(str(tiny_bert), folder)
    return folder


@pytest.fixture(scope="module")
def floating(tiny_onnx: Path) -> OpenVinoCrossEncoder:
    return OpenVinoCrossEncoder(tiny_onnx, precision="float32", threads=1, verify=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("model.onnx", "tokenizer.json", "config.json"):
        shutil.copy(FOLDER / name, tmp_path)
    return tmp_path


def test_the_built_in_files_give_the_order_that_onnx_runtime_gives(
    builtin: OpenVinoCrossEncoder,
) -> None:
    theirs = OnnxCrossEncoder(FOLDER, threads=1).score(MIXED)
    between = "-bfloat16" if fastest_float() == "bfloat16" else ""
    assert builtin.computed_in == f"int8{between}"
    assert builtin.score(MIXED) == pytest.approx(theirs, abs=0.5)  # other kernels, same weights


def test_the_stated_tolerances() -> None:
    assert TOLERANCES == {"float32": 0.02, "bfloat16": 0.1, "int8": 0.3, "int8-bfloat16": 0.3}


def test_float32_is_what_onnx_runtime_computes(
    floating: OpenVinoCrossEncoder, tiny_onnx: Path
) -> None:
    theirs = OnnxCrossEncoder(tiny_onnx, verify=False, threads=1).score(MIXED)
    assert floating.score(MIXED) == pytest.approx(theirs, abs=1e-3)


def test_it_keeps_the_laws(builtin: OpenVinoCrossEncoder, floating: OpenVinoCrossEncoder) -> None:
    check_scorer(builtin)
    check_scorer(floating)


@pytest.mark.parametrize("precision", ["auto", "float32"])
def test_batches_change_speed_and_not_results(tiny_onnx: Path, precision: str) -> None:
    def scores(token_budget: int) -> list[float]:
        model = OpenVinoCrossEncoder(
            tiny_onnx, precision=precision, token_budget=token_budget, verify=False, threads=1
        )  # type: ignore[arg-type]
        assert model.computed_in == (precision if precision != "auto" else fastest_float())
        assert model.tolerance == TOLERANCES[model.computed_in]
        return model.score(MIXED)

    computed_in = fastest_float() if precision == "auto" else precision
    assert scores(1) == pytest.approx(scores(100_000), abs=TOLERANCES[computed_in])


def test_widths_are_multiples_of_eight_but_no_longer_than_the_model_reads(
    tiny_onnx: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = OpenVinoCrossEncoder(
        tiny_onnx, precision="float32", max_length=50, token_budget=1, verify=False
    )
    widths, real = set(), OpenVinoSession.__call__

    def seen(session: OpenVinoSession, outputs: list[str], feed: dict[str, Any]) -> list[Any]:
        widths.add(feed["input_ids"].shape[1])
        return real(session, outputs, feed)

    monkeypatch.setattr(OpenVinoSession, "__call__", seen)
    model.score(MIXED)
    assert 50 in widths
    assert len(widths) > 2
    assert all(width % 8 == 0 for width in widths - {50})


def test_attention_has_its_softmax_whole() -> None:
    graph = read_graph(import_openvino().Core(), FOLDER / "model.onnx")
    kinds = Counter(node.get_type_name() for node in graph.get_ordered_ops())
    assert (kinds["Softmax"], kinds["Exp"]) == (7, 1)  # six layers and the tokens' weights


def test_int8_scores_do_not_depend_on_batch_mates(builtin: OpenVinoCrossEncoder) -> None:
    alone = [builtin.score([pair])[0] for pair in MIXED]
    assert builtin.score(MIXED) == pytest.approx(alone, abs=builtin.tolerance)


def test_the_name_says_the_content_and_the_precision(folder: Path) -> None:
    before = OpenVinoCrossEncoder(folder, precision="int8").name
    assert before.startswith(f"openvino:{folder}@")
    assert before.endswith("/int8")
    chosen = OpenVinoCrossEncoder(folder)
    assert chosen.name == before.removesuffix("int8") + chosen.computed_in
    tokenizer = folder / "tokenizer.json"
    tokenizer.write_text(tokenizer.read_text() + "\n")
    assert OpenVinoCrossEncoder(folder).name != before


def test_a_precision_that_the_weights_do_not_have_is_refused(tiny_onnx: Path) -> None:
    with pytest.raises(ModelError, match="has int8 weights"):
        OpenVinoCrossEncoder(FOLDER, precision="float32")
    with pytest.raises(ModelError, match=r"has float weights.*export --int8"):
        OpenVinoCrossEncoder(tiny_onnx, precision="int8")
    if fastest_float() != "bfloat16":
        with pytest.raises(ModelError, match="has no bfloat16"):
            OpenVinoCrossEncoder(tiny_onnx, precision="bfloat16")
        with pytest.raises(ModelError, match='"auto" or "int8"'):
            OpenVinoCrossEncoder(FOLDER, precision="int8-bfloat16")


def test_what_was_cut_is_in_the_trail_and_a_recipe_brings_it_back(folder: Path) -> None:
    stage = load(f"openvino:{folder}", options={"max_length": 32})
    ranking = stage(Ranking.of("file", ["a file is " * 50, "short"]))
    cut = next(c for c in ranking if c.id == "0").trail[-1].note
    assert (cut["read_tokens"], cut["cut_tokens"]) == (27, 123)
    again = Recipe.of(stage).stage()
    assert again(Ranking.of("file", ["a file is " * 50, "short"])) == ranking


def test_it_pickles_and_copies_by_opening_the_model_again(builtin: OpenVinoCrossEncoder) -> None:
    for again in (pickle.loads(pickle.dumps(builtin)), copy.deepcopy(builtin)):
        assert again.name == builtin.name
        assert again.threads == 1
        assert again.score(PAIRS) == builtin.score(PAIRS)


def test_threads_may_score_at_once(builtin: OpenVinoCrossEncoder) -> None:
    expected = builtin.score(MIXED)
    with ThreadPoolExecutor(3) as pool:
        for scores in pool.map(builtin.score, [MIXED] * 6):
            assert scores == expected


def test_progress_is_a_callback(tiny_onnx: Path) -> None:
    seen: list[tuple[int, int]] = []
    model = OpenVinoCrossEncoder(
        tiny_onnx, verify=False, token_budget=64,
        on_progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    model.score(PAIRS * 10)
    assert seen[-1] == (20, 20)
    assert seen == sorted(seen)
    assert len(seen) > 3


def test_openvino_files_are_read_too(floating: OpenVinoCrossEncoder, tmp_path: Path) -> None:
    import openvino

    graph = openvino.Core().read_model(floating.folder / "model.onnx")
    openvino.save_model(graph, tmp_path / "openvino_model.xml", compress_to_fp16=False)
    for name in ("tokenizer.json", "config.json"):
        shutil.copy(floating.folder / name, tmp_path)
    model = OpenVinoCrossEncoder(tmp_path, precision="float32", verify=False)
    assert model.score(MIXED) == pytest.approx(floating.score(MIXED), abs=1e-4)
    weights = tmp_path / "openvino_model.bin"
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    weights.write_bytes(changed)
    assert OpenVinoCrossEncoder(tmp_path, precision="float32", verify=False).name != model.name


def test_an_untrained_model_and_unreadable_files_are_refused(
    tiny_onnx: Path, folder: Path, tmp_path: Path
) -> None:
    import onnx

    model = onnx.load(folder / "model.onnx")
    logits = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = ["inner" if o == logits else o for o in node.output]
    model.graph.node.append(onnx.helper.make_node("Neg", ["inner"], [logits]))
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(ModelError, match="ranks the wrong text higher"):
        OpenVinoCrossEncoder(folder)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ModelError, match=r"cannot read .*model.onnx"):
        OpenVinoCrossEncoder(folder)
    (folder / "model.onnx").unlink()
    with pytest.raises(ModelError, match=r"0 .onnx files .* make one"):
        OpenVinoCrossEncoder(folder)


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
        OpenVinoCrossEncoder(folder)


def test_bad_arguments() -> None:
    for options in ({"token_budget": 0}, {"threads": 0}):
        with pytest.raises(InvalidInputError, match="must be at least 1"):
            OpenVinoCrossEncoder(FOLDER, **options)  # type: ignore[arg-type]
    with pytest.raises(InvalidInputError, match="precision='int4'"):
        OpenVinoCrossEncoder(FOLDER, precision="int4")  # type: ignore[arg-type]


def test_without_openvino_the_error_is_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    assert importlib.util.find_spec("openvino") is not None
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r'pip install "secondpass\[openvino\]"'):
        OpenVinoCrossEncoder(FOLDER)


SPY = """
import json, sys
seen = []
watched = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen")
sys.addaudithook(lambda event, args: seen.append(event) if event in watched else None)
from secondpass import load, Ranking
load("openvino:" + sys.argv[1])(Ranking.of("what is a file", ["bytes"]))
print(json.dumps([seen, [name for name in sys.modules if name.startswith("openvino_telemetry")]]))
import openvino_telemetry  # whoever wants it still gets it
"""


def test_openvino_tells_nobody(tmp_path: Path) -> None:
    """In a new process with no declined consent, and not in CI, where it would keep quiet anyway.

    pytest-socket cannot show this: the sender swallows what its threads raise.
    """
    hidden = ("CI", "TF_BUILD", "JENKINS_URL")
    environment = {k: v for k, v in os.environ.items() if k not in hidden}
    environment |= {"HOME": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SPY, str(FOLDER)], env=environment, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout) == [[], []]
    assert list(tmp_path.iterdir()) == []  # a client id would be kept here
