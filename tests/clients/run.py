"""Clients that do not fit into one environment, each in its own, against the running service.

    python tests/clients/run.py [NAME ...]           make test-clients

Makes virtual environments under build/clients, starts `secondpass serve`, and runs each script of
`CLIENTS` with its packages; needs a package index.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build/clients"
SHARED = """
import sys
url = sys.argv[1]
texts = ["Cats sleep all day.", "Goethe wrote the play Faust.", "Rust never sleeps."]
query = "who wrote Faust?"
"""
CLIENTS = {
    "langchain-cohere": (
        ["langchain-cohere"],
        """
from langchain_cohere import CohereRerank
from langchain_core.documents import Document
reranker = CohereRerank(model="rerank-v3.5", cohere_api_key="any", base_url=url, top_n=3)
found = reranker.compress_documents([Document(page_content=t) for t in texts], query)
assert [d.page_content for d in found][0] == texts[1] and len(found) == 3
assert found[0].metadata["relevance_score"] > 0.5 > found[1].metadata["relevance_score"]
""",
    ),
    "llama-index-cohere": (
        ["llama-index-postprocessor-cohere-rerank"],
        """
from llama_index.core.schema import NodeWithScore, TextNode
from llama_index.postprocessor.cohere_rerank import CohereRerank
reranker = CohereRerank(model="rerank-v3.5", api_key="any", base_url=url, top_n=3)
nodes = [NodeWithScore(node=TextNode(text=text)) for text in texts]
found = reranker.postprocess_nodes(nodes, query_str=query)
assert found[0].node.text == texts[1] and found[0].score > 0.5 > found[1].score
""",
    ),
    "cohere-5": (
        ["cohere<6"],
        """
import cohere
answer = cohere.ClientV2(api_key="any", base_url=url).rerank(
    model="rerank-v3.5", query=query, documents=texts)
assert [r.index for r in answer.results][0] == 1
answer = cohere.Client(api_key="any", base_url=url).rerank(
    model="rerank-v3.5", query=query, documents=[{"text": t} for t in texts], top_n=1)
assert [r.index for r in answer.results] == [1]
""",
    ),
    "litellm": (
        ["litellm"],
        """
import litellm
paths = {"cohere": "/v2/rerank", "jina_ai": "/v1/rerank", "hosted_vllm": "/rerank"}
for provider, path in paths.items():
    answer = litellm.rerank(model=f"{provider}/rerank-v3.5", query=query, documents=texts,
                            api_base=url + path, api_key="any")
    assert answer.results[0]["index"] == 1 and answer.results[0]["relevance_score"] > 0.5
""",
    ),
    "tei-client": (
        ["tei-client"],
        """
import asyncio
from tei_client import HttpClient
client = HttpClient(url)
assert client.health() and client.info().max_input_length == 512
answer = client.rerank(query, texts, return_text=True, truncate=True)
assert [(r.index, r.text) for r in answer.ranks][0] == (1, texts[1])
assert answer.ranks[0].score > 0.5 > answer.ranks[1].score
raw = asyncio.run(client.async_rerank(query, texts, raw_scores=True))
assert [r.index for r in raw.ranks] == [r.index for r in answer.ranks]
""",
    ),
    "huggingface-hub": (
        ["huggingface-hub>=1"],
        """
from huggingface_hub import InferenceClient
client = InferenceClient(provider="hf-inference")  # it has no call for reranking
assert client.health_check(url)
info = client.get_endpoint_info(model=url)
assert info["model_id"] == "builtin" and "reranker" in info["model_type"]
""",
    ),
    "a-model-that-is-not-there": (
        [],
        """
import json, urllib.error, urllib.request
body = json.dumps({"query": query, "documents": texts, "model": "rerank-v9"}).encode()
request = urllib.request.Request(url + "/v1/rerank", body, {"Content-Type": "application/json"})
try:
    urllib.request.urlopen(request)
except urllib.error.HTTPError as error:
    assert error.code == 404 and "rerank-v3.5" in json.load(error)["message"]
else:
    raise AssertionError("an unknown model was served")
""",
    ),
}


def main() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "secondpass", "serve", "rerank-v3.5=builtin"]
    service = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)
    # nothing of this environment's packages and settings
    alone = {n: v for n, v in os.environ.items() if n not in ("PYTHONPATH", "HF_HUB_OFFLINE")}
    url, failed = f"http://127.0.0.1:{port}", []
    try:
        while True:
            try:
                urllib.request.urlopen(f"{url}/health/ready", timeout=5).close()
                break
            except OSError:
                if service.poll() is not None:
                    return 1
                time.sleep(0.2)
        for name in sys.argv[1:] or CLIENTS:
            packages, script = CLIENTS[name]
            folder = BUILD / name
            python = folder / "bin/python"
            if not python.exists():
                venv.create(folder, with_pip=True)
            if packages:
                subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], check=True)
            done = subprocess.run([python, "-c", SHARED + script, url], env=alone, check=False)
            print(f"{'ok    ' if done.returncode == 0 else 'FAILED'} {name}")  # noqa: T201
            failed += [name] if done.returncode else []
    finally:
        service.terminate()
        service.wait(60)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
