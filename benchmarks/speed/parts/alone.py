"""What is measured without rivals: our overhead, our adapters, and what the processor could do."""

from __future__ import annotations

import json
from typing import Any

from speed.arena import Arena
from speed.sizes import Sizes


def overhead(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """Of each of ours, the share of wall time that is neither tokeniser nor model."""
    rows: dict[str, dict[str, Any]] = {}
    for who in arena.present(ours=True):
        arena.tell(f"  overhead, {who.name}")
        job = who.job(arena.folders, arena.threads)
        with arena.fresh(who, load=False) as process:
            if process is None:
                continue
            process.ask({"do": "call", "function": "speed.overhead:watch", "arguments": {}}, 60)
            process.ask(job, arena.seconds)
            arguments = {
                "model": job["model"], "options": job["options"], "threads": arena.threads,
                "texts": str(arena.texts), "repeats": sizes.repeats,
            }  # fmt: skip
            asked = {
                "do": "call",
                "function": "speed.overhead:measure_overhead",
                "arguments": arguments,
            }
            rows[who.name] = process.ask(asked, arena.seconds)
    return {"rows": rows, "candidates": len(arena.workloads["short"][0]["texts"])}


def adapters(arena: Arena, sizes: Sizes) -> dict[str, Any]:
    """The adapters around a scorer that costs nothing."""
    arena.tell("  adapters")
    with arena.fresh(None) as process:
        assert process is not None
        arguments = {"nodes": 100, "repeats": 10 * sizes.repeats}
        asked = {"do": "call", "function": "speed.adapters:time_adapters", "arguments": arguments}
        return {"rows": process.ask(asked, arena.seconds), "nodes": 100}


def limit(arena: Arena, _: Sizes) -> dict[str, Any]:
    """Matrix products of the model's shapes, by precision and by library."""
    arena.tell("  limit")
    config = json.loads((arena.folders["hf"] / "config.json").read_text(encoding="utf-8"))
    width, inner = int(config["hidden_size"]), int(config["intermediate_size"])
    layers = int(config["num_hidden_layers"])
    shapes = [(1024, width, width), (1024, width, inner), (1024, inner, width)]
    with arena.fresh(None) as process:
        assert process is not None
        arguments = {"shapes": shapes, "threads": arena.threads}
        asked = {"do": "call", "function": "speed.limit:measure_products", "arguments": arguments}
        done = process.ask(asked, arena.seconds)
    return {
        "rows": done["rows"], "notes": done["notes"], "layers": layers, "width": width,
        "inner": inner, "tokens": 1024,
    }  # fmt: skip
