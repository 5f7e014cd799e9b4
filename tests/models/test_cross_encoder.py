from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
sentence_transformers = pytest.importorskip("sentence_transformers")

from secondpass import InvalidInputError, ModelError, Ranking, Recipe, Score, load  # noqa: E402
from secondpass.models.builtin import FOLDER  # noqa: E402
from secondpass.models.encoding import tokenize as tokenizing  # noqa: E402
from secondpass.models.encoding.torch_encoder import IdInputs, TextInputs, make_id_inputs  # noqa: E402
from secondpass.models.torch.cross_encoder import TorchCrossEncoder  # noqa: E402
from secondpass.stages import Evidence  # noqa: E402
from secondpass.testing import check_scorer  # noqa: E402

PAIRS = [
    ("what is a file", "A file is a sequence of bytes."),
    ("what is a file", "Cats purr."),
    ("what is a cat", ""),
    ("what is a cat", "cats and dogs " * 300),
]


@pytest.fixture(scope="module")
def tiny(tiny_bert: Path) -> TorchCrossEncoder:
    return TorchCrossEncoder(tiny_bert, verify=False)


def test_logits_are_those_of_sentence_transformers(
    tiny: TorchCrossEncoder, tiny_bert: Path
) -> None:
    theirs = sentence_transformers.CrossEncoder(str(tiny_bert)).predict(
        PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False
    )
    assert tiny.score(PAIRS) == pytest.approx([float(x) for x in theirs], abs=1e-4)


def test_scores_are_python_floats_whatever_the_dtype(tiny_bert: Path) -> None:
    model = TorchCrossEncoder(tiny_bert, dtype="bfloat16", verify=False)
    scores = model.score(PAIRS)
    assert {type(s) for s in scores} == {float}
    json.dumps(scores)
    assert model.name.endswith("/bfloat16")


