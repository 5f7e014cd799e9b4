# %% [markdown]
# # 8. Long documents
#
# **At the end you have** found one sentence on page 31 of a 40-page document, seen where it stands,
# and handed on a paragraph instead of 40 pages. And you have seen what cutting does to the same
# question.
#
# **It needs** no key and no GPU; a minute on two cores. In an empty virtual environment, from the
# top of the repository:
#
# ```bash
# pip install . jupyterlab ipywidgets
# cd cookbook && jupyter lab 08_long_documents.ipynb
# ```

# %% [markdown]
# ## Two handbooks of 40 pages
#
# They are secondpass's own documentation, 300 words to a page. One sentence is put on page 31 of the
# second: nothing else in either says anything like it. Three short notes are candidates too; one
# of them shares words with the question and does not answer it.

# %%
from ingredients.corpus import own_documentation
from secondpass import Candidate, Ranking, Top, load
from secondpass.stages import Evidence, Prune

QUESTION = "In which room do the reviewers meet?"
ANSWER = "The reviewers meet in the Lovelace room on the fourth floor, every other Tuesday."
WORDS, PAGES, PAGE = 300, 40, 31

words = [word for passage in own_documentation() for word in passage.text.split()]


def handbook(first: int) -> list[str]:
    """Pages, from some word on."""
    starts = range(first, first + PAGES * WORDS, WORDS)
    return [" ".join(words[start : start + WORDS]) for start in starts]


without, pages = handbook(0), handbook(PAGES * WORDS)
middle = pages[PAGE - 1].split()
pages[PAGE - 1] = " ".join([*middle[:150], f". {ANSWER}", *middle[150:]])

docs = [
    Candidate("handbook without", "\n\n".join(without)),
    Candidate("handbook", "\n\n".join(pages)),
    Candidate("note 1", "Every meeting has minutes, which are sent to all who were there."),
    Candidate("note 2", "The lift stops at the fourth floor only with a key."),
    Candidate("note 3", "A review is asked for with a pull request."),
]
question = Ranking.of(QUESTION, docs)
print({doc.id: len(doc.text.split()) for doc in docs}, "words")

# %% [markdown]
# ## Cut
#
# This is what most rerankers do: 512 tokens are read, the first two pages, and the rest is not. secondpass
# says so, in an event.

# %%
cut = load("builtin", options={"chunks": 1})
question_cut = cut(question)
question_cut

# %% [markdown]
# The handbook that answers scores what its first pages score. No threshold can save it.

# %% [markdown]
# ## Read
#
# The default reads all of it, in chunks that end between sentences, and the document has the score of its
# best chunk. The best chunks are noted as evidence: the tables show a text around its best evidence.

# %%
builtin = load("builtin")
found = builtin(question)
found

# %%
best = next(c for c in found if c.id == "handbook")
span = best.evidence[0]
page = 1 + best.text[: best.text.index(ANSWER)].count("\n\n")
print(f"{best.id}: read in {best.trail[0].note['chunks']} chunks")
print(f"best chunk: characters {span.start} to {span.end}; the answer is on page {page}")
print("answer in the best chunk:", ANSWER in best.text[span.start : span.end])

# %% [markdown]
# Where the chunks stand that match best, by page:

# %%
import matplotlib.pyplot as plt

figure, axis = plt.subplots(figsize=(7, 2))
for one in best.evidence:
    pages = [1 + best.text[:place].count("\n\n") for place in (one.start, one.end)]
    axis.barh(0, max(1, pages[1] - pages[0]), left=pages[0] - 0.5, color="#1f6f8b")
    axis.annotate(f"{one.score:.1f}", (pages[0], 0.45), ha="center", fontsize=9)
axis.axvline(page, color="#b5482a", linewidth=1.5)
axis.annotate("the answer", (page, -0.75), ha="center", fontsize=9, color="#b5482a")
axis.set(
    xlim=(0, 41),
    ylim=(-0.9, 0.8),
    yticks=[],
    xlabel="page",
    title="the handbook's best chunks, with their scores",
)
figure.tight_layout()
plt.show()

# %% [markdown]
# ## Point at the sentence
#
# `Evidence` looks at the sentences of the best chunks, of the candidates that are kept. The built-in model
# reads each in the context of its neighbours.

# %%
pipeline = builtin >> Top(2) >> Evidence(builtin, at_most=3)
pointed = pipeline(question)
for one in pointed[0].evidence:
    print(f"{one.score:6.2f}  {pointed[0].text[one.start : one.end][:100]}")

# %% [markdown]
# ## Hand on what matters
#
# `Prune` keeps the sentences whose evidence is good enough, with a neighbour on each side, and the best
# one of each text in any case. The places of what was kept are in the trail, and the event counts what
# was not. The threshold counts from the best sentence of all: on XQuAD, -4 lost 4 answers in 1,000.
# [The page on long documents](../docs/long-documents.md) shows how one of your own is chosen from questions
# with known answers, with a bound on the share of answers lost.

# %%
short = builtin >> Top(2) >> Evidence(builtin, at_most=None) >> Prune(-4.0, from_best=True)
handed_on = short(question)
handed_on

# %%
print(handed_on[0].text[:600])
print()
print(handed_on[0].trail[-1].note["kept"])
print([event.message for event in handed_on.events])

# %% [markdown]
# ## Side by side

# %%
rows = [
    ("cut", question_cut, sum(len(c.text.split()) for c in question_cut[:2])),
    ("read", found, sum(len(c.text.split()) for c in found[:2])),
    ("read and pruned", handed_on, sum(len(c.text.split()) for c in handed_on)),
]
print(f"{'way':16} {'rank of the handbook':>20} {'words handed on':>16}")
for way, ranking, size in rows:
    print(f"{way:16} {1 + ranking.ids.index('handbook'):>20} {size:>16}")
