"""Keys, health, metrics, logs, overload, workers, and what happens when one is killed."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from secondpass import InvalidInputError, MissingExtraError, Recipe, RecipeError, Score, load
from secondpass.cli import app as command_line
from secondpass.models.onnx.session import _open
from secondpass.serve import Settings
from secondpass.serve.forked import NOT_BEFORE_A_FORK, can_fork
from secondpass.serve.log_lines import JsonLines
from secondpass.serve.served import Recipes
from secondpass.stages.score import Pair

pytestmark = pytest.mark.enable_socket
CLIENT = httpx.Client(timeout=60)  # a client of its own for each request is slow to make
BODY = {"query": "who wrote Faust?", "documents": ["Goethe wrote Faust.", "Cats sleep."]}


def test_keys(serving: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys"
    file.write_text("second\n\n")
    with serving(keys=["first"], keys_file=file) as server:
        assert server.post("/rank", BODY).status_code == 401
        for key in ("firs", "first", "x" * 5000):
            wrong = server.post("/rank", BODY, headers={"Authorization": f"Basic {key}"})
            assert wrong.status_code == 401
        assert (
            server.post("/rank", BODY, headers={"Authorization": "Bearer nth"}).status_code == 401
        )
        for key in ("first", "second"):
            right = {"Authorization": f"Bearer {key}"}
            assert server.post("/rank", BODY, headers=right).status_code == 200
        assert server.get("/metrics").status_code == 401
        assert server.get("/health/live").status_code == 200
        assert server.get("/").status_code == 200
    file.write_text(" \n")
    with pytest.raises(InvalidInputError, match="holds no key"), serving(keys_file=file):
        pass


def test_it_is_ready_when_known_pairs_were_scored_as_expected(
    serving: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Reversed:
        name, cache_key = "reversed", ""

        def score(self, pairs: Sequence[Pair]) -> list[float]:
            return [-len(set(q.lower().split()) & set(t.lower().split())) for q, t in pairs]

    monkeypatch.setattr("secondpass.serve.served.as_stage", lambda model: Score(Reversed()))
    with serving(recipes={"wrong": "any"}) as server:
        assert server.get("/health/live").status_code == 200
        response = server.get("/health/ready")
        while "being scored" in response.text:
            response = server.get("/health/ready")
        assert response.status_code == 503
        assert "'wrong' ranks the wrong text higher" in response.json()["reason"]


def test_metrics_and_logs_say_what_happened_and_nothing_of_the_texts(
    service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "zebra"
    with caplog.at_level(logging.INFO, "secondpass.serve"):
        body = {"query": f"{secret}?", "documents": ["word " * 2000, secret], "recipe": "cut"}
        service.post("/rank", body, headers={"X-Request-Id": "my-id"})
        service.post("/rank", {"query": secret, "documents": 3})
        service.post("/rank", BODY)
    lines = [json.loads(JsonLines().format(record)) for record in caplog.records]
    (line,) = [line for line in lines if line.get("id") == "my-id"]
    assert (line["recipe"], line["documents"], line["status"]) == ("cut", 2, 200)
    assert secret not in json.dumps(lines)
    page = service.get("/metrics").text
    for said in (
        'secondpass_requests_total{path="/rank",status="200"}',
        'secondpass_requests_total{path="/rank",status="422"}',
        'secondpass_truncated_documents_total{model="builtin@',
        'secondpass_events_total{kind="dropped",recipe="cut"}',
        'secondpass_pairs_total{recipe="cut"}',
        'secondpass_score_bucket{le="0.5",model="builtin@',
        "secondpass_batch_tokens_bucket", "secondpass_queue_wait_seconds_count",
        "secondpass_queue_tokens 0.0", "secondpass_open_requests",
    ):  # fmt: skip
        assert said in page, said
    assert secret not in page


class Gated:
    """Scores when it is let."""

    name, cache_key = "gated", ""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()

    def score(self, pairs: Sequence[Pair]) -> list[float]:
        assert self.go.wait(60)
        return [
            float("answer" in t or q.split()[-1].strip("?").lower() in t.lower()) for q, t in pairs
        ]


def test_overload_is_answered_at_once_and_is_over_when_the_queue_is(
    serving: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Gated()
    monkeypatch.setattr("secondpass.serve.served.as_stage", lambda model_: Score(model))
    with serving(recipes={"gated": "any"}, queue_seconds=2.0) as server:
        served = server.app.state.service.recipes["gated"]
        while "being scored" in server.get("/health/ready").text:
            pass
        model.go.clear()
        (queue,) = served.batchers
        queue.rate = 20.0  # as if measured: a request of 24 tokens takes 1.2 seconds
        threads = [
            threading.Thread(target=lambda: answers.append(server.post("/rank", BODY)))
            for _ in range(2)
        ]
        answers: list[httpx.Response] = []
        for thread in threads:
            thread.start()
        while queue.queued < 30:
            time.sleep(0.01)
        refused = server.post("/rank", BODY)
        assert refused.status_code == 429
        assert int(refused.headers["Retry-After"]) >= 1
        assert "waiting" in refused.json()["message"]
        model.go.set()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [200, 200]
        assert server.post("/rank", BODY).status_code == 200
        assert 'status="429"' in server.get("/metrics").text


def test_a_deadline_gives_a_part_and_says_so(service: Any) -> None:
    texts = ["word " * 300 + str(i) for i in range(100)]
    hurried = {"Secondpass-Deadline-Ms": "60"}
    own = service.post("/rank", {"query": "q", "documents": texts}, headers=hurried)
    assert own.json()["status"] == "partial"
    assert len(own.json()["candidates"]) == 100
    v2 = {"model": "builtin", "query": "q", "documents": texts}
    other = service.post("/v2/rerank", v2, headers=hurried)
    assert other.headers["Secondpass-Status"] == "partial"
    assert len(other.json()["results"]) < 100
    assert all(0 <= r["relevance_score"] <= 1 for r in other.json()["results"])


def test_settings_come_from_flags_the_environment_and_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "serve.toml"
    file.write_text('port = 1\nworkers = 3\nmax_documents = 7\n[recipes]\nmine = "bm25"\n')
    monkeypatch.setenv("SECONDPASS_SERVE_WORKERS", "2")
    monkeypatch.setenv("SECONDPASS_SERVE_PORT", "2")
    settings = Settings.gathered({"port": 3}, file)
    assert (settings.port, settings.workers, settings.max_documents) == (3, 2, 7)
    assert settings.recipes == {"mine": "bm25"}
    assert "secret" not in repr(Settings(keys=["secret"]))
    for wrong in ({"port": -1}, {"wrokers": 2}, {"recipes": {}}):
        with pytest.raises(InvalidInputError, match=next(iter(wrong))):
            Settings.gathered(wrong)
    with pytest.raises(InvalidInputError, match="no file"):
        Settings.gathered({}, tmp_path / "none.toml")
    file.write_text("port = [")
    with pytest.raises(InvalidInputError):
        Settings.gathered({}, file)


def test_wrong_calls_of_the_command(tmp_path: Path) -> None:
    run = CliRunner().invoke
    bad = run(command_line, ["serve", str(tmp_path / "none.json")])
    assert isinstance(bad.exception, RecipeError)
    twice = run(command_line, ["serve", "a=builtin", "a=bm25"])
    assert "the name 'a'" in str(twice.exception)
    assert "NAME=RECIPE" in str(run(command_line, ["serve", "=x"]).exception)


def test_without_the_extra_it_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['fastapi'] = None\n"
        "import secondpass.serve\n"
        "try: secondpass.serve.make_app\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 'pip install "secondpass[server]"' in done.stdout
    assert issubclass(MissingExtraError, ImportError)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _start(*arguments: str) -> tuple[subprocess.Popen[bytes], str]:
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "secondpass", "serve", "--port", str(port), *arguments],
        stderr=subprocess.PIPE,
    )
    url = f"http://127.0.0.1:{port}"
    while process.poll() is None:
        try:
            if CLIENT.get(f"{url}/health/ready", timeout=60).status_code == 200:
                return process, url
        except httpx.TransportError:
            time.sleep(0.05)
    assert process.stderr
    raise AssertionError(process.stderr.read().decode())


@pytest.mark.slow
def test_a_killed_worker_loses_only_its_requests_and_is_replaced() -> None:
    process, url = _start("--workers", "2")
    try:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if not children.exists():
            pytest.skip("needs Linux's list of child processes")

        def workers() -> set[int]:
            return set(map(int, children.read_text().split()))

        def candidates(response: httpx.Response) -> Any:
            # the last bits of a score depend on what it is read together with
            answer = json.loads(response.text, parse_float=lambda text: round(float(text), 4))
            return answer.get("candidates")

        expected = candidates(CLIENT.post(f"{url}/rank", json=BODY, timeout=60))
        before = workers()
        assert len(before) == 2
        stop, failed, wrong, right = threading.Event(), [0], [0], [0]

        def keep_asking() -> None:
            while not stop.is_set():
                try:
                    response = CLIENT.post(f"{url}/rank", json=BODY, timeout=60)
                except httpx.TransportError:
                    failed[0] += 1
                    continue
                same = candidates(response) == expected
                (right if response.status_code == 200 and same else wrong)[0] += 1

        callers = [threading.Thread(target=keep_asking) for _ in range(3)]
        for caller in callers:
            caller.start()
        os.kill(min(before), signal.SIGKILL)
        while workers() & {min(before)} or len(workers()) < 2:
            time.sleep(0.05)
        enough = right[0] + 10
        while right[0] < enough:
            time.sleep(0.05)
        stop.set()
        for caller in callers:
            caller.join()
        assert wrong == [0]
        assert failed[0] <= len(callers) * 2  # at most those under way with the killed one
    finally:
        process.terminate()
        process.communicate(timeout=120)
    assert process.returncode == 0


def _proportional_kilobytes(pid: int) -> int:
    """Of memory, where what several processes share counts as a part for each."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
