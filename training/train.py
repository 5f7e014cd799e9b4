"""Train the built-in model from a bi-encoder's weights, or go on from those that ship.

    python training/train.py --out training/runs/v1 [--start FOLDER] [--hours 1.5]

Uses a GPU where there is one (bfloat16, large batches), else the processor in bfloat16 autocast.
Stop it when you like: the same command goes on from the last checkpoint. It tells loss, passages
per second and time left as it runs, and writes them to OUT/log.jsonl.

Three losses, each on what was read in the step:
* softmax of a labelled query's positive against every other passage of the step that is neither of
  its group nor, by the model's own score, better than the positive by more than 2 (which is more
  often a missing judgement than a mistake);
* binary cross-entropy over the labelled query's own list, so that scores mean the same for
  different queries;
* Kullback-Leibler divergence to the untrained model on unlabelled web queries, so that what the
  bi-encoder knows about them is not forgotten.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import pairs
import torch
from batches import Batch, Lists, batches
from torch.nn import functional
from transformers import AutoTokenizer

from secondpass.models.builtin.to_torch import pair_tokenizer, write_torch
from secondpass.models.late_interaction import LateInteractionBert

POINTWISE, KEEP = 0.2, 2.0
"""Weights of the second and third loss."""
FALSE_NEGATIVE = 2.0
QUERY_TOKENS = 40
CHUNK = 32
"""Passages encoded together, after sorting by length."""


class Trainer:
    """One run: a network, its optimiser, and how far it has come."""

    def __init__(self, given: argparse.Namespace) -> None:
        self.given = given
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.tokenizer, network = begun(given.start)
        self.network = network.to(self.device)
        self.untrained = copy.deepcopy(self.network).eval().requires_grad_(False)
        self.network.bert.embeddings.requires_grad_(False)
        for layer in self.network.bert.encoder.layer[: given.frozen]:
            layer.requires_grad_(False)
        # fused kernels: twice the pace of eager mode on the processor
        self.encode: Any = LateInteractionBert.encode
        if not given.eager:
            self.encode = torch.compile(self.encode, dynamic=True)
        self.network.eval()  # dropout costs more than it gives in a run this short
        body = [p for p in self.network.bert.parameters() if p.requires_grad]
        head = [*self.network.importance.parameters(), *self.network.offset.parameters()]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": body, "lr": given.lr, "weight_decay": 0.01},
                {"params": head, "lr": 1e-3, "weight_decay": 0.0},
                {"params": [self.network.scales], "lr": 5e-3, "weight_decay": 0.0},
            ]
        )
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        self.step, self.seconds = 0, 0.0
        given.out.mkdir(parents=True, exist_ok=True)

    # -- the work of a step --

    def loss(self, batch: Batch) -> dict[str, torch.Tensor]:
        n, each = batch.labelled, batch.each
        with torch.autocast(self.device, torch.bfloat16):
            q, q_mask = self.encoded(self.network, batch.queries, QUERY_TOKENS)
            p, p_mask = self.encoded(self.network, batch.passages, self.given.tokens)
        scores = self.network.scores(q.float(), q_mask, p.float(), p_mask)
        own = torch.arange(n, device=self.device) * each
        places = torch.tensor(batch.places, device=self.device)
        positive = scores[torch.arange(n, device=self.device), own][:, None]
        labelled = scores[:n]
        hidden = (labelled.detach() > positive.detach() + FALSE_NEGATIVE) | (
            places[None] == places[own][:, None]
        )
        owner = [group for group in batch.groups for _ in range(each)]
        same = [[g is not None and g == o for o in owner] for g in batch.groups[:n]]
        own_list = torch.zeros_like(hidden)
        for i in range(n):
            own_list[i, i * each : (i + 1) * each] = True
        # a hard negative of the list is of another group by construction
        hidden |= torch.tensor(same, device=self.device) & ~own_list
        hidden[torch.arange(n, device=self.device), own] = False
        losses = {
            "softmax": functional.cross_entropy(labelled.masked_fill(hidden, -1e4), own),
        }
        wanted = torch.zeros_like(labelled)
        wanted[torch.arange(n, device=self.device), own] = 1
        seen = own_list & ~hidden
        losses["pointwise"] = functional.binary_cross_entropy_with_logits(
            labelled[seen], wanted[seen]
        )
        if len(batch.queries) > n:
            rest = batch.passages[n * each :]
            with torch.no_grad(), torch.autocast(self.device, torch.bfloat16):
                uq, uq_mask = self.encoded(self.untrained, batch.queries[n:], QUERY_TOKENS)
                up, up_mask = self.encoded(self.untrained, rest, self.given.tokens)
            with torch.no_grad():
                said = self.untrained.scores(uq.float(), uq_mask, up.float(), up_mask)
            losses["keep"] = functional.kl_div(
                scores[n:, n * each :].log_softmax(-1),
                said.log_softmax(-1),
                log_target=True,
                reduction="batchmean",
            )
        losses["all"] = (
            losses["softmax"] + POINTWISE * losses["pointwise"] + KEEP * losses.get("keep", 0)
        )
        return losses

    def encoded(
        self, network: LateInteractionBert, texts: list[str], limit: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Token vectors [texts, longest, hidden] and mask, computed in chunks of like length."""
        ids = self.tokenizer(texts, truncation=True, max_length=limit)["input_ids"]
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        longest = len(ids[order[-1]])
        made, masks, places = [], [], []
        size = CHUNK if self.device == "cpu" else len(ids)
        for start in range(0, len(order), size):
            part = order[start : start + size]
            width = len(ids[part[-1]])
            rows = torch.tensor([ids[i] + [0] * (width - len(ids[i])) for i in part])
            mask = torch.tensor([[1] * len(ids[i]) + [0] * (width - len(ids[i])) for i in part])
            rows, mask = rows.to(self.device), mask.to(self.device)
            vectors = self.encode(network, rows, mask)
            made.append(functional.pad(vectors, (0, 0, 0, longest - width)))
            masks.append(functional.pad(mask, (0, longest - width)))
            places += part
        back = torch.tensor(places, device=self.device).argsort()
        return torch.cat(made)[back], torch.cat(masks)[back]

    # -- the run --

    def run(self, lists: Lists) -> None:
        given, whole = self.given, self.given.hours * 3600
        self.resume()
        source = batches(lists, given.labelled, given.unlabelled, given.each, given.seed)
        stream = itertools.islice(source, self.step, None)
        saved, recent, began = self.seconds, [], time.monotonic()
        while self.seconds < whole:
            batch = next(stream)
            done = self.seconds / whole
            share = min(1.0, done / 0.05) * (1 - done) + 1e-3
            for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
                group["lr"] = rate * share
            losses = self.loss(batch)
            if not math.isfinite(losses["all"].item()):
                raise SystemExit(
                    f"the loss is {losses['all'].item()} at step {self.step}; the last checkpoint "
                    f"is in {given.out}. Start again with a smaller --lr"
                )
            self.optimiser.zero_grad()
            losses["all"].backward()
            torch.nn.utils.clip_grad_norm_(
                [p for p in self.network.parameters() if p.requires_grad], 1.0
            )
            self.optimiser.step()
            self.step += 1
            now = time.monotonic()
            self.seconds += now - began
            recent.append(
                (now - began, len(batch.passages), {k: v.item() for k, v in losses.items()})
            )
            began = now
            if self.step % given.tell == 0:
                self.tell(recent, whole)
                recent = []
            if self.seconds - saved >= given.save * 60:
                saved = self.seconds
                self.save(f"at-{int(self.seconds) // 60:04d}")
        self.save("last")

    def tell(self, recent: list[tuple[float, int, dict[str, float]]], whole: float) -> None:
        spent = sum(s for s, _, _ in recent)
        figures: dict[str, Any] = {
            "step": self.step,
            "minutes": round(self.seconds / 60, 1),
            "left": round((whole - self.seconds) / 60, 1),
            "passages_per_second": round(sum(n for _, n, _ in recent) / spent, 1),
            "scales": [round(x, 2) for x in self.network.scales.tolist()],
        }
        for name in recent[0][2]:
            figures[name] = round(sum(x[name] for _, _, x in recent) / len(recent), 4)
        with (self.given.out / "log.jsonl").open("a") as log:
            log.write(json.dumps(figures) + "\n")
        print(figures, flush=True)

    def save(self, name: str) -> None:
        """The weights in a folder of their own, and beside it what a resumed run needs."""
        folder = self.given.out / name
        self.network.save_pretrained(folder)
        pair_tokenizer(self.tokenizer).save_pretrained(folder)
        state = {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        torch.save(state, self.given.out / "resume.new")
        (self.given.out / "resume.new").replace(self.given.out / "resume.pt")

    def resume(self) -> None:
        path = self.given.out / "resume.pt"
        if not path.exists():
            return
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        print(f"goes on from step {self.step}, minute {self.seconds / 60:.1f}", flush=True)


def begun(start: Path | None) -> tuple[Any, LateInteractionBert]:
    """Tokenizer and network: of a bi-encoder's folder, or of the built-in model if None."""
    if start is not None:
        return AutoTokenizer.from_pretrained(start), LateInteractionBert.from_bi_encoder(str(start))
    with tempfile.TemporaryDirectory() as scratch:
        write_torch(Path(scratch))
        return (
            AutoTokenizer.from_pretrained(scratch),
            LateInteractionBert.from_pretrained(scratch),
        )


def main(arguments: list[str] | None = None) -> None:
    gpu = torch.cuda.is_available()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--start", type=Path, help="folder of a bi-encoder; else the built-in")
    parser.add_argument("--lists", type=Path, default=pairs.ROOT / "training/runs/lists")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--hours", type=float, default=0.1 if gpu else 1.5)
    parser.add_argument("--labelled", type=int, default=192 if gpu else 22, help="queries a step")
    parser.add_argument("--unlabelled", type=int, default=64 if gpu else 10)
    parser.add_argument("--each", type=int, default=8 if gpu else 4, help="passages a query")
    parser.add_argument("--tokens", type=int, default=256 if gpu else 128, help="of a passage")
    parser.add_argument(
        "--frozen", type=int, default=0 if gpu else 2, help="lower layers left as they are"
    )
    parser.add_argument("--lr", type=float, default=6e-5 if gpu else 5e-5)
    parser.add_argument("--save", type=float, default=10, help="minutes between checkpoints")
    parser.add_argument("--tell", type=int, default=20, help="steps between lines")
    parser.add_argument("--eager", action="store_true", help="compile nothing, for short runs")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(arguments)
    Trainer(given).run(Lists.read(given.lists))


if __name__ == "__main__":
    main()