def test_it_keeps_the_laws(tiny: TorchCrossEncoder) -> None:
    check_scorer(tiny)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The features of every batch that a model was given."""
    batches: list[dict[str, Any]] = []
    real = TorchCrossEncoder._logits

    def spy(self: TorchCrossEncoder, features: dict[str, Any]) -> Any:
        batches.append(features)
        return real(self, features)

    monkeypatch.setattr(TorchCrossEncoder, "_logits", spy)
    return batches


def _rows(batches: list[dict[str, Any]]) -> list[list[int]]:
    return [
        ids[mask.bool()].tolist()
        for features in batches
        for ids, mask in zip(features["input_ids"], features["attention_mask"], strict=True)
    ]


@pytest.mark.parametrize("reader", ["ids", "text"])
def test_the_text_is_cut_and_the_query_is_not(
    tiny_bert: Path, seen: list[dict[str, Any]], reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "text":
        monkeypatch.setattr("secondpass.models.torch.cross_encoder.make_id_inputs", lambda *_: None)
    model = TorchCrossEncoder(tiny_bert, max_length=32, verify=False)
    assert isinstance(model._encode, IdInputs if reader == "ids" else TextInputs)
    query = "one two three four five six seven eight nine ten"
    scores, notes = model.score_with_notes([(query, "cats and dogs " * 30), (query, "short")])
    assert len(scores) == 2
    assert notes == [{"cut_tokens": 72, "read_tokens": 18}, {}]
    rows = _rows(seen)
    assert sorted(map(len, rows)) == [15, 32]  # this template is [CLS] query [SEP] [CLS] text [SEP]
    for row in rows:
        assert model.encoder.tokenizer.decode(row).startswith(f"[CLS] {query} [SEP]")
        assert row[-1] == model.encoder.tokenizer.sep_token_id
    assert model.cut(query, "cats and dogs " * 30, 32) == ("cats and dogs " * 6).strip()


@pytest.mark.parametrize("reader", ["ids", "text"])
def test_a_query_that_does_not_fit_by_itself_is_cut_and_told(
    tiny_bert: Path, seen: list[dict[str, Any]], reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "text":
        monkeypatch.setattr("secondpass.models.torch.cross_encoder.make_id_inputs", lambda *_: None)
    model = TorchCrossEncoder(tiny_bert, max_length=32, verify=False)
    ranking = Score(model)(Ranking.of("one " * 100, ["dogs"]))
    note = ranking[0].trail[-1].note
    assert (note["cut_query_tokens"], note["cut_tokens"], note["read_tokens"]) == (72, 1, 0)
    assert {e.kind for e in ranking.events} == {"truncated"}
    assert any("72 tokens of it were cut" in e.message for e in ranking.events)
    assert list(map(len, _rows(seen))) == [32]


@pytest.mark.parametrize("wrong", [0, -3, 2.5, "64", True])
def test_what_is_no_number_of_tokens_is_refused(tiny_bert: Path, wrong: Any) -> None:
    with pytest.raises(InvalidInputError, match="must be a whole number of tokens"):
        TorchCrossEncoder(tiny_bert, max_length=wrong, verify=False)


@pytest.fixture
def few_positions(tmp_path: Path, tiny_bert: Path) -> Path:
    """A model of 64 positions whose tokenizer allows more."""
    config = transformers.BertConfig.from_pretrained(tiny_bert, max_position_embeddings=64)
    torch.manual_seed(0)
    transformers.BertForSequenceClassification(config).save_pretrained(tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("reader", ["ids", "text"])
@pytest.mark.parametrize("max_length", [None, 65, 10**9, 10**30])
def test_no_more_is_read_than_there_are_positions(
    few_positions: Path, max_length: int | None, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "text":
        monkeypatch.setattr("secondpass.models.torch.cross_encoder.make_id_inputs", lambda *_: None)
    model = TorchCrossEncoder(few_positions, max_length=max_length, verify=False)
    assert model.limit == 64
    assert model.cache_key == "64 tokens"
    _, (note, _) = model.score_with_notes([("cats", "dogs " * 300), ("cats " * 300, "dogs")])
    assert note["read_tokens"] == 59
    expected = TorchCrossEncoder(few_positions, max_length=64, verify=False)
    assert model.score(PAIRS) == pytest.approx(expected.score(PAIRS), abs=1e-5)


@pytest.mark.parametrize("reader", ["ids", "text"])
def test_a_length_that_leaves_no_room_for_a_text_is_refused(
    tiny_bert: Path, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if reader == "text":
        monkeypatch.setattr("secondpass.models.torch.cross_encoder.make_id_inputs", lambda *_: None)
    with pytest.raises(ModelError, match="max_length=4 leaves no room beside 4 special tokens"):
        TorchCrossEncoder(tiny_bert, max_length=4, verify=False)
    assert TorchCrossEncoder(tiny_bert, max_length=6, verify=False).score(PAIRS)


def test_other_weights_have_another_name_in_shards_or_pickled(
    tmp_path: Path, tiny_bert: Path
) -> None:
    model = transformers.BertForSequenceClassification.from_pretrained(tiny_bert)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny_bert)
    names = []
    for _ in range(2):
        with torch.no_grad():
            model.classifier.bias.add_(1.0)
        model.save_pretrained(tmp_path, max_shard_size="500KB")
        tokenizer.save_pretrained(tmp_path)
        assert len(list(tmp_path.glob("*.safetensors"))) > 1
        names.append(TorchCrossEncoder(tmp_path, verify=False).name)
    for file in tmp_path.glob("*.safetensors*"):
        file.unlink()
    for _ in range(2):
        with torch.no_grad():
            model.classifier.bias.add_(1.0)
        torch.save(model.state_dict(), tmp_path / "pytorch_model.bin")
        names.append(TorchCrossEncoder(tmp_path, verify=False).name)
    assert len(set(names)) == 4


def test_both_ways_to_tokenise_give_the_same_scores(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_ids = TorchCrossEncoder(tiny_bert, verify=False)
    monkeypatch.setattr("secondpass.models.torch.cross_encoder.make_id_inputs", lambda *_: None)
    by_text = TorchCrossEncoder(tiny_bert, verify=False)
    assert type(by_ids._encode) is not type(by_text._encode)
    pairs = [*PAIRS, ("Wo ist \u00c4pfel?", "naive caf\u00e9 \u2014 \u4e2d\u6587 \U0001f600")]
    assert by_ids.score(pairs) == pytest.approx(by_text.score(pairs), abs=1e-4)
    assert by_ids.score_with_notes(pairs)[1] == by_text.score_with_notes(pairs)[1]


def test_ids_are_used_only_where_they_are_what_the_model_itself_makes(
    tiny_bert: Path, yes_no: Path
) -> None:
    model = TorchCrossEncoder(tiny_bert, verify=False)
    assert isinstance(make_id_inputs(model.encoder, 64), IdInputs)
    model.encoder.tokenizer.padding_side = "left"
    assert make_id_inputs(model.encoder, 64) is None
    assert isinstance(TorchCrossEncoder(yes_no, verify=False)._encode, TextInputs)


@pytest.mark.parametrize("kind", ["encoder", "template"])
def test_all_texts_are_tokenised_in_one_call(
    tiny_bert: Path, yes_no: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = TorchCrossEncoder(tiny_bert if kind == "encoder" else yes_no, verify=False)
    calls: list[int] = []
    if kind == "encoder":
        real_encode = tokenizing.encode
        monkeypatch.setattr(
            tokenizing, "encode", lambda by, t: (calls.append(len(t)), real_encode(by, t))[1]
        )
    else:
        real_ends = type(model.encoder.tokenizer)._encode_plus

        def spy(self: Any, text: Any, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("return_offsets_mapping"):
                calls.append(len(text))
            return real_ends(self, text, *args, **kwargs)

        monkeypatch.setattr(type(model.encoder.tokenizer), "_encode_plus", spy)
    pairs = [("what is a file", f"text {i % 20}") for i in range(40)]
    assert len(model.score(pairs)) == 40
    assert max(calls) == 20  # each distinct text once
    assert sum(calls) <= 21


def test_batches_are_sorted_by_length_and_scores_come_back_in_order(
    tiny_bert: Path, seen: list[dict[str, Any]]
) -> None:
    done: list[tuple[int, int]] = []
    model = TorchCrossEncoder(
        tiny_bert, verify=False, token_budget=256, on_progress=lambda d, n: done.append((d, n))
    )
    pairs = [("what is a file", "bytes " * n) for n in (3, 90, 1, 40, 7, 2, 60, 5)]
    scores = model.score(pairs)
    widths = [features["input_ids"].shape[1] for features in seen]
    assert widths == sorted(widths, reverse=True)
    assert len(widths) > 2
    assert all(features["input_ids"].numel() <= 256 for features in seen)
    assert scores == pytest.approx([model.score([p])[0] for p in pairs], abs=model.tolerance)
    assert done[-len(pairs) - 1] == (8, 8)
    assert model.score([]) == []


def test_auto_is_bfloat16_on_cuda_and_flash_attention_where_it_can_be(
    tiny_bert: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = "secondpass.models.torch.cross_encoder."
    asked: list[tuple[str | None, Any, str | None]] = []
    real = sentence_transformers.CrossEncoder

    def spy(*args: Any, **kwargs: Any) -> Any:
        options = kwargs["model_kwargs"]
        attention = options.get("attn_implementation")
        asked.append((kwargs["device"], options["dtype"], attention))
        if attention == "flash_attention_2":
            raise ValueError("this model does not support it")
        return real(*args, **(kwargs | {"device": "cpu"}))

    monkeypatch.setattr(module + "CrossEncoder", spy)
    monkeypatch.setattr(module + "is_flash_attn_2_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: True)
    model = TorchCrossEncoder(tiny_bert, dtype="auto", device="cuda", verify=False)
    bf16 = torch.bfloat16
    assert asked == [("cuda", bf16, "flash_attention_2"), ("cuda", bf16, None)]
    assert (model.dtype, model.computed_in) == ("auto", "bfloat16")
    assert model.name.endswith("/bfloat16")
    assert model.attention_used == "sdpa"
    asked.clear()
    assert TorchCrossEncoder(tiny_bert, dtype="auto", device="cpu", verify=False).computed_in == (
        "float32"
    )
    assert TorchCrossEncoder(tiny_bert, device="cuda", verify=False).computed_in == "float32"
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda: False)
    assert TorchCrossEncoder(tiny_bert, dtype="auto", device="cuda", verify=False).computed_in == (
        "float32"
    )
    assert {attention for _, _, attention in asked} == {None}
    with pytest.raises(ModelError, match="does not support it"):  # asked for by name: no fallback
        TorchCrossEncoder(tiny_bert, attention="flash_attention_2", verify=False)


def test_attention_is_passed_on_and_changes_no_score(
    tiny_bert: Path, tiny: TorchCrossEncoder
) -> None:
    eager = TorchCrossEncoder(tiny_bert, attention="eager", verify=False)
    assert (eager.attention_used, tiny.attention_used) == ("eager", "sdpa")
    assert eager.score(PAIRS) == pytest.approx(tiny.score(PAIRS), abs=1e-4)


def test_the_recipe_keeps_the_revision(tiny_bert: Path) -> None:
    stage = load(f"cross-encoder:{tiny_bert}", options={"verify": False, "max_length": 64})
    again = Recipe.of(stage).stage()
    ranking = Ranking.of("what is a file", [t for _, t in PAIRS])
    assert again(ranking) == stage(ranking)
    assert "@" in stage.name


def test_an_untrained_model_fails_the_canaries_or_passes_by_luck_only_when_asked(
    tiny_bert: Path,
) -> None:
    constant = transformers.BertForSequenceClassification.from_pretrained(tiny_bert)
    torch.nn.init.zeros_(constant.classifier.weight)
    folder = tiny_bert.parent / "constant"
    constant.save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_bert / name).read_bytes())
    with pytest.raises(ModelError, match="same score"):
        TorchCrossEncoder(folder)
    TorchCrossEncoder(folder, verify=False)


def test_a_model_without_a_head_is_refused(tiny_bert: Path) -> None:
    folder = tiny_bert.parent / "headless"
    transformers.BertModel.from_pretrained(tiny_bert).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        (folder / name).write_bytes((tiny_bert / name).read_bytes())
    with pytest.raises(ModelError, match="no classification head: it is a BertModel"):
        TorchCrossEncoder(folder, verify=False)


def test_too_many_labels_are_refused_and_two_are_a_difference(tiny_bert: Path) -> None:
    for labels in (2, 3):
        config = transformers.BertConfig.from_pretrained(tiny_bert, num_labels=labels)
        torch.manual_seed(1)
        folder = tiny_bert.parent / f"labels{labels}"
        transformers.BertForSequenceClassification(config).save_pretrained(folder)
        for name in ("tokenizer.json", "tokenizer_config.json"):
            (folder / name).write_bytes((tiny_bert / name).read_bytes())
    two = TorchCrossEncoder(tiny_bert.parent / "labels2", verify=False)
    raw = two._encoder.predict(PAIRS, activation_fn=torch.nn.Identity(), show_progress_bar=False)
    assert two.score(PAIRS) == pytest.approx([float(b - a) for a, b in raw], abs=1e-4)
    with pytest.raises(ModelError, match="has 3 labels"):
        TorchCrossEncoder(tiny_bert.parent / "labels3", verify=False)


def test_remote_code_is_off_unless_asked(monkeypatch: pytest.MonkeyPatch, tiny_bert: Path) -> None:
    seen: list[bool] = []
    real = sentence_transformers.CrossEncoder

    def spy(*args: Any, **kwargs: Any) -> Any:
        seen.append(kwargs["trust_remote_code"])
        return real(*args, **kwargs)

    monkeypatch.setattr("secondpass.models.torch.cross_encoder.CrossEncoder", spy)
    TorchCrossEncoder(tiny_bert, verify=False)
    TorchCrossEncoder(tiny_bert, verify=False, trust_remote_code=True)
    assert seen == [False, True]


def test_a_damaged_folder_and_bad_arguments(tmp_path: Path, tiny_bert: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot load the cross-encoder"):
        TorchCrossEncoder(tmp_path)
    with pytest.raises(InvalidInputError, match="dtype='int3'"):
        TorchCrossEncoder(tiny_bert, dtype="int3")  # type: ignore[arg-type]


TEMPLATE = (
    "{%- for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{%- endfor %}{%- if add_generation_prompt %}<|im_start|>assistant\n{%- endif %}"
)


@pytest.fixture(scope="module")
def yes_no(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Qwen3-style reranker of random weights: chat template, suffix, yes and no logits."""
    from sentence_transformers.base.modules import Transformer
    from sentence_transformers.cross_encoder.modules import LogitScore

    folder = tmp_path_factory.mktemp("qwen")
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(FOLDER / "tokenizer.json"), unk_token="[UNK]", pad_token="[PAD]",
        eos_token="[SEP]", model_max_length=128, padding_side="left",
    )  # fmt: skip
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = (
        "{%- for m in messages %}<|im_start|>{{ m['role'] }} {{ m['content'] }}<|im_end|>"
        "{%- endfor %}<|im_start|>assistant answer yes or no"
    )
    torch.manual_seed(0)
    config = transformers.Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=2, head_dim=16, pad_token_id=0,
        initializer_range=0.5, max_position_embeddings=256,
    )  # fmt: skip
    transformers.Qwen3ForCausalLM(config).save_pretrained(folder / "lm")
    tokenizer.save_pretrained(folder / "lm")
    transformer = Transformer(str(folder / "lm"), transformer_task="text-generation")
    yes, no = (tokenizer.convert_tokens_to_ids(w) for w in ("yes", "no"))
    model = sentence_transformers.CrossEncoder(
        modules=[transformer, LogitScore(true_token_id=yes, false_token_id=no)]
    )
    model.save_pretrained(str(folder / "reranker"))
    return folder / "reranker"


