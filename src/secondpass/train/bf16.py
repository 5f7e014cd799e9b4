"""What makes a short run faster: bfloat16 where the machine multiplies in it, and no dropout."""

from __future__ import annotations

from typing import Any


def bfloat16(device: str) -> bool:
    """Whether the device multiplies in bfloat16; a processor that emulates it is slower."""
    import torch

    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    known = ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    checks = [getattr(torch.cpu, name, None) for name in known]
    return device == "cpu" and any(check is not None and check() for check in checks)


def without_dropout(network: Any) -> None:
    """Set every dropout of a torch network to 0.

    On a processor drawing the masks, and the slow attention that they ask for, takes 40 % of a
    step. The choice queries watch for overfitting instead.
    """
    import torch

    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
        for name in ("attention_dropout", "dropout_prob", "dropout"):  # given to attention
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, 0.0)
