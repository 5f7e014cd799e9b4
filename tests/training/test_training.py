"""The recipe behind the built-in model, from raw files to weights, on a tiny network."""

from __future__ import annotations

import gzip
import json
import random
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("sentence_transformers")
pytest.importorskip("bm25s")

from transformers import BertConfig, BertModel, BertTokenizerFast  # noqa: E402

TRAINING = Path(__file__).parents[2] / "training"
SUBJECTS = [
    f"{a}{b}" for a in ("bee", "oak", "tin", "fog", "eel") for b in ("ra", "lo", "mi", "du")
]


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(TRAINING))
    return import_module


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Queries name a subject, and the positive is about it; sources in several groups."""
    g = random.Random(0)
    folder = tmp_path / "data"
    (folder / "train").mkdir(parents=True)
    rows = [
        {
            "query": f"what is {subject}?",
            "positive": f"the thing called {subject} is {g.choice(SUBJECTS)} number {i} of many",
            "source": "expertqa",
            "group": f"g{i}",
        }
        for i, subject in enumerate(SUBJECTS * 8)
    ]
    packed(folder / "train/expertqa.jsonl.gz", [json.dumps(r) for r in rows])
    passages = [{"text": f"many a {s} is what it is", "group": f"u{s}"} for s in SUBJECTS]
    packed(folder / "unlabelled-passages.jsonl.gz", [json.dumps(p) for p in passages])
    logs = [f"nq-dev-dpr\twhat about the {s} thing" for s in SUBJECTS]
    packed(folder / "unlabelled-queries.tsv.gz", ["source\tquery", *logs])
    return folder


@pytest.fixture
def start(tmp_path: Path) -> Path:
    folder = tmp_path / "bi-encoder"
    folder.mkdir()
    letters = [chr(c) for c in range(ord("a"), ord("z") + 1)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SUBJECTS, *letters, "?"]
    (folder / "vocab.txt").write_text("\n".join(words + [f"##{x}" for x in letters]))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(words) + 26, hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
        intermediate_size=48, max_position_embeddings=64,
    )  # fmt: skip
    BertModel(config).save_pretrained(folder)
    BertTokenizerFast(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    return folder


def packed(path: Path, lines: list[str]) -> None:
    path.write_bytes(gzip.compress("\n".join(lines).encode() + b"\n"))


def train(modules: Any, start: Path, lists: Path, out: Path, seconds: float, *more: str) -> None:
    modules("train").main(
        ["--start", str(start), "--lists", str(lists), "--out", str(out), "--eager",
         "--hours", str(seconds / 3600), "--labelled", "6", "--unlabelled", "2", "--frozen", "0",
         "--tell", "1", *more]
    )  # fmt: skip


@pytest.mark.slow
def test_from_raw_files_to_weights_and_on_from_a_checkpoint(
    modules: Any, data: Path, start: Path, tmp_path: Path
) -> None:
    lists, out = tmp_path / "lists", tmp_path / "run"
    modules("mine").main(["--data", str(data), "--out", str(lists)])
    rows = [json.loads(x) for x in (lists / "lists.jsonl").read_text().splitlines()]
    passages = [json.loads(x) for x in (lists / "passages.jsonl").read_text().splitlines()]
    for row in rows:
        assert (
            {modules("pairs").Row("", "", "", row["group"]).part} - {0, 1} if "group" in row else 1
        )
        assert row.get("positive") not in row["others"]
    assert any("beera" in passages[i] for r in rows if "beera" in r["query"] for i in r["others"])

    train(modules, start, lists, out, 2, "--lr", "1e-2")
    log = [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]
    assert {"softmax", "pointwise", "keep", "passages_per_second", "left"} <= set(log[-1])
    train(modules, start, lists, out, 4, "--lr", "1e-2")  # the same command, more time: goes on
    again = [json.loads(x) for x in (out / "log.jsonl").read_text().splitlines()]
    assert again[len(log)]["step"] == log[-1]["step"] + 1
    losses = [x["softmax"] for x in again]
    assert sum(losses[-5:]) < 0.8 * sum(losses[:5])

    handover = modules("handover")
    handover.split(out / "last", tmp_path / "pieces")
    handover.join(tmp_path / "pieces", tmp_path / "back")
    network = modules("handover").LateInteractionBert
    before, after = (
        network.from_pretrained(f).state_dict() for f in (out / "last", tmp_path / "back")
    )
    for name, weights in before.items():
        assert torch.allclose(weights, after[name], atol=0.02, rtol=1e-3)
    (tmp_path / "pieces/weights.00").write_bytes(b"other")
    with pytest.raises(SystemExit, match="copy them again"):
        handover.join(tmp_path / "pieces", tmp_path / "back")

    handover.pack(lists, tmp_path / "lists.xz", 1.0)
    handover.unpack(tmp_path / "lists.xz", tmp_path / "there")
    there = modules("batches").Lists.read(tmp_path / "there")
    here = modules("batches").Lists.read(lists)

    def texts(of: Any) -> set[tuple[str, str]]:
        return {(r["query"], of.passages[r["positive"]]) for r in of.train}

    assert texts(there) == texts(here)


def test_a_loss_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    modules: Any, data: Path, start: Path, tmp_path: Path
) -> None:
    lists, out = tmp_path / "lists", tmp_path / "run"
    modules("mine").main(["--data", str(data), "--out", str(lists)])
    train(modules, start, lists, out, 0.5, "--save", "0")
    kept = sorted(p.name for p in out.glob("at-*"))
    with pytest.raises(SystemExit, match="smaller --lr"):
        train(modules, start, lists, out, 60, "--lr", "1e30", "--save", "1000")
    assert sorted(p.name for p in out.glob("at-*")) == kept
    assert (out / "resume.pt").exists()


def test_bad_files_are_named(modules: Any, data: Path, tmp_path: Path) -> None:
    pairs, batches = modules("pairs"), modules("batches")
    with pytest.raises(SystemExit, match="holds no training pairs"):
        pairs.rows(tmp_path)
    packed(data / "train/empty.jsonl.gz", [])
    (data / "train/empty.jsonl.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(SystemExit, match=r"empty\.jsonl\.gz holds no pairs"):
        pairs.rows(data / "train")
    packed(data / "train/empty.jsonl.gz", ['{"query": "a"}'])
    with pytest.raises(SystemExit, match=r"empty\.jsonl\.gz, line 1"):
        pairs.rows(data / "train")
    (data / "train/empty.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(SystemExit, match="cannot read"):
        pairs.rows(data / "train")
    with pytest.raises(SystemExit, match=r"run mine\.py"):
        batches.Lists.read(tmp_path)


def test_what_ships_gains_most_on_the_one_and_loses_little_on_the_other(modules: Any) -> None:
    figures = {
        "safe": {"web": 0.600, "development": 0.853},
        "better": {"web": 0.603, "development": 0.850},
        "reckless": {"web": 0.614, "development": 0.809},
    }
    best = modules("make_builtin").best
    assert best(figures, "web", "development") == "better"
    assert best(figures, "development", "web") == "reckless"


def test_a_way_to_match_is_made_from_the_trained_scales(modules: Any, start: Path) -> None:
    network = modules("develop").LateInteractionBert.from_bi_encoder(str(start))
    trained = torch.tensor([20.0, 0.5])
    for _ in range(2):  # from the trained ones, not from those of the last try
        modules("make_builtin").match(network, trained, 50.0, 3)
    assert network.scales.tolist() == [20.0, 1.5]
    assert network.config.sharpness == 50.0
