"""Names of checks, and which of them lead to a further take."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from models.checks.findings import COLUMNS, Check, CheckRules, found_in
from models.tables import assets


def test_each_check_has_a_column_of_assets() -> None:
    assert set(COLUMNS) == set(Check)
    assert set(COLUMNS.values()) <= set(assets.c.keys())


def test_false_and_nothing_are_no_findings() -> None:
    row = dict.fromkeys(COLUMNS.values(), None) | {"blank": True, "wrong_size": False, "check_problem": "x"}
    assert found_in(SimpleNamespace(**row)) == [Check.BLANK, Check.UNREADABLE]


def test_only_findings_with_the_policy_reroll_lead_to_a_take() -> None:
    rules = CheckRules(blank="reroll")
    assert rules.reroll_reason([Check.SIZE, Check.BLANK]) is Check.BLANK
    assert rules.reroll_reason([Check.SIZE, Check.C2PA]) is None
    assert CheckRules().rerolling == frozenset()


def test_unknown_checks_and_policies_are_refused() -> None:
    for given in ({"c2pa": "reroll"}, {"blank": "delete"}, {"rerolls": 0}):
        with pytest.raises(ValidationError):
            CheckRules.model_validate(given)
