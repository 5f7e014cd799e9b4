"""The contract: what goes in, what comes out, what is refused, and how it is stored."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from pathlib import Path

import pytest
from llama_index.core.postprocessor.types import BaseNodePostprocessor
from llama_index.core.schema import (
    Document,
    ImageNode,
    IndexNode,
    MetadataMode,
    Node,
    NodeWithScore,
    QueryBundle,
    TextNode,
)
from llama_index.postprocessor.secondpass import SecondPassRerank

import secondpass
from secondpass import (
    Calibrate,
    FieldWeight,
    Fuse,
    InvalidInputError,
    ModelError,
    NoScoresError,
    NotCalibratedError,
    Order,
    Pipeline,
    Platt,
    Recipe,
    RecipeError,
    Refine,
    Score,
    Stage,
    Top,
    TrailScore,
    UnknownModelError,
)
from secondpass.testing import FakeJudge, FakeScorer

STORABLE = Score(FieldWeight("source", {"good": 2.0, "bad": -2.0})) >> Calibrate(
    Platt(1.0, 0.0), "field:source"
)
"""Made of things that recipes hold and pickle knows, so that it can be stored without a model."""

BUILTIN = Path(secondpass.__file__).parent / "models/builtin"
needs_builtin = pytest.mark.skipif(
    not all((BUILTIN / name).is_file() for name in ("model.onnx", "calibrator.json")),
    reason="the built-in model's files are not in this checkout",
)


def test_class():
    names_of_base_classes = [b.__name__ for b in SecondPassRerank.__mro__]
    assert BaseNodePostprocessor.__name__ in names_of_base_classes
    assert SecondPassRerank.class_name() == "SecondPassRerank"


# --- what comes out


def test_best_first_with_python_floats_and_the_place_before(nodes, raw):
    given = nodes("poor", "good", "fair")
    out = SecondPassRerank(model=raw({"poor": -3.0, "good": 5.0, "fair": 1.0})).postprocess_nodes(
        given, query_str="q"
    )
    assert [n.text for n in out] == ["good", "fair", "poor"]
    assert [n.score for n in out] == [5.0, 1.0, -3.0]
    assert all(type(n.score) is float for n in out)
    rows = [(0, 5.0, 1, 0.8), (1, 1.0, 2, 0.7), (2, -3.0, 0, 0.9)]
    assert [n.metadata["secondpass"] for n in out] == [
        {
            "scale": "raw",
            "rank": rank,
            "position": before,
            "score": score,
            "probability": None,
            "retrieval_score": retrieval_score,
            "retrieval_rank": before,
            "evidence": [],
            "notes": {},
            "status": "complete",
            "events": [],
        }
        for rank, score, before, retrieval_score in rows
    ]


def test_probabilities_say_so(nodes, probable):
    out = SecondPassRerank(model=probable({"a": 0.0})).postprocess_nodes(nodes("a"), query_str="q")
    assert out[0].score == 0.5
    assert out[0].metadata["secondpass"]["scale"] == "probability"


@pytest.mark.parametrize(("top_n", "kept"), [(None, 3), (0, 0), (1, 1), (2, 2), (3, 3), (99, 3)])
def test_top_n(nodes, raw, top_n, kept):
    table = {"a": 1.0, "b": 2.0, "c": 3.0}
    out = SecondPassRerank(model=raw(table), top_n=top_n).postprocess_nodes(
        nodes(*table), query_str="q"
    )
    assert [n.text for n in out] == ["c", "b", "a"][:kept]


def test_an_empty_result_of_the_threshold_is_an_answer(nodes, probable):
    reranker = SecondPassRerank(model=probable({"a": -2.0, "b": -3.0}), threshold=0.5)
    assert reranker.postprocess_nodes(nodes("a", "b"), query_str="q") == []


def test_events_say_how_many_were_dropped(nodes, probable):
    reranker = SecondPassRerank(model=probable({"a": 2.0, "b": -2.0}), threshold=0.5)
    (kept,) = reranker.postprocess_nodes(nodes("a", "b"), query_str="q")
    assert kept.metadata["secondpass"]["events"] == [
        {
            "stage": "p>=0.5",
            "kind": "dropped",
            "message": "1 of 2 dropped; the best of them had 0.119",
        }
    ]


def test_notes_of_the_stages_are_kept(nodes):
    class Cutting(FakeScorer):
        def score_with_notes(self, pairs):
            return self.score(pairs), [{"cut_tokens": 7, "read_tokens": 5}, {}]

    out = SecondPassRerank(model=Score(Cutting(lambda q, t: -len(t)))).postprocess_nodes(
        nodes("a", "bb"), query_str="q"
    )
    said = [n.metadata["secondpass"] for n in out]
    assert said[0]["notes"] == {"fake-scorer": {"cut_tokens": 7, "read_tokens": 5}}
    assert said[1]["notes"] == {}
    (event,) = said[0]["events"]
    assert (event["stage"], event["kind"]) == ("fake-scorer", "truncated")
    assert event["message"] == "1 of 2 texts were longer than the model reads; the rest was cut"


@pytest.mark.parametrize(
    ("mode", "read"),
    [
        (MetadataMode.EMBED, "title: T\n\nbody"),
        (MetadataMode.LLM, "file: F\n\nbody"),
        (MetadataMode.ALL, "file: F\ntitle: T\n\nbody"),
        (MetadataMode.NONE, "body"),
    ],
)
def test_metadata_mode_says_what_the_model_reads(mode, read):
    scorer = FakeScorer()
    node = TextNode(
        text="body",
        metadata={"title": "T", "file": "F"},
        excluded_embed_metadata_keys=["file"],
        excluded_llm_metadata_keys=["title"],
    )
    SecondPassRerank(model=Score(scorer), metadata_mode=mode).postprocess_nodes(
        [NodeWithScore(node=node)], query_str="q"
    )
    assert scorer.calls == [[("q", read)]]


def test_the_order_of_metadata_does_not_change_what_is_read():
    scorer = FakeScorer()
    given = {"title": "T", "file": "F", "page": 3}
    for metadata in (given, dict(reversed(given.items()))):
        node = TextNode(text="body", metadata=metadata)
        SecondPassRerank(model=Score(scorer)).postprocess_nodes(
            [NodeWithScore(node=node)], query_str="q"
        )
        assert list(node.metadata) == list(metadata)  # nothing is changed in place
    assert scorer.calls[0] == scorer.calls[1]


def test_the_default_is_what_embedding_models_read():
    assert SecondPassRerank(model=STORABLE).metadata_mode is MetadataMode.EMBED


def test_metadata_and_the_retrievers_score_reach_the_pipeline():
    given = [
        NodeWithScore(node=TextNode(text="x", metadata={"source": s}), score=score)
        for s, score in (("bad", 0.9), ("good", 0.1), ("good", 0.2))
    ]
    both = Fuse(
        Score(FieldWeight("source", {"good": 1.0, "bad": 0.0})),
        Score(TrailScore("retriever")),
        weights=[10, 1],
        normalise="min-max",
    )
    out = SecondPassRerank(model=both).postprocess_nodes(given, query_str="q")
    assert [n.metadata["secondpass"]["retrieval_rank"] for n in out] == [2, 1, 0]


@pytest.mark.parametrize(
    "node",
    [
        TextNode(text="text"),
        Document(text="text"),
        Node(text_resource={"text": "text"}),
        IndexNode(text="text", index_id="i"),
        ImageNode(text="text"),
        ImageNode(),
    ],
    ids=lambda n: type(n).__name__,
)
def test_every_kind_of_node_keeps_its_class_and_id(node):
    (out,) = SecondPassRerank(model=Score(FakeScorer())).postprocess_nodes(
        [NodeWithScore(node=node, score=0.5)], query_str="text"
    )
    assert type(out.node) is type(node)
    assert out.node_id == node.node_id
    assert out.node.get_content() == node.get_content()
    assert out.node is not node


# --- what goes in


def test_query_bundle_and_query_str_mean_the_same(nodes, raw):
    reranker = SecondPassRerank(model=raw({"a": 1.0}))
    one = reranker.postprocess_nodes(nodes("a"), query_str="q")
    other = reranker.postprocess_nodes(nodes("a"), QueryBundle("q"))
    assert one == other
    with pytest.raises(ValueError, match="both"):
        reranker.postprocess_nodes(nodes("a"), QueryBundle("q"), query_str="q")


@pytest.mark.parametrize("given", [[], ["a"]])
async def test_no_query_is_refused_with_the_remedy(nodes, raw, given, events):
    reranker = SecondPassRerank(model=raw({"a": 1.0}))
    with pytest.raises(InvalidInputError, match=r"query_str='\.\.\.'") as caught:
        reranker.postprocess_nodes(nodes(*given))
    assert isinstance(caught.value, ValueError)
    with pytest.raises(InvalidInputError, match="pass query_bundle="):
        await reranker.apostprocess_nodes(nodes(*given))
    assert events.reranks == []


def test_a_blank_query_is_refused(nodes, raw):
    with pytest.raises(InvalidInputError, match="query"):
        SecondPassRerank(model=raw({"a": 1.0})).postprocess_nodes(nodes("a"), query_str="  ")


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"top_n": -1}, InvalidInputError, "top_n=-1"),
        ({"top_n": "many"}, InvalidInputError, "top_n='many'"),
        ({"top_n": True}, InvalidInputError, "top_n=True"),
        ({"threshold": 1.5}, InvalidInputError, "threshold 1.5"),
        ({"threshold": float("nan")}, InvalidInputError, "threshold nan"),
        ({"threshold": 0.5, "keep_at_least": -1}, InvalidInputError, "keep_at_least=-1"),
        ({"keep_at_least": 1}, InvalidInputError, "give threshold= too"),
        ({"metadata_mode": "some"}, InvalidInputError, "metadata_mode='some'.*EMBED"),
        ({"model": "colbert:x"}, UnknownModelError, "names no backend"),
        ({"model": FakeScorer()}, InvalidInputError, r"Score\(your_scorer\)"),
        ({"model": None}, InvalidInputError, "model=None"),
        ({"model": {}}, RecipeError, "not a recipe"),
        ({"model": Path("no-such-recipe.json")}, RecipeError, "no-such-recipe.json"),
        ({"topn": 3}, TypeError, "topn"),
        ({"api_key": "secret"}, TypeError, "api_key"),
    ],
)
def test_unusable_options_are_refused_at_once(options, error, message):
    with pytest.raises(error, match=message):
        SecondPassRerank(**{"model": STORABLE, **options})


def test_arguments_are_keywords_so_their_order_cannot_be_mistaken():
    with pytest.raises(TypeError, match="positional"):
        SecondPassRerank(STORABLE, 3)


@pytest.mark.parametrize(
    "model",
    [Score(FakeScorer()), Score(FakeScorer()) >> Top(3), Fuse(Score(FakeScorer()))],
    ids=str,
)
def test_a_threshold_on_raw_scores_is_refused_before_anything_is_paid_for(model):
    with pytest.raises(NotCalibratedError, match="calibrated"):
        SecondPassRerank(model=model, threshold=0.5)


@pytest.mark.parametrize(
    "model", [Order(FakeJudge()), Score(FakeScorer()) >> Refine(STORABLE, 3)], ids=str
)
def test_a_threshold_on_an_order_is_refused_before_anything_is_paid_for(model):
    with pytest.raises(NoScoresError, match="order"):
        SecondPassRerank(model=model, threshold=0.5)


def test_a_threshold_on_raw_scores_of_a_stage_nobody_knows_is_refused_when_used(nodes):
    class Own(Score):
        pass

    reranker = SecondPassRerank(model=Own(FakeScorer()), threshold=0.5)
    with pytest.raises(NotCalibratedError, match="calibrated"):
        reranker.postprocess_nodes(nodes("a"), query_str="q")


def test_a_threshold_set_later_counts_too(nodes, probable):
    reranker = SecondPassRerank(model=probable({"a": 2.0, "b": -2.0}))
    reranker.threshold, reranker.top_n = 0.5, 5
    assert len(reranker.postprocess_nodes(nodes("a", "b"), query_str="q")) == 1
    with pytest.raises(InvalidInputError, match="top_n='many'"):
        reranker.top_n = "many"
    with pytest.raises(InvalidInputError, match="threshold 7"):
        reranker.threshold = 7
    assert (reranker.top_n, reranker.threshold) == (5, 0.5)


def test_errors_of_the_pipeline_pass_through_unchanged(nodes):
    class Broken(Stage):
        name = "broken"

        def run(self, rankings):
            raise ModelError("the weights are gone")

    reranker = SecondPassRerank(model=Broken())
    with pytest.raises(ModelError, match="the weights are gone"):
        reranker.postprocess_nodes(nodes("a"), query_str="q")
    with pytest.raises(ModelError, match="the weights are gone"):
        asyncio.run(reranker.apostprocess_nodes(nodes("a"), query_str="q"))


# --- the model


def test_a_model_is_loaded_once(monkeypatch, nodes):
    loaded = []

    def load(model):
        loaded.append(model)
        return Score(FakeScorer())

    monkeypatch.setattr("secondpass.models.load.load", load)
    reranker = SecondPassRerank(model="builtin")
    for _ in range(3):
        reranker.postprocess_nodes(nodes("a"), query_str="q")
    assert loaded == ["builtin"]


def test_a_model_can_be_a_stage_a_recipe_a_dict_or_a_file(tmp_path):
    recipe = Recipe.of(STORABLE)
    recipe.save(tmp_path / "recipe.json")
    assert SecondPassRerank(model=STORABLE).model is STORABLE
    file = tmp_path / "recipe.json"
    for model in (recipe, recipe.to_dict(), file, str(file)):
        made = SecondPassRerank(model=model).model
        assert isinstance(made, Pipeline)
        assert Recipe.of(made) == recipe


@needs_builtin
def test_the_builtin_model_in_two_lines():
    texts = [
        "The museum is closed on Mondays.",
        "Goethe wrote the play Faust and published its first part in 1808.",
    ]
    given = [NodeWithScore(node=TextNode(text=t), score=0.5) for t in texts]
    out = SecondPassRerank(top_n=1).postprocess_nodes(given, query_str="Who wrote Faust?")
    assert [n.text for n in out] == texts[1:]
    assert out[0].metadata["secondpass"]["scale"] == "probability"
    assert 0 <= out[0].score <= 1


@needs_builtin
def test_the_builtin_model_can_be_stored_and_copied(nodes):
    reranker = SecondPassRerank(threshold=0.01, top_n=3)
    given = nodes("Faust is a play by Goethe.", "The museum is closed.")
    want = reranker.postprocess_nodes(given, query_str="Who wrote Faust?")
    for other in (
        SecondPassRerank.from_json(reranker.to_json()),
        pickle.loads(pickle.dumps(reranker)),
        copy.deepcopy(reranker),
    ):
        assert other.postprocess_nodes(given, query_str="Who wrote Faust?") == want


# --- stored and copied


def same(one: SecondPassRerank, other: SecondPassRerank) -> bool:
    given = [
        NodeWithScore(node=TextNode(id_=s, text=s, metadata={"source": s}), score=0.5)
        for s in ("bad", "good")
    ]
    return one.postprocess_nodes(given, query_str="q") == other.postprocess_nodes(
        given, query_str="q"
    )


@pytest.mark.parametrize(
    "again",
    [
        lambda r: SecondPassRerank.from_dict(r.to_dict()),
        lambda r: SecondPassRerank.from_json(r.to_json()),
        lambda r: SecondPassRerank.from_dict(json.loads(json.dumps(r.to_dict()))),
        lambda r: SecondPassRerank.model_validate(
            {k: v for k, v in r.model_dump().items() if k != "class_name"}
        ),
        lambda r: pickle.loads(pickle.dumps(r)),
        copy.copy,
        copy.deepcopy,
    ],
    ids=["dict", "json", "json-of-dict", "pydantic", "pickle", "copy", "deepcopy"],
)
def test_round_trips(again):
    reranker = SecondPassRerank(
        model=STORABLE, top_n=2, threshold=0.3, keep_at_least=1, metadata_mode=MetadataMode.NONE
    )
    other = again(reranker)
    assert other.to_dict() == reranker.to_dict()
    assert (other.top_n, other.threshold, other.keep_at_least) == (2, 0.3, 1)
    assert other.metadata_mode is MetadataMode.NONE
    assert same(reranker, other)


def test_to_dict_holds_the_recipe_and_the_class_name():
    data = SecondPassRerank(model=STORABLE, top_n=2).to_dict()
    assert data == {
        "class_name": "SecondPassRerank",
        "model": Recipe.of(STORABLE).to_dict(),
        "top_n": 2,
        "threshold": None,
        "keep_at_least": 0,
        "deadline": None,
        "metadata_mode": "embed",
        "group_by": None,
        "group_score": "nodes",
    }


def test_what_no_recipe_can_hold_is_refused_in_the_cores_words():
    reranker = SecondPassRerank(model=Score(FakeScorer(lambda q, t: 0.0)))
    with pytest.raises(RecipeError, match="function"):
        reranker.to_dict()
    with pytest.raises(RecipeError, match="function"):
        reranker.to_json()


def test_pickling_what_does_not_pickle_fails_and_leaves_the_reranker_whole(nodes):
    """LlamaIndex deletes the field instead, and the copy would get the default model."""
    reranker = SecondPassRerank(model=Score(FakeScorer(lambda q, t: 1.0)))
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(reranker)
    assert len(reranker.postprocess_nodes(nodes("a"), query_str="q")) == 1


def test_pickling_leaves_callback_handlers_behind(callbacks):
    callbacks.unpicklable = lambda: None
    reranker = SecondPassRerank(model=STORABLE, callback_manager=callbacks.manager)
    other = pickle.loads(pickle.dumps(reranker))
    assert other.callback_manager.handlers == []
    assert same(reranker, other)
    assert reranker.callback_manager is callbacks.manager


# --- async is the same
