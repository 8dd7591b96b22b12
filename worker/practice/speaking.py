"""What the provider says where words are asked for: a given text, or numbered prompts."""

from worker.practice.request_parser import Asked, reads_and_writes

_WAYS = (
    "{0}, soft morning light, wide angle, calm colours",
    "A detailed illustration of {0}, ink and watercolour",
    "{0}, close-up, shallow depth of field, film grain",
    "A minimalist poster of {0}, flat shapes, two colours",
)
_LONGEST = 80  # characters of what the prompts are about


def words_for(asked: Asked) -> str | None:
    """Return the text to answer with, or ``None`` where a picture is wanted.

    A model with ``text`` in its name reads and writes; others say what the call's ``says`` tells them to.
    """
    if asked.wish.says is not None:
        return asked.wish.says
    if not reads_and_writes(asked.model):
        return None
    lines = [line.strip() for line in (asked.seen or asked.caption).splitlines() if line.strip()]
    about = (lines[-1] if lines else "a quiet scene")[:_LONGEST]
    return "\n\n".join(f"{number}. {way.format(about)}" for number, way in enumerate(_WAYS, 1))
