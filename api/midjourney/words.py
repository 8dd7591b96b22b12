"""Prompts as they come in: trimmed, not longer than a prompt may be, and without banned words."""

from unicodedata import category

from api.midjourney.responses import Refusal, legible
from models.midjourney.banned_words import banned_word
from models.midjourney.protocol import Code
from models.settings import Settings

_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode's categories of what shows nothing by itself


def words_of(given: str | None, settings: Settings) -> str:
    """Return a prompt without white space around it, or "" if nothing of it shows. Raises ``Refusal``.

    To be asked before anything reads the prompt: every look at the task shows it several times.
    """
    words = (given or "").strip()
    if all(category(letter) in _UNSEEN for letter in words):
        return ""
    if len(words) > settings.prompt_limit:
        raise Refusal(Code.INVALID, f"prompt: may have at most {settings.prompt_limit:,} characters")
    check_words(words, settings)
    return words


def check_words(words: str, settings: Settings) -> None:
    """Raise ``Refusal`` with code 24 if a prompt has one of the operator's banned words in it."""
    if (word := banned_word(words, settings.midjourney_banned_words)) is not None:
        said = legible(f"prompt: {word} may not be asked for here; leave it out.")
        raise Refusal(Code.BANNED, said, promptEn=words, bannedWord=word)
