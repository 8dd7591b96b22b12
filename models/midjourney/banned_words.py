"""Banned words in prompts: whole words in any case, after Unicode normalisation (NFKC)."""

import unicodedata
from functools import lru_cache

_UNSPACED_SCRIPTS = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "BOPOMOFO"}
    | {"THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI"}
)
"""First words of Unicode names of letters in scripts that put no spaces between words."""


def find_banned_word(prompt: str, words: tuple[str, ...]) -> str | None:
    """Return the first of the words in a prompt, or ``None``.

    Only whole words match, so "ass" is not found in "glass"; in scripts without spaces a word matches
    anywhere. White space, case and width are ignored.
    """
    if not words:
        return None
    text = _normalized(prompt)
    return next((word for word, plain in _normalized_words(words) if _contains_word(text, plain)), None)


@lru_cache(maxsize=4)
def _normalized_words(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((word, plain) for word in words if (plain := _normalized(word)))


def _normalized(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _contains_word(text: str, word: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not _within_word(text, at) and not _within_word(text, end):
            return True
        at = text.find(word, at + 1)
    return False


def _within_word(text: str, at: int) -> bool:
    """Return whether the characters on both sides of a position belong to one word."""
    return 0 < at < len(text) and _is_letter(text[at - 1]) and _is_letter(text[at])


def _is_letter(character: str) -> bool:
    """Return whether a character is a letter, mark or digit of a script with spaces between words."""
    if unicodedata.category(character)[0] not in "LMN":
        return False
    return unicodedata.name(character, "").partition(" ")[0] not in _UNSPACED_SCRIPTS
