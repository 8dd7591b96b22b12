"""Sets of names, written as one line of text."""


def words(text: str) -> frozenset[str]:
    """Return the set of the words in ``text``."""
    return frozenset(text.split())
