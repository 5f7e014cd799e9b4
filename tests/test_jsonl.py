"""Every reader of JSON lines cuts at the same places, and refuses the same things in a line."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from secondpass import InvalidInputError, Ranking, read_judged
from secondpass.bench.workload import read_texts
from secondpass.cli.documents import read_documents
from secondpass.core.jsonl import DEEPEST, decode_lines, parse_line, read_lines, read_rows
from secondpass.evaluate import read_jsonl
from secondpass.train import read_pairs

SEPARATORS = "\u2028\u2029\x85"
"""Where `str.splitlines` cuts, and which may stand in a JSON string as they are."""
CONTROLS = "\x0b\x0c\x1c\x1d\x1e\r"
"""Where it cuts too, and which plain text may hold."""
TEXT = f"Goethe{SEPARATORS}wrote Faust"


def _texts(ranking: Ranking) -> list[str]:
    return [candidate.text for candidate in ranking]


def _documents(path: Path) -> list[str]:
    return [document.text for document in read_documents(str(path))]


def _judged(path: Path) -> list[str]:
    return [text for judged in read_judged(path) for text in _texts(judged.ranking)]


def _collection(path: Path) -> list[str]:
    return [text for topic in read_jsonl(path).topics for text in _texts(topic.ranking)]


def _pairs(path: Path) -> list[str]:
    return [text for pairs in read_pairs(path) for text in pairs.positives]


def _lists(text: str) -> dict[str, Any]:
    return {"query": "q", "texts": [text], "labels": [1]}


READERS: dict[str, tuple[Callable[[Path], list[str]], Callable[[str], dict[str, Any]]]] = {
    "documents": (_documents, lambda text: {"text": text}),
    "judged lists": (_judged, _lists),
    "a collection": (_collection, _lists),
    "pairs": (_pairs, lambda text: {"query": "q", "positive": text}),
    "a workload": (read_texts, lambda text: {"text": text}),
}
every_reader = pytest.mark.parametrize(("read", "row"), READERS.values(), ids=READERS)


@every_reader
def test_a_line_ends_at_a_line_feed_and_nowhere_else(
    read: Callable[[Path], list[str]], row: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    path = tmp_path / "lines.jsonl"
    lines = [json.dumps(row(text), ensure_ascii=False) for text in (TEXT, "second")]
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n\n".join(lines).encode())
    assert read(path) == [TEXT, "second"]


@every_reader
@pytest.mark.usefixtures("no_finalizers")
@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{", "line 2 is not JSON"),
        (b'{"text": "\xe9"}', "line 2 is not UTF-8.*convert the file"),
        (b'{"a": NaN}', "line 2 is not JSON: NaN is not a number that JSON has; write null"),
        (b'{"a": -Infinity}', "line 2 is not JSON: -Infinity is not a number"),
        (b'{"a": 1e999}', "line 2 is not JSON: 1e999 is more than a number can hold"),
        (b'{"a": ' + b"1" * 5000 + b"}", "line 2 is not JSON: "),
        (b'{"a": "\x0b"}', "line 2 is not JSON: Invalid control character"),
        (b'{"a":' * 100_000, "line 2 nests lists and objects too deep"),
        (b'{"a":' + b"[" * DEEPEST + b"]" * DEEPEST + b"}", "line 2 nests .* up to 200"),
    ],
)
def test_a_bad_line_is_named(
    read: Callable[[Path], list[str]],
    row: Callable[[str], dict[str, Any]],
    line: bytes,
    message: str,
    tmp_path: Path,
) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_bytes(json.dumps(row("first")).encode() + b"\n" + line + b"\n")
    with pytest.raises(InvalidInputError, match=message) as caught:
        read(path)
    assert "lines.jsonl" in str(caught.value)


@every_reader
def test_a_file_that_is_not_there_is_named(
    read: Callable[[Path], list[str]], row: Callable[[str], dict[str, Any]], tmp_path: Path
) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(InvalidInputError, match="cannot read") as caught:
            read(path)
        assert str(path) in str(caught.value)


def test_plain_text_keeps_what_splitlines_would_cut_at(tmp_path: Path) -> None:
    text = f"Goethe{SEPARATORS}{CONTROLS}wrote"
    path = tmp_path / "plain.txt"
    path.write_bytes(f"{text}\n \n{text}\r\n".encode())
    assert _documents(path) == [text, text]
    assert list(read_lines(path)) == [(1, text), (3, text)]


def test_half_of_a_surrogate_pair_and_what_nests_a_little_are_read() -> None:
    nested = "[" * DEEPEST + "]" * DEEPEST
    assert parse_line(nested, "here") == json.loads(nested)
    assert parse_line('"\\ud800"', "here") == "\ud800"
    many = json.dumps([[]] * 1000)
    assert parse_line(many, "here") == [[]] * 1000


def test_a_damaged_stream_is_told_with_the_line_it_broke_behind(tmp_path: Path) -> None:
    packed = tmp_path / "a.gz"
    packed.write_bytes(gzip.compress(b"[1]\n" * 9999)[:-20])
    with gzip.open(packed) as stream, pytest.raises(InvalidInputError, match="it is damaged"):
        list(decode_lines(stream, packed))
    with pytest.raises(InvalidInputError, match=r"a\.gz behind line \d+; it is damaged"):
        list(read_rows(packed))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pipe_is_read_once(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    data = pack(b"Cats sleep.\nGoethe wrote Faust.\n")
    writer = threading.Thread(target=pipe.write_bytes, args=(data,))
    writer.start()
    assert [c.text for c in read_documents(str(pipe))] == ["Cats sleep.", "Goethe wrote Faust."]
    writer.join()


def test_gzip_is_unpacked_whatever_the_file_is_called(tmp_path: Path) -> None:
    row = {"query": "q", "texts": ["a", "b"], "labels": [1, 0]}
    for name in ("labels.jsonl.gz", "labels.jsonl"):
        (tmp_path / name).write_bytes(gzip.compress(json.dumps(row).encode()))
        (judged,) = read_judged(tmp_path / name)
        assert judged.relevant == {"0"}
