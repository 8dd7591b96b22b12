"""Which retention rule is in force, and what people write."""

from datetime import timedelta

import pytest

from models.errors import InvalidRequest
from models.operations.retention import (
    KEEP,
    Deletion,
    Retention,
    RetentionKind,
    RuleOwner,
    read_period,
    read_rules,
    retention_view,
)
from tests.worker.leased import NOW

K = RetentionKind
DAY = timedelta(days=1)


def test_the_campaign_outranks_the_caller_and_that_the_settings() -> None:
    settings = {K.JOBS: DAY, K.EVENTS: DAY, K.PICTURES: DAY}
    rules = Retention({K.JOBS: None}, {K.JOBS: 2 * DAY, K.EVENTS: 2 * DAY}, settings)
    assert (rules.period(K.JOBS), rules.period(K.EVENTS), rules.period(K.PICTURES)) == (None, 2 * DAY, DAY)
    assert rules.period(K.ANSWERS) is None


def test_what_is_due_counts_from_the_end_of_the_job() -> None:
    rules = Retention({}, {}, {K.JOBS: 30 * DAY, K.PICTURES: DAY})
    assert rules.due(NOW - 2 * DAY, NOW) == {K.PICTURES}
    assert rules.due(NOW - 31 * DAY, NOW) == {K.JOBS, K.PICTURES}
    assert rules.due(NOW, NOW) == frozenset()


def test_a_kind_goes_by_its_own_rule_or_earlier_with_what_it_belongs_to() -> None:
    rules = Retention({K.JOBS: 2 * DAY}, {K.ATTEMPTS: DAY}, {K.PICTURES: 9 * DAY, K.EVENTS: DAY})
    assert [rules.deletion(kind) for kind in (K.JOBS, K.EVENTS, K.ANSWERS, K.THUMBNAILS)] == [
        Deletion(K.JOBS, 2 * DAY, K.JOBS, RuleOwner.CAMPAIGN),
        Deletion(K.EVENTS, DAY, K.EVENTS, RuleOwner.SETTINGS),
        Deletion(K.ANSWERS, DAY, K.ATTEMPTS, RuleOwner.CALLER),
        Deletion(K.THUMBNAILS, 2 * DAY, K.JOBS, RuleOwner.CAMPAIGN),
    ]
    shown = retention_view(rules, None)["kinds"][0]
    assert (shown["seconds"], shown["due_at"]) == (2 * 86_400, None), "it has not ended"


def test_of_a_job_that_is_kept_nothing_is_due() -> None:
    rules = Retention({K.JOBS: DAY}, {K.EVENTS: DAY}, {K.PICTURES: DAY}, keep=True)
    assert rules.due(NOW - 99 * DAY, NOW) == frozenset()
    assert {rules.deletion(kind).rule for kind in K} == {RuleOwner.JOB}
    assert {each["due_at"] for each in retention_view(rules, NOW)["kinds"]} == {None}


@pytest.mark.parametrize(
    ("written", "read"),
    [("30d", 30 * 86_400), ("12h", 43_200), ("90", 90), ("1.5h", 5400), (60, 60), ("keep", KEEP)],
)
def test_periods_are_read_with_their_unit(written: object, read: object) -> None:
    assert read_period("jobs", written) == read


@pytest.mark.parametrize("written", ["", "0", "-1d", "soon", "1 month", None, True, 1e12])
def test_anything_else_is_refused(written: object) -> None:
    with pytest.raises(InvalidRequest, match="30d"):
        read_period("jobs", written)


def test_a_rule_that_can_not_be_read_keeps() -> None:
    rules = read_rules({"jobs": "keep", "events": 60, "pictures": {"a": 1}, "unknown": 1})
    assert rules == {K.JOBS: None, K.EVENTS: timedelta(seconds=60), K.PICTURES: None}
    assert read_rules("damaged") == {}
