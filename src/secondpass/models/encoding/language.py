"""Whether a text is in another language than English, by its script and its commonest words."""

from __future__ import annotations

import re

CHARACTERS = 400
"""Of a text that are looked at."""
SCRIPT_LETTERS, WORDS = 4, 6
"""Of a text with fewer letters the script, and with fewer words the words, say nothing."""
_WORD = re.compile(r"[^\W\d_]+")
_ENGLISH_WORDS = """
the of and to in is that for it as was with be on by are this from at or an have not which you we
can his has their been were will would there how what when who where does do
"""
_OTHER_WORDS = """
der die und das ist nicht ein eine den von zu mit auf für sich dem des im auch wird wie wer
het een van dat niet zijn voor met ook wordt hoe og att som är på av det til ikke jag
el la los las que y en una por con para se del al es qué cómo le les et est un une dans pour
qui sur pas du au ce il di che della per sono non più gli nel lo os da em não uma um
quel quelle comment și este care pentru din
nie się jest na jak czy że je bir ve bu için ile ne ja on ei että az és egy hogy
yang dan untuk dengan adalah là và của có không được
"""
"""German, Dutch and Scandinavian; Spanish, Portuguese, French, Italian and Romanian; Polish, Czech,
Turkish, Finnish and Hungarian; Indonesian and Vietnamese."""
_ENGLISH = frozenset(_ENGLISH_WORDS.split())
_OTHER = frozenset(_OTHER_WORDS.split()) - _ENGLISH
"""Each in at least one of these languages, and no English word but "die", "pas" and the like."""


def is_other_language(text: str) -> bool:
    """Whether most letters are not Latin, or other languages' common words outnumber English ones.

    Code, names and short texts count as English: what is doubtful is not reported.
    """
    head = text[:CHARACTERS]
    words = _WORD.findall(head)
    if not head.isascii():
        letters = "".join(words)
        latin = sum(letter <= "\u024f" or "\u1e00" <= letter <= "\u1eff" for letter in letters)
        if 2 * latin < len(letters) and len(letters) >= SCRIPT_LETTERS:
            return True
    if len(words) < WORDS:
        return False
    # in lower case only: Los Angeles and La Jolla are names
    english = sum(word in _ENGLISH for word in words)
    other = sum(word in _OTHER for word in words)
    return other > 2 * english and other * 12 >= len(words)
