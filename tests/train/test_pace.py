"""Dropout is off while training, and what is saved does not know."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import BertConfig, BertModel

from secondpass.train.bf16 import bfloat16, without_dropout


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
    without_dropout(network)
    assert torch.equal(read(), read())
    assert network.config.hidden_dropout_prob == 0.5


@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("avx512", [True, False])
def test_a_processor_has_bfloat16_if_it_multiplies_in_it(
    monkeypatch: pytest.MonkeyPatch, amx: bool, avx512: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    assert bfloat16("cpu") is (amx or avx512)
    assert not bfloat16("meta")


def test_a_torch_that_cannot_tell_has_no_bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "_is_amx_tile_supported")
    monkeypatch.delattr(torch.cpu, "_is_avx512_bf16_supported")
    assert not bfloat16("cpu")
