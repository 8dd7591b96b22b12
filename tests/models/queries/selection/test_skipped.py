"""What bulk actions leave: counts by reason, and samples."""

from models.queries.selection.skipped import SAMPLES, Skipped, read_skipped

WORDS = {"open": "it is under way"}


def test_reasons_are_counted_with_a_few_samples_each_once() -> None:
    skipped = Skipped(WORDS)
    skipped.add("open", [f"item_{number}" for number in range(SAMPLES + 3)])
    skipped.add("odd", ["item_1"])
    skipped.sample("odd", "item_1")
    first, second = skipped.to_json()
    assert (first["reason"], first["message"], first["count"]) == ("open", "it is under way", SAMPLES + 3)
    assert len(first["samples"]) == SAMPLES
    assert (second["message"], second["samples"]) == ("odd", ["item_1"])


def test_what_was_stored_is_added_to() -> None:
    skipped = Skipped(WORDS)
    skipped.add("open", ["item_1"])
    again = read_skipped(skipped.to_json(), WORDS)
    again.add("open", ["item_2"])
    assert again.to_json()[0]["count"] == 2
