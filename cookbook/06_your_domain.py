# %% [markdown]
# # 6. Your domain
#
# **At the end you have** the built-in model fine-tuned on a domain that it does not know, measured
# before and after on queries that had no part in it, and a verdict that may be "no clear difference".
#
# **It needs** no key and no GPU; about 2 minutes on two cores. In an empty virtual environment,
# from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 ".[bm25,train]" jupyterlab ipywidgets
# cd cookbook && jupyter lab 06_your_domain.ipynb
# ```

# %% [markdown]
# ## A domain: signatures
#
# The built-in model was trained on prose. Here the passages are *signatures*: the functions of
# Python's standard library, which every Python carries, with their modules and parameters and nothing
# else. The query is the first line of a function's docstring. Finding the function that a sentence
# describes is what a search over an API does, and an agent that chooses among tools.
#
# **This is the third task that was tried here.** In the first the passages were the functions' code,
# and the model was at nDCG@10 .94 before any training; in the second that code had its names hidden,
# and 121 lists taught it nothing (.577 before, .572 after). In both, training made no clear difference.
# So a gain below says that this domain can be learned from a few hundred queries, not that any can.
#
# The model's training did read docstrings of Python (its card says so), but not their functions. What
# is learned here is read from your own disk; the outputs show figures and a few names.

# %%
import ast
import hashlib
import sysconfig
from pathlib import Path

LIBRARY = Path(sysconfig.get_paths()["stdlib"])
LEFT_OUT = {"site-packages", "dist-packages", "test", "tests", "idlelib", "lib2to3", "ensurepip"}
LARGEST = 200_000
"""Bytes of a file: larger ones take long to parse."""


def signatures(file):
    """Name, signature and the docstring's first line, of each function where that line is all."""
    module = ".".join(file.relative_to(LIBRARY).with_suffix("").parts).removesuffix(".__init__")
    tree = ast.parse(file.read_text("utf-8"))
    classes = [part for part in tree.body if isinstance(part, ast.ClassDef)]
    inside = [(module, part) for part in tree.body]
    inside += [(f"{module}.{each.name}", part) for each in classes for part in each.body]
    for where, thing in inside:
        if isinstance(thing, ast.FunctionDef | ast.AsyncFunctionDef) and thing.name.strip("_"):
            summary, *more = (ast.get_docstring(thing) or "").split("\n\n")[0].splitlines() or [""]
            if not more and 5 <= len(summary.split()) <= 25:
                parameters = ast.unparse(thing.args).removeprefix("self").removeprefix(", ")
                yield thing.name, summary.strip(), f"{where}.{thing.name}({parameters})"


known, texts = [], set()
for file in sorted(LIBRARY.rglob("*.py")):
    if not LEFT_OUT & set(file.relative_to(LIBRARY).parts) and file.stat().st_size <= LARGEST:
        for name, summary, signature in signatures(file):
            if not {summary.casefold(), signature} & texts:  # each summary and each text once
                known.append((name, summary, signature))
                texts |= {summary.casefold(), signature}
known.sort(key=lambda row: hashlib.sha256(row[1].encode()).digest())
print(len(known), "functions, such as", ", ".join(name for name, *_ in known[:6]))

# %% [markdown]
# ## Judged lists from pairs
#
# A summary and its signature are a *pair*: a query with one text that answers it. What does not
# answer it is mined: the 15 other signatures, of all of them, that BM25 finds first for the summary,
# which are wrong and look right. (Some of them may be right too, and nobody has judged them; that
# makes every figure below a little too low, before and after alike.)

# %%
from secondpass.train import QueryPairs, mine_negatives

QUERIES, OTHERS = 800, 15
pairs = [QueryPairs(summary, (signature,)) for _, summary, signature in known]
judged = mine_negatives(pairs, per_query=OTHERS)[:QUERIES]
print(len(judged), "queries with", sum(len(one.ranking) for one in judged), "candidates")

# %% [markdown]
# ## Train, and measure honestly
#
# `fine_tune` splits the queries first: two fifths are held out and only ever measured; a tenth
# chooses the checkpoint and a tenth fits the calibrator again; it trains on the rest, for `HOURS` at
# most. It exports the result to int8 ONNX (fitted to some training pairs: plain rounding would undo
# what so short a training did), so what is measured is what you would run. (Signatures
# of held-out queries do occur in training, as what is wrong for other queries; the queries do not.
# Where training is stopped by the clock, another machine gets another result.)

# %%
import tempfile
import time

from secondpass.train import fine_tune

HOURS = 0.03
folder = tempfile.TemporaryDirectory()
steps = []


def watch(now):
    if now.phase == "training" and now.loss is not None:
        steps.append((now.done, now.loss))


began = time.perf_counter()
report = fine_tune(
    judged, out=Path(folder.name) / "run", epochs=1, lr=1e-4, batch=4, list_size=8, max_length=64,
    held_out=0.4, int8=True, hours=HOURS, on_progress=watch,
)  # fmt: skip
print(f"{time.perf_counter() - began:.0f} s; lists: {report.sizes}")
print(report.summary().replace(folder.name, "FOLDER"))

# %%
low, high = report.interval
print({
    "better": f"It helps on this domain: {report.gain:+.3f}, and by {low:+.3f} at the least that is "
              "plausible.",
    "no clear difference": f"No gain was found: anything from {low:+.3f} to {high:+.3f} is plausible, "
                           "which includes none. That is no reason to change models.",
    "worse": f"It does harm here: {report.gain:+.3f}. Keep what you had.",
}[report.verdict])  # fmt: skip
was, now = report.before.calibration_error, report.after.calibration_error
if was is not None and now is not None:
    print(f"Calibration error, the calibrator fitted again: {was:.3f} before, {now:.3f} after.")

# %% [markdown]
# The verdict is by the interval of the paired difference over the held-out queries: "better" where it
# lies above zero, "worse" where it lies below, else "no clear difference". In that case look at
# "before": near 1 there is little left to gain; else more labelled queries, or more steps, would tell.
# If no checkpoint did better on the queries that choose, the weights stay as they were. The calibrator
# is fitted again in any case, on lists of this domain, so the probabilities may change where the order
# does not; the lists are mined, so these are probabilities of relevance among such neighbours.
# `before.json` next to the result is the starting point.

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
# and after. Three questions can show a model that broke, and cannot show that nothing was lost. (On
# your data, keep a labelled collection of what must stay good, and `compare` on it.)

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
# * More of everything: a few hundred judged queries, two epochs, longer lists. On a GPU, the whole
#   standard library takes minutes.
# * A full cross-encoder: `fine_tune(judged, model="cross-encoder-of-yours", ...)` trains any with one label.
# * `Recipe.read("my-reranker/recipe.json").stage()` loads the result; both adapters take the path.
