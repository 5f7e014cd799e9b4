"""The page of the service in a real browser: it asks, shows, marks evidence, and cuts."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

import secondpass.serve

pytestmark = pytest.mark.enable_socket
PAGE = Path(secondpass.serve.__file__).with_name("page") / "index.html"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("chrome")
DRIVER = """
<script>
addEventListener("load", async () => {
  const wait = async (ready) => { while (!ready()) await new Promise((go) => setTimeout(go, 50)); };
  await wait(() => at("recipe").options.length);
  at("form").requestSubmit();
  await wait(() => at("results").children.length);
  const said = [at("results").children.length, at("kept").textContent];
  at("threshold").value = 0; at("threshold").dispatchEvent(new Event("input"));
  said.push(at("kept").textContent, at("results").textContent.includes("Goethe"));
  document.body.dataset.said = said.join("|");
});
</script></body>
"""


def test_it_needs_nothing_from_elsewhere(service: Any) -> None:
    response = service.get("/")
    html = response.text
    assert html == PAGE.read_text(encoding="utf-8")
    assert not re.findall(r"""(?:src|href)=["'](?!data:|docs["'])""", html)
    assert "http" not in html.replace("http-equiv", "")
    assert "default-src 'none'" in response.headers["content-security-policy"]


def test_its_script_uses_fields_that_answers_have(service: Any) -> None:
    """Where there is no browser: the names that the script reads are there."""
    script = PAGE.read_text(encoding="utf-8").split("<script>")[1]
    body = {"query": "q", "documents": ["a b", "c"], "return_documents": True}
    answer = service.post("/rank", body).json()
    for name in re.findall(r"answer\.(\w+)", script):
        assert name in answer or name == "message", name
    for name in re.findall(r"candidate\.(\w+)", script):
        assert name in answer["candidates"][0], name
    ids = set(re.findall(r'at\("(\w+)"\)', script))
    assert ids <= set(re.findall(r'id="(\w+)"', PAGE.read_text(encoding="utf-8")))


@pytest.mark.skipif(BROWSER is None, reason="needs a browser: apt-get install chromium")
def test_in_a_browser(service: Any, tmp_path: Path) -> None:
    html = PAGE.read_text(encoding="utf-8").replace("</body>", DRIVER)
    html = re.sub(r'fetch\("', f'fetch("{service.url}/', html)
    file = tmp_path / "page.html"
    file.write_text(html, encoding="utf-8")
    done = subprocess.run(
        [
            str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", "--disable-web-security",
            "--virtual-time-budget=20000", "--enable-logging=stderr",
            f"--user-data-dir={tmp_path / 'profile'}", "--dump-dom", file.as_uri(),
        ],
        capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    assert not [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    said = re.search(r'data-said="([^"]*)"', done.stdout)
    assert said
    assert said[1] == "3|1 of 3|3 of 3|true"
