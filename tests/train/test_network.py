"""The network in training: batches of similar length, no dropout, bfloat16."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sentence_transformers")

import torch
from sentence_transformers.cross_encoder import losses
from transformers import BertConfig, BertModel

from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.train.network import LengthBucketing, disable_dropout, supports_bfloat16

PAIRS = [("apple", "apple " * n) for n in (3, 200, 1, 60, 199, 2, 61, 4)]


@pytest.fixture(scope="module")
def scorer(tiny_late: Path) -> TorchCrossEncoder:
    return TorchCrossEncoder(str(tiny_late), token_budget=450, verify=False)


def test_scores_come_back_in_order_from_little_padding(
    scorer: TorchCrossEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = LengthBucketing(scorer)
    shapes: list[Any] = []
    forward = scorer.encoder.forward

    def counted(features: Any, *args: Any, **options: Any) -> Any:
        shapes.append(features["input_ids"].shape)
        return forward(features, *args, **options)

    monkeypatch.setattr(scorer.encoder, "forward", counted)
    made = network(network.preprocess(PAIRS))["scores"]
    assert made.requires_grad
    assert made.tolist() == pytest.approx(scorer.score(PAIRS), abs=1e-4)
    own = shapes[: len(shapes) // 2]  # the others are those of score
    assert max(rows * width for rows, width in own) <= 450
    assert sum(rows * width for rows, width in own) < 0.5 * 204 * len(PAIRS)


@pytest.mark.parametrize("kind", [losses.LambdaLoss, losses.ListNetLoss])
def test_a_loss_and_its_gradient_are_those_of_one_padded_batch(
    scorer: TorchCrossEncoder, kind: Any
) -> None:
    inputs = [["apple", "river"], [[t for _, t in PAIRS[:5]], [t for _, t in PAIRS[5:]]]]
    labels = [torch.tensor([0.0, 1, 0, 0, 1]), torch.tensor([0.0, 1, 0])]
    found = []
    for model in (scorer.encoder, LengthBucketing(scorer)):
        loss = kind(scorer.encoder, mini_batch_size=-1)
        loss.model = model
        scorer.encoder.zero_grad()
        value = loss(inputs, labels)
        value.backward()
        total = sum(p.grad.abs().sum() for p in scorer.encoder.parameters() if p.grad is not None)
        found.append((value.item(), float(total)))
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert found[0][1] > 0


def test_a_network_in_training_gives_the_same_twice() -> None:
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=50, hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5,
    )  # fmt: skip
    network = BertModel(config).train()
    ids = torch.arange(12)[None]

    def read() -> torch.Tensor:
        return network(input_ids=ids).last_hidden_state

    assert not torch.equal(read(), read())
    disable_dropout(network)
    assert torch.equal(read(), read())
    assert network.config.hidden_dropout_prob == 0.5


@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("avx512", [True, False])
def test_a_processor_has_bfloat16_if_it_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx512: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert supports_bfloat16("cpu") is (amx or avx512)
    assert not supports_bfloat16("meta")


def test_a_torch_that_cannot_tell_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not supports_bfloat16("cpu")
