"""What the callers of `service.py` do, for locust; each answer is compared with the library's.

PLAN in the environment is a file of JSON: ``phases``, pairs of seconds and requests a second (0:
a closed loop, each of the users asks again when it was answered); ``bodies`` and ``expected`` by
number of documents; ``users``, how many; ``out``, the file for what was measured. In an open loop
one user sends at Poisson times whatever has been answered, so that a slow service is not asked
less.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import time
from pathlib import Path
from typing import Any

import gevent
from gevent.pool import Group
from locust import FastHttpUser, events, task
from locust.exception import StopUser

PLAN = json.loads(Path(os.environ["PLAN"]).read_text(encoding="utf-8"))
SIZES = itertools.cycle(PLAN["sizes"])
BODIES = {int(size): body for size, body in PLAN["bodies"].items()}
EXPECTED = {int(size): scores for size, scores in PLAN["expected"].items()}
RECORDS: list[tuple[float, str, int, float]] = []
"""Second since the start, what came of it, documents, milliseconds."""
ENDED: list[FastHttpUser] = []
RANDOM = random.Random(7)


class Caller(FastHttpUser):
    """Asks for reranked lists of several sizes."""

    concurrency = 5000
    network_timeout = connection_timeout = 120

    def on_start(self) -> None:
        self.began = self.at = time.perf_counter()
        self.open: Any = Group()

    @task
    def go(self) -> None:
        """The next request, or the wait for it."""
        rate = self.rate_now()
        if rate is None:
            self.open.join(timeout=120)
            ENDED.append(self)
            if len(ENDED) == PLAN["users"]:
                gevent.spawn(self.environment.runner.quit)  # it waits for this one to stop
            raise StopUser
        if not rate:
            self.ask()
            return
        self.at = max(self.at, time.perf_counter() - 1) + RANDOM.expovariate(rate)
        gevent.sleep(max(0.0, self.at - time.perf_counter()))
        self.open.spawn(self.ask)

    def rate_now(self) -> float | None:
        """Of the phase; None after the last."""
        left = self.began - time.perf_counter()
        for seconds, rate in PLAN["phases"]:
            left += seconds
            if left > 0:
                return float(rate)
        return None

    def ask(self) -> None:
        size = next(SIZES)
        began = time.perf_counter()
        with self.client.post(
            PLAN["path"], data=BODIES[size], name=f"{size} documents", catch_response=True,
            headers={"Content-Type": "application/json"},
        ) as response:  # fmt: skip
            took = 1000 * (time.perf_counter() - began)
            outcome = outcome_of(response, size)
            if outcome == "right":
                response.success()
            else:
                response.failure(outcome)
        RECORDS.append((began - self.began, outcome, size, took))


def outcome_of(response: Any, size: int) -> str:
    """In one word or two."""
    if not response.status_code:
        return "lost"
    if response.status_code == 429:
        return "429" if int(response.headers.get("Retry-After", 0)) >= 1 else "429 without a time"
    if response.status_code != 200:
        return f"status {response.status_code}"
    answer = response.json()
    if answer.get("status") == "partial":
        return "partial"
    scores = [0.0] * size
    for one in answer.get("candidates") or answer["results"]:
        score = one["score"] if "score" in one else one["relevance_score"]
        scores[one.get("position", one.get("index"))] = score
    wrong = max(abs(a - b) for a, b in zip(scores, EXPECTED[size], strict=True))
    return "right" if wrong < PLAN["tolerance"] else "WRONG"


@events.quitting.add_listener
def write(**_: Any) -> None:
    """What was measured, for `service.py`."""
    Path(PLAN["out"]).write_text(json.dumps(RECORDS), encoding="utf-8")
