"""Streams that are closed, full, read no more or of another encoding: one line, never a traceback.

Each is a process of its own with real files and pipes, where it is about streams.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from secondpass.cli import app

TEXT = "half \ud800 a pair, \u20ac and \U0001f600"
ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
RERANK = ("rerank", "q\u00e9", "--model", "bm25")
Ended = subprocess.CompletedProcess[bytes]
posix = pytest.mark.skipif(os.name != "posix", reason="needs a POSIX shell")
full = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "docs.jsonl"
    path.write_text(json.dumps({"id": "a", "text": TEXT}) + "\n", encoding="ascii")
    return path


def _run(*arguments: object, shell: str = "", given: bytes = b"", **variables: str) -> Ended:
    """The command in a shell that redirects its streams as `shell` says."""
    command = [sys.executable, "-m", "secondpass", *map(str, arguments)]
    return subprocess.run(
        ["/bin/sh", "-c", f'"$@" {shell}', "sh", *(part.encode() for part in command)],
        input=given, capture_output=True, check=False,
        env={**os.environ, "COLUMNS": "100", "PYTHONUTF8": "1", **variables},
    )  # fmt: skip


def _one_line(done: Ended, code: int, message: str) -> None:
    assert done.returncode == code, done
    error = done.stderr.decode("utf-8")
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1, error


@posix
def test_closed_input_and_closed_output_are_named(file: Path) -> None:
    _one_line(_run(*RERANK, "-", shell="<&-"), 2, "cannot read standard input: it is closed")
    _one_line(_run(*RERANK, file, shell=">&-"), 1, "standard output is closed")
    for closed in ("2>&-", "<&- >&- 2>&-"):
        done = _run(*RERANK, file.with_name("none"), shell=closed)
        assert done.returncode != 0
        assert done.stdout + done.stderr == b""


@posix
@full
@pytest.mark.parametrize("arguments", [(*RERANK, "{file}", "--json"), (*RERANK, "{file}"), ("-h",)])
def test_a_full_disk_is_told_and_fails(arguments: tuple[str, ...], file: Path) -> None:
    asked = [str(file) if a == "{file}" else "--help" if a == "-h" else a for a in arguments]
    _one_line(_run(*asked, shell=">/dev/full"), 1, "No space left on device")
    assert _run(*RERANK, file.with_name("none"), shell="2>/dev/full").returncode != 0


@posix
def test_a_reader_that_stops_ends_it_without_a_word(tmp_path: Path) -> None:
    path = tmp_path / "many.txt"
    path.write_text("".join(f"line {i}\n" for i in range(3_000)))
    for form in ((), ("--json",)):
        done = _run(*RERANK, path, *form, shell="| head -c 10")
        assert (len(done.stdout), done.stderr) == (10, b"")


@posix
def test_half_a_surrogate_pair_is_printed_and_json_stays_json(file: Path) -> None:
    done = _run(*RERANK, file, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["query"], answer["results"][0]["text"]) == ("q\u00e9", TEXT)
    assert "\u20ac".encode() in done.stdout  # what UTF-8 has is not escaped
    table = _run(*RERANK, file)
    assert table.returncode == 0, table.stderr
    assert "half \\ud800 a pair, \u20ac" in table.stdout.decode("utf-8")


@posix
def test_a_locale_of_ascii_reads_and_writes_all_the_same(file: Path) -> None:
    plain = "\u20ac\n".encode()
    done = _run(*RERANK, "-", "--json", given=plain, **ASCII)
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii()
    answer = json.loads(done.stdout)
    assert (answer["query"], answer["results"][0]["text"]) == ("q\u00e9", "\u20ac")
    done = _run(*RERANK, file, "--json", **ASCII)
    assert json.loads(done.stdout)["results"][0]["text"] == TEXT
    assert _run(*RERANK, file, **ASCII).stdout.isascii()


@posix
def test_input_that_no_one_can_read_is_one_line(tmp_path: Path) -> None:
    deep = tmp_path / "deep.jsonl"
    deep.write_text('{"a":' + "[" * 100_000)
    _one_line(_run(*RERANK, deep), 2, "deep.jsonl, line 1 nests lists and objects too deep")
    _one_line(_run(*RERANK, "-", given=b"a\n\xff"), 2, "standard input: line 2 is not UTF-8")
    done = subprocess.run(
        [sys.executable.encode(), b"-m", b"secondpass", b"rerank", b"\xff", b"-"],
        input=b"a", capture_output=True, check=False,
    )  # fmt: skip
    _one_line(done, 2, "the query is not UTF-8")


def test_half_a_surrogate_pair_reaches_every_file(tmp_path: Path) -> None:
    labels, rows, page = (tmp_path / name for name in ("labels.jsonl", "rows.jsonl", "page.html"))
    queries = [f"\ud800 cats {i}" for i in range(3)]
    lists = [
        {"query": q, "id": q, "texts": ["dogs", f"{q} purr"], "labels": [0, 1]} for q in queries
    ]
    labels.write_text("\n".join(json.dumps(one) for one in lists), encoding="ascii")
    wish = ["evaluate", str(labels), "--model", "bm25", "--per-query", str(rows), "--json"]
    done = CliRunner().invoke(app, wish, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    json.loads(done.stdout)
    written = [json.loads(line) for line in rows.read_text(encoding="utf-8").splitlines()]
    assert {row["query"] for row in written} == set(queries)
    wish = ["report", str(labels), "--model", "bm25", "--no-depth-curve", "--out", str(page)]
    done = CliRunner().invoke(app, wish, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "cats 1" in page.read_text(encoding="utf-8")
