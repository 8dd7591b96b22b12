"""Find what members of an answer say of an image that was withheld by a safety filter.

Sources: Imagen's ``raiFilteredReason`` (js-genai ``GeneratedImage``), Azure's ``content_filter_results``,
Stability's ``artifacts[].finishReason``, and flags such as ``is_image_safe`` and ``has_nsfw_concepts``.
"""

import re
from collections.abc import Iterator, Mapping

from worker.upstream.matching import fold_name, word_set

#: top-level members in which such members stand
_PLACES = word_set(
    "predictions generatedImages generated_images artifacts images data results result output outputs "
    "prompt_filter_results content_filter_results prompt_filter_result content_filter_result"
)
# names of members, in lower case and without separators
_REASONS = word_set(
    "raifilteredreason filteredreason blockreason blockreasonmessage nsfwreason safetyreason "
    "moderationreason moderationmessage"
)
_STATES = word_set(
    "finishreason moderationstatus safetystatus filterstatus moderationresult safetyresult filterresult "
    "moderationstate"
)
_SAFE_FLAGS = word_set("safe issafe imagesafe isimagesafe contentsafe iscontentsafe promptsafe ispromptsafe")
_UNSAFE_FLAGS = word_set(
    "nsfw isnsfw hasnsfw nsfwdetected nsfwcontentdetected nsfwconcepts hasnsfwconcepts hasnsfwcontent unsafe "
    "isunsafe filtered isfiltered blocked isblocked flagged isflagged moderated ismoderated sensitive "
    "issensitive"
)
_NAMES = _REASONS | _STATES | _SAFE_FLAGS | _UNSAFE_FLAGS
_WITHHELD = re.compile(
    r"filter|safety|moderat|nsfw|block|reject|unsafe|prohibit|sensitive|violat", re.IGNORECASE
)
_UNSTATED = word_set("none null block_reason_unspecified")
_MAX_DEPTH = 5
_MAX_ITEMS = 50
_MAX_WORDS = 500  #: characters of one reason


def withheld_reasons(body: Mapping[str, object]) -> list[str]:
    """Return why safety filters withheld images; empty if no member says so."""
    found = [reason for name, value in body.items() for reason in _flags(name, value)]
    found += [reason for name in _PLACES & body.keys() for reason in _reasons(body[name], name)]
    return list(dict.fromkeys(found))


def _reasons(value: object, name: str, depth: int = 0) -> Iterator[str]:
    if depth > _MAX_DEPTH:
        return
    if isinstance(value, list):
        for item in value[:_MAX_ITEMS]:
            yield from _reasons(item, name, depth + 1)
    elif isinstance(value, Mapping):
        for member, inner in value.items():
            yield from _flags(member, inner, of=name)
            yield from _reasons(inner, member, depth + 1)


def _flags(name: str, value: object, *, of: str = "") -> Iterator[str]:
    """Yield what one member says: its value, or each in its list."""
    if (folded := fold_name(name)) not in _NAMES:
        return
    for item in value[:_MAX_ITEMS] if isinstance(value, list) else [value]:
        if isinstance(item, str):
            words = item.strip()
            told = folded in _REASONS and words and words.lower() not in _UNSTATED
            if told or (folded in _STATES and _WITHHELD.search(words)):
                yield words[:_MAX_WORDS]
        elif (item is False and folded in _SAFE_FLAGS) or (item is True and folded in _UNSAFE_FLAGS):
            yield f"{of}: {name} is {str(item).lower()}" if of else f"{name} is {str(item).lower()}"
