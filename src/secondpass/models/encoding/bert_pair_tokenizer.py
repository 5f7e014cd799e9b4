"""BERT tokenizers that keep the template they were given, through transformers' save and load."""

from __future__ import annotations

from typing import Any

from secondpass.core.errors import MissingExtraError

try:
    from tokenizers import Tokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast
except ImportError as error:
    raise MissingExtraError("a late-interaction model in torch", "torch") from error


def pair_tokenizer(tokenizer: Any) -> PreTrainedTokenizerFast:
    """A BERT tokenizer that gives the second segment of a pair a [CLS] of its own.

    Saved and loaded again it stays so, which transformers' BertTokenizer does not: that one
    rebuilds BERT's template.
    """
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] [CLS]:1 $B:1 [SEP]:1",
        special_tokens=[(t, backend.token_to_id(t)) for t in ("[CLS]", "[SEP]")],
    )
    return as_it_is(backend)


def as_it_is(backend: Tokenizer, longest: int = 512) -> PreTrainedTokenizerFast:
    """A tokenizer with BERT's special tokens for transformers, its template left alone."""
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        model_max_length=longest,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        unk_token="[UNK]",
        mask_token="[MASK]",
    )
