"""Prompts as they come in: trimmed, and not longer than a prompt may be."""

from api.midjourney.envelope import Refusal
from models.midjourney.vocabulary import Code
from models.settings import Settings


def words_of(given: str | None, settings: Settings) -> str:
    """Return a prompt without white space around it, or "". Raises ``Refusal`` for one that is too long.

    To be asked before anything reads the prompt: every look at the task shows it several times.
    """
    words = (given or "").strip()
    if len(words) > settings.prompt_limit:
        raise Refusal(Code.INVALID, f"prompt: may have at most {settings.prompt_limit:,} characters")
    return words
