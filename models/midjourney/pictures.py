"""Which pictures a task shows, in the order of their numbers."""

from collections import defaultdict
from collections.abc import Sequence
from itertools import chain, zip_longest
from typing import Any


def numbered(pictures: Sequence[Any], wanted: int) -> list[Any]:
    """Number the pictures of a task's parts: the first of each part, then what parts have to spare.

    ``pictures`` are asset rows in the order of parts. Missing ones leave no gap, so number 1 is always there.
    """
    by_part: defaultdict[Any, list[Any]] = defaultdict(list)
    for picture in pictures:
        by_part[picture.job_id].append(picture)
    rounds = chain.from_iterable(zip_longest(*by_part.values()))
    return [picture for picture in rounds if picture is not None][:wanted]
