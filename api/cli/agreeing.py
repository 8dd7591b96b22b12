"""Asking the person at the terminal before something that can't be undone or is charged."""

import sys


def agreed(question: str) -> bool:
    """Ask; without a terminal, nobody agrees."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
