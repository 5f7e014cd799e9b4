"""The shape of OpenAI's answers, for the stand-in server."""

from __future__ import annotations

import math
import time
from typing import Any

from secondpass.testing.chat_answers import Said


def completion(body: dict[str, Any], said: Said, reason: str, logprobs: bool) -> dict[str, Any]:
    """A chat completion as the protocol has it."""
    prompt = sum(len(str(m.get("content"))) for m in body.get("messages", [])) // 4
    written = -(-len(said.text) // 4)
    return {
        "id": "chatcmpl-stand-in",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": str(body.get("model")),
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": said.text, "refusal": None},
                "finish_reason": reason,
                "logprobs": _logprobs(said, body) if logprobs else None,
            }
        ],
        "usage": {
            "prompt_tokens": prompt,
            "completion_tokens": written,
            "total_tokens": prompt + written,
        },
    }


def _logprobs(said: Said, body: dict[str, Any]) -> dict[str, Any]:
    top = int(body.get("top_logprobs") or 0)
    places = said.tokens or (((said.text, 1.0),),)
    content = []
    for likely in places:
        entries = [
            {"token": t, "logprob": math.log(max(p, 1e-30)), "bytes": list(t.encode())}
            for t, p in likely
        ]
        content.append({**entries[0], "top_logprobs": entries[:top]})
    return {"content": content, "refusal": None}