def test_causal_rerankers_keep_template_and_suffix_under_truncation(yes_no: Path) -> None:
    model = TorchCrossEncoder(yes_no, max_length=64, verify=False)
    query = "what is a file"
    seen: list[Any] = []
    real = model._encoder.preprocess

    def spy(pairs: Any, **options: Any) -> Any:
        features = real(pairs, **options)
        seen.append(features["input_ids"])
        return features

    model._encoder.preprocess = spy
    scores, notes = model.score_with_notes([(query, "cats and dogs " * 100), (query, "bytes")])
    assert len(set(scores)) == 2
    assert notes[0]["cut_tokens"] > 0
    tokenizer = model._encoder.tokenizer
    for row in (r for ids in seen for r in ids):
        text = tokenizer.decode(row)
        assert query in text
        assert text.rstrip().endswith("answer yes or no")


def test_its_evidence_is_each_sentence_by_itself(tiny: TorchCrossEncoder) -> None:
    sentences = ["A file is a sequence of bytes.", "Cats purr.", "Dogs bark at night."]
    text = " ".join(sentences)
    query = "what is a file"
    (noted,) = Evidence(tiny, at_most=None)(Ranking.of(query, [text]))
    scores = dict(zip(sentences, tiny.score([(query, one) for one in sentences]), strict=True))
    assert {text[s.start : s.end]: s.score for s in noted.evidence} == pytest.approx(
        scores, abs=tiny.tolerance
    )
    assert noted.evidence[0].score == max(s.score for s in noted.evidence)
