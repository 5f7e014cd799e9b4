"""One set of weights in the forms that the contenders read, made once into a scratch folder."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

FLASHRANK_NAME, FLASHRANK_FILE = "ms-marco-TinyBERT-L-2-v2", "flashrank-TinyBERT-L-2-v2.onnx"
"""FlashRank opens only files of its own list; the file under this name is the exported one."""


def prepare_weights(model: str, scratch: Path, source: Path) -> dict[str, Path]:
    """Folders with the weights by form ("hf", "onnx", "int8"); made again when `model`, or the
    code in `source` that exports, has changed.

    Args:
        model: Folder or hub id of a cross-encoder.
        scratch: Where they are written.
        source: The folder of the code that exports.
    """
    from secondpass.models.export.export import export  # torch: many seconds, and only needed here

    folder = scratch / _key(model, source)
    forms = {"hf": folder / "hf", "onnx": folder / "onnx", "int8": folder / "int8"}
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _float32(model, forms["hf"])
        export(str(forms["hf"]), forms["onnx"])
        export(str(forms["hf"]), forms["int8"], int8=True)
        for form in ("onnx", "int8"):
            _for_flashrank(forms["hf"], forms[form])
        # where sentence-transformers' onnx backend looks, so that it runs this very file too
        (forms["hf"] / "onnx").mkdir()
        shutil.copyfile(forms["onnx"] / "model.onnx", forms["hf"] / "onnx/model.onnx")
        (folder / "complete").touch()
    return forms


def _key(model: str, source: Path) -> str:
    key = hashlib.sha256(model.encode())
    folder = Path(model)
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else []
    for file in files:
        key.update(f"{file.stat().st_size} {file.stat().st_mtime_ns}".encode())
    for code in sorted(source.glob("*.py")):
        key.update(code.read_bytes())
    return f"{folder.name}-{key.hexdigest()[:12]}"


def _float32(model: str, folder: Path) -> None:
    """A copy in float32 (libraries would run a float16 file in float16, ten times slower here),
    that reads up to 512 tokens whatever an earlier training left in its tokenizer."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    network = AutoModelForSequenceClassification.from_pretrained(model, dtype=torch.float32)
    network.save_pretrained(folder)
    AutoTokenizer.from_pretrained(model).save_pretrained(folder)
    for name, drop in (("tokenizer.json", ("truncation", "padding")),):
        stored = json.loads((folder / name).read_text(encoding="utf-8"))
        stored |= dict.fromkeys(drop)
        (folder / name).write_text(json.dumps(stored, ensure_ascii=False), encoding="utf-8")
    path = folder / "tokenizer_config.json"
    stored = json.loads(path.read_text(encoding="utf-8"))
    for name in ("max_length", "stride", "pad_to_multiple_of", "truncation_strategy"):
        stored.pop(name, None)
    stored["model_max_length"] = min(512, int(stored.get("model_max_length") or 512))
    path.write_text(json.dumps(stored, indent=2), encoding="utf-8")


def _for_flashrank(hf: Path, onnx: Path) -> None:
    folder = onnx / "flashrank" / FLASHRANK_NAME
    folder.mkdir(parents=True)
    shutil.copyfile(onnx / "model.onnx", folder / FLASHRANK_FILE)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(hf / name, folder / name)
    stored = json.loads((hf / "tokenizer_config.json").read_text(encoding="utf-8"))
    special = {k: v for k, v in stored.items() if k.endswith("_token") and isinstance(v, str)}
    (folder / "special_tokens_map.json").write_text(json.dumps(special))
