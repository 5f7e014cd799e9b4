"""Dropout is off while training, and what is saved does not know."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from transformers import BertConfig, BertModel

from secondpass.train.pace import bfloat16, without_dropout


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


def test_a_device_that_is_not_known_has_no_bfloat16() -> None:
    assert not bfloat16("meta")
    assert isinstance(bfloat16("cpu"), bool)
