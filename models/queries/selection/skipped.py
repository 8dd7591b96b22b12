"""What a bulk action leaves as it is: counts by reason, and a few samples of each."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

SAMPLES = 5  #: ids that are named of each reason


@dataclass(slots=True)
class Skipped:
    """Jobs or items that are not changed, by reason. ``words``: what each reason means."""

    words: Mapping[str, str]
    counts: Counter[str] = field(default_factory=Counter)
    samples: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, reason: str, ids: Iterable[str]) -> None:
        """Count jobs or items with their ids."""
        for each in ids:
            self.counts[reason] += 1
            self.sample(reason, each)

    def sample(self, reason: str, public: str) -> None:
        """Name one, as one of a few."""
        if len(self.samples[reason]) < SAMPLES and public not in self.samples[reason]:
            self.samples[reason].append(public)

    def to_json(self) -> list[dict[str, Any]]:
        """Return the reasons, the most frequent first."""
        return [
            {
                "reason": name,
                "message": self.words.get(name, name),
                "count": count,
                "samples": self.samples[name],
            }
            for name, count in self.counts.most_common()
        ]


def read_skipped(stored: Iterable[Mapping[str, Any]], words: Mapping[str, str]) -> Skipped:
    """Return what ``to_json`` wrote."""
    found = Skipped(words)
    for each in stored:
        found.counts[each["reason"]] = each["count"]
        found.samples[each["reason"]] = list(each["samples"])
    return found
