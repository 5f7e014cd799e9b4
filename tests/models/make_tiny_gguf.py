"""Write a llama of 100,000 random weights that llama.cpp loads.

    pip install gguf
    python tests/models/make_tiny_gguf.py tiny.gguf

It knows nothing, but it has the manners of a model that answers in one word: it says Yes, No, a
digit or a letter of `LIKELY`, each with a probability that depends on what it read, and stops.
Without that, no label would be among the likeliest tokens that a server reports.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import gguf
import numpy as np
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from secondpass.judge.chat.prompts import Prompts

LIKELY = ("Yes", "No", *"0123456789", *"BCDFGHJK")
"""As many as the alternatives that a judge asks for."""
END = "<|im_end|>"
SPECIAL = ("<|endoftext|>", "<|im_start|>", END)
CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
WIDTH, HEADS, INNER, LAYERS, CONTEXT = 64, 4, 128, 2, 4096


def write(path: Path, seed: int = 0) -> None:
    """Write the model to a file."""
    tokens, merges = _vocabulary()
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("tiny random llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(tokens)
    kinds = gguf.TokenType.CONTROL, gguf.TokenType.NORMAL
    writer.add_token_types([kinds[token not in SPECIAL] for token in tokens])
    writer.add_token_merges(merges)
    writer.add_bos_token_id(tokens.index(SPECIAL[0]))
    writer.add_eos_token_id(tokens.index(END))
    writer.add_add_bos_token(False)
    writer.add_chat_template(CHATML)
    for name, weights in _weights(tokens, seed).items():
        writer.add_tensor(f"{name}.weight", weights.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _vocabulary() -> tuple[list[str], list[str]]:
    """Byte-level BPE, trained on what a judge is told, so that prompts have usual lengths."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=700,
        show_progress=False,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    texts = [str(text) for text in asdict(Prompts()).values()]
    tokenizer.train_from_iterator([*texts, *("Yes", "No") * 100], trainer)
    vocabulary = tokenizer.get_vocab()
    tokens = sorted(vocabulary, key=lambda token: vocabulary[token])
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [*tokens, *SPECIAL], [" ".join(pair) for pair in merges]


def _weights(tokens: list[str], seed: int) -> dict[str, np.ndarray]:
    """Random, but for two places of the hidden state: 0 is always on, 1 is on after a label."""
    rng = np.random.default_rng(seed)
    labels = [tokens.index(token) for token in LIKELY]
    blanks = [i for i, token in enumerate(tokens) if not token.strip("\u0120\u010a\u0109")]
    embedding = rng.normal(size=(len(tokens), WIDTH))
    embedding[:, :2] = 4.0, 0.0
    embedding[labels, 1] = 16.0
    output = rng.normal(size=(len(tokens), WIDTH), scale=0.15)
    output[:, :2] = 0.0
    output[labels, 0] = 5.0
    output[blanks, 0] = -3.0  # a grammar may allow endless white space
    output[tokens.index(END), 1] = 10.0  # one label, and no more
    made = {"token_embd": embedding, "output": output, "output_norm": np.ones(WIDTH)}
    for i in range(LAYERS):
        made[f"blk.{i}.attn_norm"] = made[f"blk.{i}.ffn_norm"] = np.ones(WIDTH)
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            made[f"blk.{i}.{name}"] = rng.normal(size=(WIDTH, WIDTH), scale=0.2)
        made[f"blk.{i}.ffn_gate"] = rng.normal(size=(INNER, WIDTH), scale=0.1)
        made[f"blk.{i}.ffn_up"] = rng.normal(size=(INNER, WIDTH), scale=0.1)
        made[f"blk.{i}.ffn_down"] = rng.normal(size=(WIDTH, INNER), scale=0.1)
        made[f"blk.{i}.attn_output"][:2] = made[f"blk.{i}.ffn_down"][:2] = 0.0
    return made


if __name__ == "__main__":
    write(Path(sys.argv[1]))
