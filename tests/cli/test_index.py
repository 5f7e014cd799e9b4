"""`secondpass index`: documents are read once, and reranking finds what it left."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from secondpass.cli import app

DOCS = ["Goethe wrote Faust.", "Cats sleep for most of the day."]


def test_index_then_rerank(tmp_path: Path) -> None:
    file, vectors = tmp_path / "docs.jsonl", tmp_path / "v"
    file.write_text("\n".join(json.dumps({"text": t}) for t in [*DOCS, DOCS[0]]))
    run = CliRunner().invoke
    first = run(app, ["index", str(vectors), str(file)])
    assert first.exit_code == 0, first.output
    assert "3 documents, 2 of them new" in first.output
    assert "0 of them new" in run(app, ["index", str(vectors), str(file)]).output
    model = f"builtin-split:{vectors}"
    made = run(app, ["rerank", "who wrote Faust?", str(file), "--model", model, "--json"])
    results = json.loads(made.output)["results"]
    assert {r["id"] for r in results[:2]} == {"0", "2"}
    assert all(note["stored"] for r in results for note in list(r["notes"].values())[:1])
