# %% [markdown]
# # 6. Your domain
#
# **At the end you have** the built-in model fine-tuned on a domain that it does not know, measured
# before and after on queries that had no part in it, and an honest verdict.
#
# **It needs** no key and no GPU; about two minutes on two cores. In an empty virtual environment,
# from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 ".[bm25,train]" jupyterlab
# cd cookbook && jupyter lab 06_your_domain.ipynb
# ```

# %% [markdown]
# ## A domain: code
#
# The built-in model was trained on prose. Here the passages are *source code*: functions of
# Python's standard library, which every Python carries, each without its docstring. The query is the
# first sentence of that docstring. Finding the function that a sentence describes is what a search
# over your own code base does.
#
# The model's training did read docstrings of Python (its card says so), but no code. What is learned
# here is read from your own disk; the outputs show figures and names only.

# %%
import ast
import hashlib
import sysconfig
from pathlib import Path

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
PACKAGES = (
    "", "asyncio", "collections", "concurrent/futures", "email", "html", "http", "importlib", "json",
    "logging", "multiprocessing", "unittest", "urllib", "wsgiref", "xml/dom", "xml/sax",
)  # fmt: skip
LARGEST = 60_000
"""Bytes of a file: larger ones take long to parse."""


def functions(file):
    """Name, first sentence and code of each documented function, short enough to be read at once."""
    tree = ast.parse(file.read_text("utf-8"))
    inside = [thing for part in tree.body for thing in (part, *getattr(part, "body", []))]
    for thing in inside:
        if not isinstance(thing, ast.FunctionDef | ast.AsyncFunctionDef) or len(thing.body) < 3:
            continue
        told = " ".join((ast.get_docstring(thing) or "").split("\n\n")[0].split())
        if 5 <= len(told.split()) <= 25:
            thing.body = thing.body[1:]  # what remains is code
            code = ast.unparse(thing)
            if 12 <= len(code.split()) <= 50:
                yield thing.name, told, code


known = {}
for package in PACKAGES:
    for file in sorted((LIBRARY / package).glob("*.py")):
        if file.stat().st_size <= LARGEST:
            for name, told, code in functions(file):
                known.setdefault(told.casefold(), (name, told, code))
print(len(known), "functions")

# %% [markdown]
# ## Judged lists from pairs
#
# A sentence and its function are a *pair*: a query with one text that answers it. What does not
# answer it is mined: the other functions that BM25 finds for the sentence, which are wrong and look
# right. (Some of them may be right too, and nobody has judged them; that makes every figure below
# a little too low, before and after alike.)

# %%
from secondpass.train import QueryPairs, mine_negatives

QUERIES, OTHERS = 200, 5
ordered = sorted(known.values(), key=lambda row: hashlib.sha256(row[1].encode()).digest())
judged = mine_negatives(
    [QueryPairs(told, (code,)) for _, told, code in ordered[:QUERIES]], per_query=OTHERS
)
print(len(judged), "queries with", sum(len(one.ranking) for one in judged), "candidates")

# %% [markdown]
# ## Train, and measure honestly
#
# `fine_tune` splits the queries first: nearly a third is held out and only ever measured; a tenth
# chooses the checkpoint and a tenth fits the calibrator again; it trains on the rest. It exports the
# result to int8 ONNX, so what is measured is what you would run.

# %%
import tempfile
import time

from secondpass.train import fine_tune

folder = tempfile.TemporaryDirectory()
steps = []


def watch(now):
    if now.phase == "training" and now.loss is not None:
        steps.append((now.done, now.loss))


began = time.perf_counter()
report = fine_tune(
    judged, out=Path(folder.name) / "code", epochs=1, lr=1e-4, batch=4, list_size=6, max_length=128,
    held_out=0.3, int8=True, on_progress=watch,
)  # fmt: skip
print(f"{time.perf_counter() - began:.0f} s; lists: {report.sizes}")
print(report.summary())

# %% [markdown]
# The verdict is by the interval of the paired difference over the held-out queries. If it says "no
# clear difference", that is what was found, and look at "before": where it is near 1 the model is
# good here already (a function's name says much of what it does) and little is left to gain; else
# more labelled queries, or more steps, would tell. The calibrator is fitted again in any case, so
# the probabilities may be better where the order is the same. If it
# says "worse", `before.json` beside the result is what you had.

# %%
import matplotlib.pyplot as plt

figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
rows = (
    ("nDCG@10", report.before.mean, report.after.mean),
    ("MRR@10", report.before.mrr10, report.after.mrr10),
    (
        "calibration\nerror",
        report.before.calibration_error or 0,
        report.after.calibration_error or 0,
    ),
)
for place, (_, before, after) in enumerate(rows):
    left.bar(place - 0.2, before, 0.38, color="tab:gray", label="before" if not place else None)
    left.bar(place + 0.2, after, 0.38, color="tab:green", label="after" if not place else None)
left.set_xticks(range(len(rows)), [name for name, *_ in rows])
left.set(title=f"{len(report.before.ndcg10)} held-out queries", ylim=(0, 1))
left.legend(frameon=False)
gaps = sorted(a - b for a, b in zip(report.after.ndcg10, report.before.ndcg10, strict=True))
middle.bar(
    range(len(gaps)), gaps, color=["tab:green" if g > 0 else "tab:red" for g in gaps], width=1.0
)
middle.axhline(0, color="0.5", linewidth=0.8)
middle.set(title="nDCG@10 of each query, after less before", xlabel="held-out queries, sorted")
right.plot([step for step, _ in steps], [loss for _, loss in steps], color="0.3")
right.set(title="training loss", xlabel="step")
for axes in (left, middle, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()
better, worse = sum(g > 0 for g in gaps), sum(g < 0 for g in gaps)
print(f"{better} queries better, {len(gaps) - better - worse} equal, {worse} worse")

# %% [markdown]
# ## Did it forget?
#
# A model that learns one domain may lose another. The small check: the same prose questions before
# and after. (On your data, keep a labelled collection of what must stay good, and `compare` on it.)

# %%
from secondpass import Ranking, Recipe

prose = {
    "who wrote Faust?": ["Faust is a family name in some regions.", "Goethe wrote the play Faust.",
                         "Cats sleep for most of the day."],
    "how long do cats sleep?": ["Dogs need a walk twice a day.", "A cat has four legs.",
                                "Cats sleep for most of the day."],
    "what is the capital of Peru?": ["Peru exports copper.", "Lima is the capital of Peru.",
                                     "Quito is the capital of Ecuador."],
}  # fmt: skip
for name, recipe in (("before", report.recipe_before), ("after", report.recipe)):
    stage = Recipe.read(recipe).stage()
    firsts = [stage(Ranking.of(query, texts))[0] for query, texts in prose.items()]
    print(f"{name:7}", *(f"{c.score:.2f} {c.text}" for c in firsts), sep="\n  ")
folder.cleanup()

# %% [markdown]
# ## Next
#
# * Your own pairs: one line each in a JSONL file, `{"query": "...", "positive": "..."}`, and
#   `secondpass train pairs.jsonl --out my-reranker` does all of the above.
# * More of everything: some hundreds of judged queries, two epochs, longer lists. On a GPU, the whole
#   standard library takes minutes.
# * A full cross-encoder: `fine_tune(judged, model="cross-encoder-of-yours", ...)` trains any with one label.
# * `Recipe.read("my-reranker/recipe.json").stage()` loads the result; both adapters take the path.
