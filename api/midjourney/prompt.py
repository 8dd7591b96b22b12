"""Prompts as people write them for Midjourney: image URLs, text, and flags behind two dashes."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from unicodedata import category

from api.midjourney.responses import SubmitError, short_text
from models.midjourney.banned_words import find_banned_word
from models.midjourney.protocol import Code
from models.settings import Settings

_WORD = re.compile(r"\S+")
_URL = re.compile(r"<?(https?://[^\s<>]+)>?", re.IGNORECASE)
_FLAG = re.compile(r"(--|—|–)([A-Za-z][A-Za-z-]{0,30})(?:=(\S+))?")  # phones turn -- into a long dash
_NUMBER = re.compile(r"-?[0-9]{1,12}(?:\.[0-9]{1,6})?", re.ASCII)
_RATIO = re.compile(r"[0-9]{1,5}(?:\.[0-9]{1,3})?[:/x][0-9]{1,5}(?:\.[0-9]{1,3})?", re.ASCII)

MOTIONS = ("low", "high")
"""How much moves in a video."""

#: Known flags by each of their spellings.
_FLAG_NAMES: Mapping[str, str] = {
    **{"ar": "aspect", "aspect": "aspect", "iw": "image_weight"},
    **{"v": "version", "version": "version", "q": "quality", "quality": "quality"},
    **{"s": "stylize", "stylize": "stylize", "c": "chaos", "chaos": "chaos", "w": "weird", "weird": "weird"},
    **{name: name for name in ("seed", "no", "niji", "style", "tile", "raw", "fast", "relax", "turbo")},
    **{name: name for name in ("stop", "repeat", "hd", "draft", "sw", "cw", "ow", "sref", "cref", "oref")},
    **{"bs": "batch_size", "video": "video", "motion": "motion", "loop": "loop", "end": "end"},
}
_BARE = frozenset({"tile", "fast", "relax", "turbo", "raw", "hd", "draft", "loop"})  # without a value
_NUMERIC = frozenset(
    {"image_weight", "seed", "stylize", "chaos", "weird", "stop", "repeat", "sw", "cw", "ow", "batch_size"}
)
_OPTIONAL = frozenset({"niji", "video"})  # with or without a number
_URLS = frozenset({"sref", "cref", "oref", "end"})  # one or more URLs
_WORDS = frozenset({"no"})  # words up to the next flag

_INVISIBLE = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp"})  # Unicode categories


@dataclass(frozen=True, slots=True)
class ParsedPrompt:
    """A prompt's parts. ``text`` keeps unknown flags."""

    text: str
    images: Sequence[str] = ()  #: URLs in front of the text
    flags: Mapping[str, str] = field(default_factory=dict)  #: by their long names; bare ones are ""
    references: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: URLs by sref, cref, oref, end


def clean_prompt(given: str | None, settings: Settings) -> str:
    """Return a prompt without white space around it, or "" if nothing of it is visible.

    Called before the prompt is stored or parsed. Raises ``SubmitError`` for one that is too long or has a
    banned word in it.
    """
    prompt = (given or "").strip()
    if all(category(letter) in _INVISIBLE for letter in prompt):
        return ""
    if len(prompt) > settings.prompt_limit:
        raise SubmitError(Code.INVALID, f"prompt: may have at most {settings.prompt_limit:,} characters")
    check_banned_words(prompt, settings)
    return prompt


def required_prompt(given: str | None, settings: Settings) -> str:
    """Return a clean prompt. Raises ``SubmitError`` also for an empty one."""
    if not (prompt := clean_prompt(given, settings)):
        raise SubmitError(Code.INVALID, "prompt: must not be empty")
    return prompt


def check_banned_words(prompt: str, settings: Settings) -> None:
    """Raise ``SubmitError`` with code 24 if a prompt has one of the operator's banned words in it."""
    if (word := find_banned_word(prompt, settings.midjourney_banned_words)) is not None:
        description = short_text(f"prompt: {word} may not be asked for here; leave it out.")
        raise SubmitError(Code.BANNED, description, promptEn=prompt, bannedWord=word)


def parse_prompt(prompt: str) -> ParsedPrompt:
    """Parse a prompt. Never fails: what is no valid flag stays in the text, with its white space."""
    spans = [match.span() for match in _WORD.finditer(prompt)]
    words = [prompt[start:end] for start, end in spans]
    images: list[str] = []
    for word in words:
        if (url := _URL.fullmatch(word)) is None:
            break
        images.append(url[1])
    flags: dict[str, str] = {}
    references: dict[str, list[str]] = {}
    text: list[tuple[int, int]] = []  # spans of the prompt
    at = len(images)
    while at < len(words):
        name, values = _flag_at(words, at)
        if name is None:
            if text and text[-1][1] == spans[at - 1][1]:
                text[-1] = (text[-1][0], spans[at][1])
            else:
                text.append(spans[at])
        elif name in _URLS:
            references.setdefault(name, []).extend(values)
        else:
            flags[name] = " ".join(values)
        at += 1 if name is None else 1 + _values_taken(words[at], values)
    return ParsedPrompt(" ".join(prompt[start:end] for start, end in text), tuple(images), flags, references)


def _values_taken(word: str, values: Sequence[str]) -> int:
    return 0 if "=" in word else len(values)


def _flag_at(words: Sequence[str], at: int) -> tuple[str | None, list[str]]:
    """Return name and values of the flag at this word, or ``None`` and no values."""
    match = _FLAG.fullmatch(words[at])
    name = _FLAG_NAMES.get(match[2].lower()) if match else None
    if match is None or name is None or (match[1] != "--" and name in _WORDS):
        return None, []  # a long dash before a word such as "no" is a dash
    if name in _BARE:
        return name, []
    if match[3] is not None:
        return (name, [match[3].strip("<>")]) if _fits(name, match[3]) else (None, [])
    values = _values(words, at + 1, name)
    return (name, values) if values or name in _OPTIONAL else (None, [])


def _values(words: Sequence[str], at: int, name: str) -> list[str]:
    many = name in _WORDS or name in _URLS
    values: list[str] = []
    for place in range(at, len(words) if many else min(at + 1, len(words))):
        word = words[place]
        if _FLAG.fullmatch(word) or not _fits(name, word):
            break
        values.append(word.strip("<>") if name in _URLS else word)
    return values


def _fits(name: str, value: str) -> bool:
    if name in _NUMERIC or name in _OPTIONAL:
        return bool(_NUMBER.fullmatch(value))
    if name in _URLS:
        return bool(_URL.fullmatch(value))
    if name == "motion":
        return value.lower() in MOTIONS
    return name != "aspect" or bool(_RATIO.fullmatch(value))