def test_workers_share_the_memory_of_what_was_loaded_and_drain() -> None:
    if not Path("/proc/self/smaps_rollup").exists():
        pytest.skip("needs Linux's account of memory")
    process, url = _start()
    CLIENT.post(f"{url}/rank", json=BODY)
    one = _proportional_kilobytes(process.pid)
    process.terminate()
    process.communicate(timeout=120)
    process, url = _start("--workers", "4")
    workers = _children(process.pid)
    assert len(workers) == 4
    with httpx.Client(timeout=120) as client:
        for _ in range(12):
            client.post(f"{url}/rank", json=BODY, headers={"Connection": "close"})
    four = sum(map(_proportional_kilobytes, [process.pid, *workers]))
    assert four < 2.5 * one, (one, four)  # five times as much if each had loaded its own
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(CLIENT.post(f"{url}/rank", json=LONG, timeout=120))
    )
    asking.start()
    _wait_for_request(url, answers)
    process.send_signal(signal.SIGTERM)
    asking.join()
    process.communicate(timeout=120)
    assert [answer.status_code for answer in answers] == [200]
    assert len(answers[0].json()["candidates"]) == 60
    assert process.returncode == 0
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


def test_a_process_with_threads_that_a_fork_would_lose_does_not_fork(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("threading.active_count", lambda: 1)
    for name in NOT_BEFORE_A_FORK:
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert can_fork() == (sys.platform == "linux")
    monkeypatch.setitem(sys.modules, "openvino", sys)
    assert not can_fork()
    monkeypatch.delitem(sys.modules, "openvino")
    monkeypatch.setattr("threading.active_count", lambda: 2)
    assert not can_fork()


@pytest.mark.slow
def test_workers_end_when_the_process_that_started_them_is_killed() -> None:
    process, _ = _start("--workers", "2")
    if not Path(f"/proc/{process.pid}/task/{process.pid}/children").exists():
        pytest.skip("needs Linux's list of child processes")
    workers = _children(process.pid)
    process.kill()
    process.communicate(timeout=120)  # they hold the other end of its standard error
    assert not any(Path(f"/proc/{pid}/exe").exists() for pid in workers)


LONG = {"query": "q", "documents": ["word " * 300 + str(i) for i in range(60)]}


def _wait_for_request(url: str, answers: list[httpx.Response]) -> None:
    while "secondpass_open_requests 1.0" not in CLIENT.get(f"{url}/metrics", timeout=60).text:
        if answers:
            return


@pytest.mark.slow
def test_sigterm_lets_requests_finish() -> None:
    process, url = _start()
    answers: list[httpx.Response] = []
    asking = threading.Thread(
        target=lambda: answers.append(CLIENT.post(f"{url}/rank", json=LONG, timeout=120))
    )
    asking.start()
    _wait_for_request(url, answers)
    process.send_signal(signal.SIGTERM)
    asking.join()
    _, said = process.communicate(timeout=120)
    assert [answer.status_code for answer in answers] == [200]
    assert len(answers[0].json()["candidates"]) == 60
    lines = [json.loads(line) for line in said.decode().splitlines()]
    assert any(line["message"] == "request" for line in lines)
    assert process.returncode in (0, -signal.SIGTERM)


def test_threads_go_into_what_does_not_say_how_many_and_a_model_is_loaded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = tmp_path / "mine.json"
    Recipe.of(load("builtin:raw", options={"threads": 3})).save(mine)
    opened: list[Path] = []

    def counted(path: Path) -> Any:
        opened.append(path)
        return _open(path)

    monkeypatch.setattr("secondpass.models.onnx.session._open", counted)
    for model, threads in (("builtin", 5), (str(mine), 3), (f"builtin-split:{tmp_path}/v", 5)):
        opened.clear()
        recipes = Recipes(Settings(recipes={"a": model, "b": model}, threads=5))
        assert len(opened) == len(set(opened)) > 0
        (one,), (other,) = recipes["a"].batchers, recipes["b"].batchers
        assert one is other
        assert one.scorer.threads == threads  # type: ignore[attr-defined]
        recipes.close()
    assert one.scorer.vectors == f"{tmp_path}/v"  # type: ignore[attr-defined]
