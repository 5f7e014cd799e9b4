"""Which queries something was fitted on, without keeping their text."""

from __future__ import annotations

import hashlib
import unicodedata


def fingerprint(query: str) -> str:
    """16 hexadecimal digits that stand for a query; case and spacing do not matter.

    Calibrators keep those of the queries that they were fitted on, so that a guarantee can refuse
    the same queries. A short digest hides no query from someone who can guess it.
    """
    plain = " ".join(unicodedata.normalize("NFKC", query).casefold().split())
    return hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:16]
