"""Embeddings by words: the same for the same text, near for texts that share words.

They know nothing of meaning. https://docs.aws.amazon.com/bedrock/latest/userguide/titan-embedding-models.html
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from local_cloud.engine.model.pieces import malformed, tokens_of

#: How many numbers each model gives, its default first.
DIMENSIONS = {
    "amazon.titan-embed-text-v1": (1536,),
    "amazon.titan-embed-text-v2:0": (1024, 512, 256),
}
MOST_CHARACTERS = 50_000
_WORD = re.compile(r"\w+")


def answer_of(model: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return what Titan answers.

    Raises:
        ModelFailed: the request is none of Titan's.
    """
    sizes = DIMENSIONS[model]
    text, size = body.get("inputText"), body.get("dimensions", sizes[0])
    if not isinstance(text, str) or not text:
        raise malformed("required key [inputText] not found")
    if len(text) > MOST_CHARACTERS:
        raise malformed(f"expected maxLength: {MOST_CHARACTERS}, actual: {len(text)}")
    if size not in sizes:
        raise malformed(f"{size} is not a valid enum value")
    vector = embedded(text, size)
    told: dict[str, Any] = {"embedding": vector, "inputTextTokenCount": tokens_of(text)}
    return told if len(sizes) == 1 else {**told, "embeddingsByType": {"float": vector}}


def embedded(text: str, size: int) -> list[float]:
    """Return a vector of length 1: each word and each pair of words moves it in its own way."""
    words = [word.lower() for word in _WORD.findall(text)] or [text]
    vector = [0.0] * size
    for feature in (*words, *(f"{a} {b}" for a, b in pairwise(words))):
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        place = int.from_bytes(digest[:6]) % size
        vector[place] += 1.0 if digest[7] & 1 else -1.0
    length = math.sqrt(sum(one * one for one in vector)) or 1.0
    return [one / length for one in vector]
