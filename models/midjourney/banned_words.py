"""Words that prompts may not contain, found as readers see them: in any case, and as whole words."""

import unicodedata
from functools import lru_cache

_UNSPACED = frozenset(
    {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "IDEOGRAPHIC", "BOPOMOFO"}
    | {"THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN", "YI"}
)
"""How Unicode's names of letters begin in scripts that put no spaces between words."""


def banned_word(prompt: str, words: tuple[str, ...]) -> str | None:
    """Return the first of the words that stands in a prompt, or ``None``.

    Letters must not go on before or after it, so "ass" is not found in "glass"; in scripts without spaces it
    is found anywhere. White space, case and width do not count.
    """
    if not words:
        return None
    text = _plain(prompt)
    return next((word for word, plain in _plain_words(words) if _stands_in(plain, text)), None)


@lru_cache(maxsize=4)
def _plain_words(words: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return tuple((word, plain) for word in words if (plain := _plain(word)))


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _stands_in(word: str, text: str) -> bool:
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not _goes_on(text, at) and not _goes_on(text, end):
            return True
        at = text.find(word, at + 1)
    return False


def _goes_on(text: str, at: int) -> bool:
    """Tell whether one word goes on across this place."""
    return 0 < at < len(text) and _is_letter(text[at - 1]) and _is_letter(text[at])


def _is_letter(character: str) -> bool:
    """Tell whether it is a letter, mark or digit of a script with spaces between words."""
    if unicodedata.category(character)[0] not in "LMN":
        return False
    return unicodedata.name(character, "").partition(" ")[0] not in _UNSPACED
