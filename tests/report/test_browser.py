"""The page in a real browser: its script runs, nothing complains, the slider moves the figures."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from secondpass.report import LabelledScores, Report

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs a browser: apt-get install chromium")
DRIVER = """
<script>
addEventListener("load", () => {
  const out = (name) => document.querySelector(`[data-out=${name}]`).textContent;
  const range = document.querySelector(".range"), number = document.querySelector(".number");
  const said = [out("code")];
  range.value = 0.5; range.dispatchEvent(new Event("input")); said.push(out("code"), number.value);
  number.value = "0.25"; number.dispatchEvent(new Event("input"));
  said.push(out("code"), range.value);
  number.value = "7"; number.dispatchEvent(new Event("input")); said.push(out("code"));
  document.querySelector(".best").click(); said.push(out("code"));
  document.body.dataset.said = said.join("|");
  document.body.dataset.wide = String(document.documentElement.scrollWidth > innerWidth);
  document.body.dataset.enabled = String(!range.disabled);
});
</script></body>
"""


def browse(address: str, *options: str, profile: Path) -> tuple[str, str]:
    """Standard output and what the page and the browser complained of."""
    done = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            "--virtual-time-budget=5000", "--enable-logging=stderr", f"--user-data-dir={profile}",
            *options, address,
        ],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    return done.stdout, done.stderr


def complaints(log: str) -> list[str]:
    return [line for line in log.splitlines() if "CONSOLE" in line]


@pytest.fixture(scope="module")
def file(page: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(page, encoding="utf-8")
    return path


def figures(html: str) -> dict[str, str]:
    return dict(re.findall(r'data-out="(\w+)">([^<]*)<', html))


def expected(made: Report, threshold: float) -> dict[str, str]:
    """Written out once more, slowly."""
    (parts,) = made.parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    kept, tokens, precisions, recalls = [], [], [], []
    for q in parts.threshold.queries:
        chosen = [i for i, s in enumerate(q.scores) if s >= threshold]
        hits = sum(q.labels[i] for i in chosen)
        kept.append(len(chosen))
        tokens.append(sum(q.tokens[i] for i in chosen))
        precisions += [hits / len(chosen)] if chosen else []
        recalls += [hits / q.relevant] if q.relevant else []
    precision, recall = sum(precisions) / len(precisions), sum(recalls) / len(recalls)
    every = sum(sum(q.tokens) for q in parts.threshold.queries)
    return {
        "precision": f"{precision:.3f}",
        "recall": f"{recall:.3f}",
        "f1": f"{2 * precision * recall / (precision + recall):.3f}",
        "kept": f"{sum(kept) / len(kept):.1f}",
        "tokens": f"{sum(tokens) / len(tokens):.0f}",
        "saved": f"{100 * (1 - sum(tokens) / every):.1f}\u202f%",
        "empty": f"{100 * kept.count(0) / len(kept):.1f}\u202f%",
        "code": f"Threshold({threshold:g})",
    }


def near(found: dict[str, str], right: dict[str, str]) -> None:
    """Equal, but for how the last digit of a half is rounded."""
    assert found.keys() == right.keys()
    assert found["code"] == right["code"]
    for name in right.keys() - {"code"}:
        step = {"kept": 0.1, "tokens": 1, "saved": 0.1, "empty": 0.1}.get(name, 0.001)
        a, b = (float(one[name].rstrip("\u202f%")) for one in (found, right))
        assert a == pytest.approx(b, abs=1.01 * step), name


def test_it_starts_at_the_best_f1_without_a_complaint(
    file: Path, made: Report, tmp_path: Path
) -> None:
    html, log = browse(file.as_uri(), "--dump-dom", profile=tmp_path)
    assert complaints(log) == []
    assert 'data-ready="yes"' in html
    assert html.count('class="at"') == 2  # the script's own text, and what it drew
    (parts,) = made.parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    near(figures(html), expected(made, parts.threshold.start))


def test_the_address_moves_the_threshold(file: Path, made: Report, tmp_path: Path) -> None:
    html, log = browse(f"{file.as_uri()}#threshold=0.3", "--dump-dom", profile=tmp_path)
    assert complaints(log) == []
    near(figures(html), expected(made, 0.3))
    assert figures(html) != expected(made, 0.7)


def test_slider_number_and_button_on_a_narrow_screen(
    file: Path, made: Report, page: str, tmp_path: Path
) -> None:
    driven = tmp_path / "driven.html"
    driven.write_text(page.replace("</body>", DRIVER), encoding="utf-8")
    html, log = browse(
        driven.as_uri(), "--dump-dom", "--window-size=500,900", profile=tmp_path / "profile"
    )
    assert complaints(log) == []
    (parts,) = made.parts.values()
    assert isinstance(parts.threshold, LabelledScores)
    best = f"Threshold({parts.threshold.start})"
    said = re.search(r'data-said="([^"]*)"', html)
    assert said
    # 7 is no probability, so it changes nothing
    assert said.group(1).split("|") == [
        best, "Threshold(0.5)", "0.5", "Threshold(0.25)", "0.25", "Threshold(0.25)", best,
    ]  # fmt: skip
    assert 'data-wide="false"' in html
    assert 'data-enabled="true"' in html


def test_tables_fit_a_phone(page: str, tmp_path: Path) -> None:
    measure = """<script>
    addEventListener("load", () => {
      const boxes = [...document.querySelectorAll(".scroll")];
      const wide = boxes.filter((box) => box.scrollWidth > box.clientWidth);
      const html = document.documentElement;
      parent.postMessage([innerWidth, html.scrollWidth, boxes.length, wide.length].join(), "*");
    });
    </script></body>"""
    (tmp_path / "inner.html").write_text(page.replace("</body>", measure), encoding="utf-8")
    # a window is never that narrow, a frame may be
    (tmp_path / "phone.html").write_text(
        "<!doctype html><body><script>onmessage = (e) => document.body.dataset.widths = e.data;"
        '</script><iframe src="inner.html" style="width:360px;height:800px;border:0"></iframe>'
    )
    html, log = browse((tmp_path / "phone.html").as_uri(), "--dump-dom", profile=tmp_path / "p")
    assert complaints(log) == []
    assert 'data-widths="360,360,3,0"' in html


def test_it_can_be_looked_at(file: Path, tmp_path: Path) -> None:
    picture = tmp_path / "page.png"
    browse(
        file.as_uri(), f"--screenshot={picture}", "--window-size=1200,3000", profile=tmp_path / "p"
    )
    head = picture.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    assert struct.unpack(">II", head[16:24]) == (1200, 3000)
    assert picture.stat().st_size > 50_000  # not a blank page
