"""Prompts as people write them for Midjourney: picture addresses, words, and flags behind two dashes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import category

from api.midjourney.responses import SubmitError, legible
from models.midjourney.banned_words import banned_word
from models.midjourney.protocol import Code
from models.settings import Settings

_WORD = re.compile(r"\S+")
_ADDRESS = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_FLAG = re.compile(r"(--|—|–)([A-Za-z][A-Za-z-]{0,30})(?:=(\S+))?")  # phones turn -- into a long dash
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_RATIO = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?[:/x][0-9]{1,5}(?:\.[0-9]{1,3})?", re.ASCII)

#: The flags that we understand, by each of their spellings.
_NAMES: Mapping[str, str] = {
    **{"ar": "aspect", "aspect": "aspect", "iw": "image_weight"},
    **{"v": "version", "version": "version", "q": "quality", "quality": "quality"},
    **{"s": "stylize", "stylize": "stylize", "c": "chaos", "chaos": "chaos", "w": "weird", "weird": "weird"},
    **{name: name for name in ("seed", "no", "niji", "style", "tile", "raw", "fast", "relax", "turbo")},
    **{name: name for name in ("stop", "repeat", "hd", "draft", "sw", "cw", "ow", "sref", "cref", "oref")},
}
_BARE = frozenset({"tile", "fast", "relax", "turbo", "raw", "hd", "draft"})  # without a value
_NUMERIC = frozenset(
    {"image_weight", "seed", "stylize", "chaos", "weird", "stop", "repeat", "sw", "cw", "ow"}
)
_OPTIONAL = frozenset({"niji"})  # with or without a number
_ADDRESSES = frozenset({"sref", "cref", "oref"})  # one or more addresses
_WORDS = frozenset({"no"})  # words up to the next flag


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt, taken apart. ``text`` keeps flags that nobody here knows."""

    text: str
    images: Sequence[str] = ()  #: addresses in front of the words
    flags: Mapping[str, str] = field(default_factory=dict)  #: by their long names; bare ones are ""
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: addresses of sref, cref, oref


def read_prompt(prompt: str) -> Prompt:
    """Take a prompt apart. Never fails: what is no proper flag stays in the text, white space and all."""
    spans = [match.span() for match in _WORD.finditer(prompt)]
    words = [prompt[start:end] for start, end in spans]
    images: list[str] = []
    for word in words:
        if (address := _ADDRESS.fullmatch(word)) is None:
            break
        images.append(address[1])
    flags: dict[str, str] = {}
    references: dict[str, list[str]] = {}
    kept: list[tuple[int, int]] = []  # stretches of the prompt that are text
    at = len(images)
    while at < len(words):
        name, values = _flag_at(words, at)
        if name is None:
            if kept and kept[-1][1] == spans[at - 1][1]:
                kept[-1] = (kept[-1][0], spans[at][1])
            else:
                kept.append(spans[at])
        elif name in _ADDRESSES:
            references.setdefault(name, []).extend(values)
        else:
            flags[name] = " ".join(values)
        at += 1 if name is None else 1 + _taken(words[at], values)
    return Prompt(" ".join(prompt[start:end] for start, end in kept), tuple(images), flags, references)


def _taken(word: str, values: Sequence[str]) -> int:
    return 0 if "=" in word else len(values)


def _flag_at(words: Sequence[str], at: int) -> tuple[str | None, list[str]]:
    """Return name and values of the flag that begins here, or ``None``."""
    match = _FLAG.fullmatch(words[at])
    name = _NAMES.get(match[2].lower()) if match else None
    if match is None or name is None or (match[1] != "--" and name in _WORDS):
        return None, []  # a long dash before a word such as "no" is a dash
    if name in _BARE:
        return name, []
    if match[3] is not None:
        return (name, [match[3].strip("<>")]) if _fits(name, match[3]) else (None, [])
    values = _values(words, at + 1, name)
    return (name, values) if values or name in _OPTIONAL else (None, [])


def _values(words: Sequence[str], at: int, name: str) -> list[str]:
    many = name in _WORDS or name in _ADDRESSES
    values: list[str] = []
    for place in range(at, len(words) if many else min(at + 1, len(words))):
        word = words[place]
        if _FLAG.fullmatch(word) or not _fits(name, word):
            break
        values.append(word.strip("<>") if name in _ADDRESSES else word)
    return values


def _fits(name: str, value: str) -> bool:
    if name in _NUMERIC or name in _OPTIONAL:
        return bool(_NUMBER.fullmatch(value))
    if name in _ADDRESSES:
        return bool(_ADDRESS.fullmatch(value))
    return name != "aspect" or bool(_RATIO.fullmatch(value))


# Prompts as they come in: trimmed, not longer than a prompt may be, and without banned words.

_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode's categories of what shows nothing by itself


def words_of(given: str | None, settings: Settings) -> str:
    """Return a prompt without white space around it, or "" if nothing of it shows. Raises ``Refusal``.

    To be asked before anything reads the prompt: every look at the task shows it several times.
    """
    words = (given or "").strip()
    if all(category(letter) in _UNSEEN for letter in words):
        return ""
    if len(words) > settings.prompt_limit:
        raise SubmitError(Code.INVALID, f"prompt: may have at most {settings.prompt_limit:,} characters")
    check_words(words, settings)
    return words


def check_words(words: str, settings: Settings) -> None:
    """Raise ``Refusal`` with code 24 if a prompt has one of the operator's banned words in it."""
    if (word := banned_word(words, settings.midjourney_banned_words)) is not None:
        said = legible(f"prompt: {word} may not be asked for here; leave it out.")
        raise SubmitError(Code.BANNED, said, promptEn=words, bannedWord=word)
