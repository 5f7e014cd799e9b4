"""Stages with a judge go to other processes: pickled, and used there."""

from __future__ import annotations

import copy
import multiprocessing
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("openai")

from secondpass import Compare, Order, Ranking, Rate, Refine, Top, TopDown, load
from secondpass.judge import Heapsort, SelfConsistent, SetwiseHeapsort
from secondpass.models.openai.client import judge
from secondpass.stages import ScorerComparer
from secondpass.testing import ChatServer, FakeJudge, FakeScorer

pytestmark = [pytest.mark.enable_socket, pytest.mark.filterwarnings("error")]

TEXTS = ["cats and dogs", "read a file line by line", "read a file", "the museum is closed"]
FOUND = Ranking.of("read a file line by line", TEXTS)


def _loaded(url: str) -> Any:
    return load("judge:m", options={"base_url": url})


MAKERS: list[Callable[[str], Any]] = [
    _loaded,
    lambda url: Rate(judge("m", base_url=url)),
    lambda url: Compare(judge("m", base_url=url)),
    lambda url: Compare(judge("m", base_url=url), Heapsort(4)),
    lambda url: Order(judge("m", base_url=url), SetwiseHeapsort(3, 4)),
    lambda url: Order(judge("m", base_url=url), SelfConsistent(TopDown(4, 2), 3)),
    lambda url: Refine(_loaded(url), 3),
    lambda url: load("bm25") >> Top(4) >> Refine(_loaded(url), 4) >> Top(2),
    lambda url: Order(FakeJudge()),
    lambda url: Compare(ScorerComparer(FakeScorer())),
]


@pytest.mark.parametrize("i", range(len(MAKERS)))
def test_a_stage_with_a_judge_pickles_and_still_works(i: int) -> None:
    with ChatServer() as server:
        stage = MAKERS[i](server.url)
        before = pickle.loads(pickle.dumps(stage))  # never used
        expected = stage(FOUND).ids
        for again in (before, pickle.loads(pickle.dumps(stage)), copy.deepcopy(stage)):
            assert again(FOUND).ids == expected
            assert again.name == stage.name
    assert expected[0] == "1"


def test_llamaindexs_reranker_with_a_judge_pickles() -> None:
    pytest.importorskip("llama_index.core")
    pytest.importorskip("llama_index.postprocessor.secondpass")
    from llama_index.core.schema import NodeWithScore, TextNode
    from llama_index.postprocessor.secondpass import SecondPassRerank

    with ChatServer() as server:
        rerank = SecondPassRerank(model=judge("m", base_url=server.url), top_n=2)
        again = pickle.loads(pickle.dumps(rerank))
        nodes = [NodeWithScore(node=TextNode(text=text)) for text in TEXTS]
        for one in (rerank, again):
            ranked = one.postprocess_nodes(nodes, query_str=FOUND.query)
            assert [n.node.get_content() for n in ranked] == TEXTS[1:3]


def _ranked(stage: Any) -> list[str]:
    return list(stage(FOUND).ids)


def test_another_process_gets_the_stage_and_uses_it() -> None:
    with ChatServer() as server, multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_ranked, (_loaded(server.url),)) == ["1", "2", "0", "3"]


FORKS = """
import os, traceback, secondpass
from secondpass.models.client_per_loop import close_clients
from secondpass.testing import ChatServer

def in_the_child():
    assert close_clients() == []  # nothing to wait for: those loops are its parent's
    assert stage(found).ids == ["1", "0"]  # over connections of its own
    (own,) = close_clients()
    own.result(timeout=60)

with ChatServer() as server:
    stage = secondpass.load("judge:m", options={"base_url": server.url})
    found = secondpass.Ranking.of("b", ["a", "b"])
    assert stage(found).ids == ["1", "0"]
    child = os.fork()
    if child == 0:
        try:
            in_the_child()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert stage(found).ids == ["1", "0"]
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_does_not_wait_for_its_parents_connections() -> None:
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], check=True)
