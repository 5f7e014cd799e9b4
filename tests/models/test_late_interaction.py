"""The torch form of the built-in model, on a tiny network with random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")

from transformers import BertConfig, BertModel, BertTokenizerFast  # noqa: E402

from secondpass import LateInteraction, OnnxCrossEncoder, TorchCrossEncoder  # noqa: E402
from secondpass.models.builtin.to_torch import pair_tokenizer  # noqa: E402
from secondpass.models.export.export import export  # noqa: E402
from secondpass.models.late_interaction import (  # noqa: E402
    LateInteractionBert,
)

TEXT = "[PAD] [UNK] [CLS] [SEP] [MASK] how do bees make honey sweet bridge rust . a b"
WORDS = TEXT.split()
PAIRS = [
    ("how do bees make honey", "bees make sweet honey ."),
    ("rust", "a bridge . rust . a b honey"),
    ("how do bees", ""),
]


@pytest.fixture(scope="module")
def bi_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bi-encoder")
    (folder / "vocab.txt").write_text("\n".join(WORDS))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).eval().save_pretrained(folder)
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", params=[0.0, 4.0], ids=["maximum", "soft maximum"])
def reranker(request: Any, bi_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker")
    network = LateInteractionBert.from_bi_encoder(str(bi_encoder))
    network.config.sharpness = request.param
    with torch.no_grad():  # as if trained, so that every part of the score counts
        network.importance.weight.normal_()
        network.offset.weight.normal_()
        network.scales.copy_(torch.tensor([12.0, 3.0]))
    network.save_pretrained(folder)
    pair_tokenizer(tokenizer(bi_encoder)).save_pretrained(folder)
    return folder


def tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


def test_a_pair_scores_as_its_two_segments_do_when_encoded_apart(reranker: Path) -> None:
    network, words = LateInteractionBert.from_pretrained(reranker).eval(), tokenizer(reranker)
    queries, texts = [q for q, _ in PAIRS], [t for _, t in PAIRS]
    q = words(queries, padding=True, return_tensors="pt")
    t = words(texts, padding=True, return_tensors="pt")
    both = words(queries, texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        apart = network.scores(
            network.encode(q["input_ids"], q["attention_mask"]), q["attention_mask"],
            network.encode(t["input_ids"], t["attention_mask"]), t["attention_mask"],
        )  # fmt: skip
        together = network(**both).logits[:, 0]
    assert torch.allclose(apart.diagonal(), together, atol=1e-4)
    assert not torch.allclose(apart[0], apart[1], atol=1e-2)


def test_the_softer_the_maximum_the_more_a_second_match_counts(bi_encoder: Path) -> None:
    network = LateInteractionBert.from_bi_encoder(str(bi_encoder)).eval()
    words = pair_tokenizer(tokenizer(bi_encoder))(*PAIRS[0], return_tensors="pt")
    scores = []
    for network.config.sharpness in (1e4, 0.0, 20.0, 4.0):
        with torch.no_grad():
            scores.append(float(network(**words).logits))
    assert scores[0] == pytest.approx(scores[1], abs=0.01)  # as good as the maximum
    assert scores[1] < scores[2] < scores[3]


def test_before_training_the_vectors_are_the_bi_encoders(bi_encoder: Path) -> None:
    words = tokenizer(bi_encoder)("how do bees make honey", return_tensors="pt")
    network = LateInteractionBert.from_bi_encoder(str(bi_encoder)).eval()
    reference = BertModel.from_pretrained(bi_encoder).eval()
    with torch.no_grad():
        mine = network.encode(words["input_ids"], words["attention_mask"])
        assert torch.allclose(mine, reference(**words).last_hidden_state, atol=1e-5)


def test_a_saved_tokenizer_keeps_the_second_cls(reranker: Path) -> None:
    again = tokenizer(reranker)("bees", "honey")
    cls = again["input_ids"][0]
    assert again["input_ids"].count(cls) == 2
    assert again["token_type_ids"] == [0, 0, 0, 1, 1, 1]


def test_torch_float_onnx_and_int8_onnx_agree(reranker: Path, tmp_path: Path) -> None:
    original = TorchCrossEncoder(reranker, verify=False)
    export(str(reranker), tmp_path / "float")
    export(str(reranker), tmp_path / "int8", int8=True)
    scores = original.score(PAIRS)
    plain = OnnxCrossEncoder(tmp_path / "float", verify=False).score(PAIRS)
    small = OnnxCrossEncoder(tmp_path / "int8", verify=False).score(PAIRS)
    assert plain == pytest.approx(scores, abs=1e-3)
    apart = LateInteraction(tmp_path / "float", verify=False).score(PAIRS)
    assert apart == pytest.approx(scores, abs=1e-3)
    assert small == pytest.approx(scores, abs=0.5)


def test_a_score_does_not_depend_on_padding(reranker: Path) -> None:
    network, words = LateInteractionBert.from_pretrained(reranker).eval(), tokenizer(reranker)
    one = words(*PAIRS[0], return_tensors="pt")
    padded = words(*PAIRS[0], padding="max_length", max_length=40, return_tensors="pt")
    with torch.no_grad():
        assert torch.allclose(network(**one).logits, network(**padded).logits, atol=1e-5)


def test_it_learns_from_labels(reranker: Path) -> None:
    network, words = LateInteractionBert.from_pretrained(reranker), tokenizer(reranker)
    batch = words([q for q, _ in PAIRS], [t for _, t in PAIRS], padding=True, return_tensors="pt")
    labels = torch.tensor([1.0, 0.0, 0.0])
    first = network(**batch, labels=labels).loss
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    for _ in range(20):
        optimiser.zero_grad()
        network(**batch, labels=labels).loss.backward()
        optimiser.step()
    assert network(**batch, labels=labels).loss < first / 2
