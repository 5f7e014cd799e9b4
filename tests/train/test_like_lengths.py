from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sentence_transformers")

import torch
from sentence_transformers.cross_encoder import losses

from secondpass.models.torch.cross_encoder import TorchCrossEncoder
from secondpass.train.length_bucketing import LikeLengths

PAIRS = [("apple", "apple " * n) for n in (3, 200, 1, 60, 199, 2, 61, 4)]


@pytest.fixture(scope="module")
def scorer(tiny_late: Path) -> TorchCrossEncoder:
    return TorchCrossEncoder(str(tiny_late), token_budget=450, verify=False)


def test_scores_come_back_in_order_from_little_padding(
    scorer: TorchCrossEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = LikeLengths(scorer)
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
    for model in (scorer.encoder, LikeLengths(scorer)):
        loss = kind(scorer.encoder, mini_batch_size=-1)
        loss.model = model
        scorer.encoder.zero_grad()
        value = loss(inputs, labels)
        value.backward()
        total = sum(p.grad.abs().sum() for p in scorer.encoder.parameters() if p.grad is not None)
        found.append((value.item(), float(total)))
    assert found[0] == pytest.approx(found[1], rel=1e-3)
    assert found[0][1] > 0
